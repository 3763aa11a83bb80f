"""What is new in what a poll saw: told once, numbered, never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.news import Beginning, deleted, news_of
from adapters.port import Act, Change, Incomplete, Liker, Nonsense, Sighting, Unused
from schemas.facts.message import Author, Content

if TYPE_CHECKING:
    from adapters.watch import Row

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def seen(text: str = "Bonjour", **changes: object) -> Sighting:
    change = Change(
        Act.POSTED, "activity:42", f"d{text}", "posted:t", "12", "identity:7", NOON, Author(name="Camille", organisation="Intérieur"),
        Content(html=text, text=text),
    )  # fmt: skip
    return replace(Sighting("activity:42", lambda: change, f"d{text}", NOON), **changes)  # type: ignore[arg-type]


def row_after(sighting: Sighting) -> Row:
    news = news_of(sighting, None, Beginning(NOON), LATER)
    assert news is not None
    return news.after


def change_of(sighting: Sighting, row: Row | None) -> Change:
    news = news_of(sighting, row, Beginning(NOON), LATER)
    assert news is not None
    assert isinstance(news.outcome, Change)
    return news.outcome


def test_what_is_seen_for_the_first_time_is_told_as_posted_and_noted_before_it_is_told() -> None:
    news = news_of(seen(), None, Beginning(NOON), LATER)
    assert news is not None
    assert news.outcome == seen().outcome
    assert (news.before and news.before.revision, news.after.revision) == (0, 1)


def test_what_looks_the_same_is_no_news() -> None:
    assert news_of(seen(), row_after(seen()), Beginning(NOON), LATER) is None


def test_what_stood_there_before_we_were_to_look_is_remembered_and_not_told() -> None:
    news = news_of(seen(), None, Beginning(NOON + timedelta(minutes=1)), LATER)
    assert news is not None
    assert (news.outcome, news.before, news.after.revision) == (None, None, 1)
    assert change_of(seen("Bonsoir"), news.after).act is Act.EDITED


def test_a_greater_number_than_stood_there_is_new_whatever_its_time_and_told_at_ours() -> None:
    beginning = Beginning(NOON, floor=41)
    early, ahead = NOON - timedelta(days=1), LATER + timedelta(days=1)
    for wrong in (early, ahead):
        news = news_of(seen(number=42, created_at=wrong), None, beginning, LATER)
        assert news is not None
        assert isinstance(news.outcome, Change)
        assert (news.outcome.occurred_at, news.after.created_at) == (LATER, LATER)
    before = news_of(seen(number=41, created_at=early), None, beginning, LATER)
    assert before is not None
    assert before.outcome is None


def test_at_the_first_look_what_bears_a_time_that_has_not_come_stays_there() -> None:
    first = news_of(seen(number=42, created_at=LATER + timedelta(hours=1)), None, Beginning(NOON), LATER)
    assert first is not None
    assert first.outcome is None


def test_a_first_telling_that_was_cut_short_keeps_its_corrected_time() -> None:
    wrong = seen(number=42, created_at=NOON - timedelta(days=1))
    news = news_of(wrong, None, Beginning(NOON, floor=41), LATER)
    assert news is not None
    again = news_of(wrong, news.before, Beginning(NOON, floor=41), LATER + timedelta(minutes=1))
    assert again is not None
    assert again.outcome == news.outcome


def unread(number: int | None = None) -> Sighting:
    """What could not be read tells no time."""
    wrong, never = Nonsense("activity_malformed"), datetime.fromtimestamp(0, UTC)
    return replace(seen(), tell=lambda: wrong, created_at=never, document={"id": "43"}, number=number)


def test_what_cannot_be_read_and_came_since_the_tie_by_its_number_is_told_with_what_it_was() -> None:
    news = news_of(unread(number=43), None, Beginning(NOON, floor=42), LATER)
    assert news is not None
    assert (news.outcome, news.document) == (Nonsense("activity_malformed"), {"id": "43"})
    assert news_of(unread(number=43), news.after, Beginning(NOON, floor=42), LATER) is None


@pytest.mark.parametrize("floor", [None, 43])
def test_what_cannot_be_read_and_stood_there_before_the_tie_by_its_number_stays_there(floor: int | None) -> None:
    news = news_of(unread(number=43), None, Beginning(NOON, floor), LATER)
    assert news is not None
    assert (news.outcome, news.document) == (None, None)


def test_what_cannot_be_read_and_tells_no_number_is_named_without_its_words() -> None:
    news = news_of(unread(), None, Beginning(NOON), LATER)
    assert news is not None
    again = news_of(unread(), news.before, Beginning(NOON), LATER)
    assert again is not None
    assert [(one.outcome, one.document) for one in (news, again)] == [(Nonsense("activity_malformed"), None)] * 2


def test_two_edits_to_the_same_words_are_two_events_and_a_repeat_of_one_is_one() -> None:
    first = row_after(seen())
    there = change_of(seen("Bonsoir"), first)
    assert change_of(seen("Bonsoir"), first).marker == there.marker
    second = news_of(seen("Bonsoir"), first, Beginning(NOON), LATER)
    assert second is not None
    back = news_of(seen(), second.after, Beginning(NOON), LATER)
    assert back is not None
    again = change_of(seen("Bonsoir"), back.after)
    assert (there.act, again.act, there.occurred_at) == (Act.EDITED, Act.EDITED, LATER)
    assert again.marker != there.marker


def test_a_first_telling_that_was_cut_short_is_repeated_as_it_was() -> None:
    begun = replace(row_after(seen()), revision=0)
    assert change_of(seen(), begun) == seen().outcome


def test_a_first_telling_that_was_cut_short_before_an_edit_becomes_the_edit_that_creates() -> None:
    begun = replace(row_after(seen()), revision=0)
    assert change_of(seen("Bonsoir"), begun).act is Act.EDITED


def cut_short(sighting: Sighting, row: Row) -> tuple[str, Row]:
    """An edit that was told, and of which nothing but what was noted before that is remembered."""
    news = news_of(sighting, row, Beginning(NOON), LATER)
    assert news is not None
    assert isinstance(news.outcome, Change)
    assert news.before is not None
    return news.outcome.marker, news.before


def test_an_edit_that_was_perhaps_told_is_told_again_as_it_was_and_its_reversal_as_another() -> None:
    there, begun = cut_short(seen("Bonsoir"), row_after(seen()))
    news = news_of(seen("Bonsoir"), begun, Beginning(NOON), LATER)
    assert news is not None
    assert news.before is None
    assert isinstance(news.outcome, Change)
    assert (news.outcome.marker, news.after) == (there, replace(row_after(seen("Bonsoir")), revision=2))
    back, begun = cut_short(seen(), begun)
    again, _ = cut_short(seen("Bonsoir"), begun)
    assert len({there, back, again}) == 3


def test_an_edit_of_a_first_telling_that_was_cut_short_is_noted_too() -> None:
    _, begun = cut_short(seen("Bonsoir"), replace(row_after(seen()), revision=0))
    back = change_of(seen(), begun)
    assert (back.act, back.content) == (Act.EDITED, Content(html="Bonjour", text="Bonjour"))


def test_what_is_perhaps_told_to_be_there_again_is_asked_for_when_it_is_missing() -> None:
    _, begun = cut_short(seen(), deleted(row_after(seen()), "12", LATER).after)
    assert not begun.gone


def liker(name: str) -> Liker:
    return Liker(f"identity:{name}", Author(name=name, organisation="Intérieur"), "👍")


def gestures_of(sighting: Sighting, row: Row | None) -> tuple[list[tuple[Act, str, str]], Row]:
    news = news_of(sighting, row, Beginning(NOON), LATER)
    assert news is not None
    return [(one.act, one.native_id, one.actor) for one in news.likes], news.after


def test_a_like_is_told_once_and_taken_back_once_and_set_anew_it_is_another_one() -> None:
    liked, plain = seen(likes=(liker("leo"),)), seen()
    first, row = gestures_of(liked, row_after(plain))
    assert first == [(Act.REACTED, "like:activity:42/1", "identity:leo")]
    assert news_of(liked, row, Beginning(NOON), LATER) is None
    back, row = gestures_of(plain, row)
    assert back == [(Act.UNREACTED, "like:activity:42/1", "identity:leo")]
    assert news_of(plain, row, Beginning(NOON), LATER) is None
    again, row = gestures_of(liked, row)
    assert again == [(Act.REACTED, "like:activity:42/2", "identity:leo")]


def test_likes_come_after_their_message_and_after_its_edit() -> None:
    first, row = gestures_of(seen(likes=(liker("leo"),)), None)
    assert first == [(Act.REACTED, "like:activity:42/1", "identity:leo")]
    told, _ = gestures_of(seen("Bonsoir", likes=(liker("leo"), liker("ada"))), row)
    assert told == [(Act.REACTED, "like:activity:42/2", "identity:ada")]


def test_a_like_that_was_being_told_when_we_died_is_told_again_under_the_same_name() -> None:
    news = news_of(seen(likes=(liker("leo"),)), row_after(seen()), Beginning(NOON), LATER)
    assert news is not None
    assert news.before is not None
    told, row = gestures_of(seen(likes=(liker("ada"), liker("leo"))), news.before)
    assert (Act.REACTED, "like:activity:42/1", "identity:leo") in told
    assert (Act.REACTED, "like:activity:42/2", "identity:ada") in told
    assert news_of(seen(likes=(liker("ada"), liker("leo"))), row, Beginning(NOON), LATER) is None
    taken, _ = gestures_of(seen(), news.before)
    assert taken == [(Act.UNREACTED, "like:activity:42/1", "identity:leo")]


def test_a_like_whose_end_was_perhaps_told_ends_once_and_set_anew_it_is_another_one() -> None:
    _, row = gestures_of(seen(likes=(liker("leo"),)), row_after(seen()))
    news = news_of(seen(), row, Beginning(NOON), LATER)
    assert news is not None
    assert news.before is not None
    ended = (Act.UNREACTED, "like:activity:42/1", "identity:leo")
    told, row = gestures_of(seen(), news.before)
    assert told == [ended]
    assert news_of(seen(), row, Beginning(NOON), LATER) is None
    told, row = gestures_of(seen(likes=(liker("leo"),)), news.before)
    assert told == [ended, (Act.REACTED, "like:activity:42/2", "identity:leo")]
    assert news_of(seen(likes=(liker("leo"),)), row, Beginning(NOON), LATER) is None
    both = news_of(seen(likes=(liker("leo"),)), news.before, Beginning(NOON), LATER)
    assert both is not None
    assert both.before is not None
    assert gestures_of(seen(likes=(liker("leo"),)), both.before)[0] == told


def test_a_like_that_was_perhaps_told_and_is_taken_back_is_not_set_anew_under_its_name() -> None:
    first = news_of(seen(likes=(liker("leo"),)), row_after(seen()), Beginning(NOON), LATER)
    assert first is not None
    assert first.before is not None
    second = news_of(seen(), first.before, Beginning(NOON), LATER)
    assert second is not None
    assert second.before is not None
    assert (Act.REACTED, "like:activity:42/2", "identity:leo") in gestures_of(seen(likes=(liker("leo"),)), second.before)[0]


def test_what_was_liked_before_we_were_to_look_is_not_told() -> None:
    news = news_of(seen(likes=(liker("leo"),)), None, Beginning(NOON + timedelta(minutes=1)), LATER)
    assert news is not None
    assert news.likes == ()
    told, _ = gestures_of(seen(likes=(liker("leo"), liker("ada"))), news.after)
    assert told == [(Act.REACTED, "like:activity:42/2", "identity:ada")]


def test_where_some_likes_were_not_shown_none_is_taken_for_taken_back() -> None:
    _, row = gestures_of(seen(likes=(liker("leo"),)), row_after(seen()))
    told, row = gestures_of(seen(likes=(liker("ada"),), more_likes=True), row)
    assert told == [(Act.REACTED, "like:activity:42/2", "identity:ada")]
    assert gestures_of(seen(), row)[0] == [
        (Act.UNREACTED, "like:activity:42/1", "identity:leo"),
        (Act.UNREACTED, "like:activity:42/2", "identity:ada"),
    ]


def test_a_deletion_is_told_once_and_what_comes_back_is_an_edit_that_restores() -> None:
    row = row_after(seen())
    gone = deleted(row, "12", LATER)
    assert isinstance(gone.outcome, Change)
    assert (gone.outcome.act, gone.outcome.native_id, gone.outcome.content) == (Act.DELETED, "activity:42", None)
    back = change_of(seen(), gone.after)
    assert back.act is Act.EDITED
    assert deleted(replace(gone.after, gone=False), "12", LATER).outcome != gone.outcome


def test_an_edit_of_what_lacks_its_author_is_incomplete_as_an_edit() -> None:
    row = row_after(seen())
    news = news_of(seen(digest="dother", tell=lambda: Incomplete("activity:42", Act.POSTED)), row, Beginning(NOON), LATER)
    assert news is not None
    assert news.outcome == Incomplete("activity:42", Act.EDITED)
    unused = news_of(seen(digest="dother", tell=lambda: Unused("SPACE_ACTIVITY")), row, Beginning(NOON), LATER)
    assert unused is not None
    assert unused.outcome == Unused("SPACE_ACTIVITY")
