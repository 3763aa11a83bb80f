"""eXo's pages, both generations: each trap of the real material."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.exo import ADAPTER
from adapters.exo.payload import moment
from adapters.exo.reading import Entry, comment_of, entry_of, outcome_of, sightings_of
from adapters.port import Act, AuthenticRequest, Change, Incomplete, Nonsense, Outcome, Sighting, Unused, UnverifiedRequest
from schemas.facts.message import Author
from tests.fakes_exo import ALPHA3, activity, comment, exo_instance, old_activity, old_comment

RSE = exo_instance()
OLD_RSE = exo_instance(generation=ALPHA3)


def entry(document: dict[str, Any]) -> Entry:
    found = entry_of(document)
    assert isinstance(found, Entry), found
    return found


def sighting(document: dict[str, Any]) -> Sighting:
    return sightings_of([entry_of(document)], "12", RSE)[0]


def change(document: dict[str, Any]) -> Change:
    outcome = sighting(document).outcome
    assert isinstance(outcome, Change), outcome
    return outcome


def translated(body: bytes) -> Outcome:
    (outcome,) = ADAPTER.translate(AuthenticRequest(UnverifiedRequest("GET", "", {}, {}, body)), RSE)
    return outcome


def test_both_generations_say_the_same_of_the_same_message() -> None:
    new, old = change(activity()), change(old_activity())
    assert new.author == old.author == Author(name="Camille Roux", organisation="Intérieur")
    assert new.occurred_at == old.occurred_at == datetime(2026, 3, 2, 8, 0, 0, 100_000, UTC)
    assert new.content is not None
    assert old.content is not None
    assert new.content.text == old.content.text == "Bonjour à tous"
    assert (new.native_id, old.native_id) == ("activity:42", "activity:f92cd6f0")
    assert new.actor == old.actor == "identity:7"


def test_a_time_of_the_older_generation_is_read_with_its_zone() -> None:
    assert moment("Fri Jun 17 06:42:26 +0000 2011") == datetime(2011, 6, 17, 6, 42, 26, tzinfo=UTC)
    assert moment("Fri Jun 17 08:42:26 +0200 2011") == datetime(2011, 6, 17, 6, 42, 26, tzinfo=UTC)
    assert moment("2024-10-24T07:18:26.000+02:00") == datetime(2024, 10, 24, 5, 18, 26, tzinfo=UTC)


def test_where_the_two_times_of_the_older_generation_contradict_each_other_the_written_one_counts() -> None:
    said = entry(old_activity(postedTime=123456789, createdAt="Fri Jun 17 06:42:26 +0000 2011"))
    assert said.created == datetime(2011, 6, 17, 6, 42, 26, tzinfo=UTC)


@pytest.mark.parametrize("stamp", ["", "hier", "2024-10-24T05:18:26", "99999-01-01T00:00:00Z", "Fri Jun 17 06:42:26 2011", 12])
def test_a_time_that_is_none_is_a_named_refusal(stamp: object) -> None:
    assert entry_of(activity(createDate=stamp)) == Nonsense("activity_malformed", "createDate")
    assert entry_of(old_activity(createdAt=stamp)) == Nonsense("activity_malformed", "createdAt")


def test_each_that_cannot_be_read_is_known_again_and_tells_what_it_was() -> None:
    broken = [activity(id=number, createDate="hier") for number in ("42", "43")]
    first, second = sightings_of(map(entry_of, broken), "12", RSE)
    assert [first.document, second.document] == broken
    assert first.native_id != second.native_id
    assert [first.number, second.number] == [42, 43]
    assert sighting(activity(id="42", createDate="hier", title="Autre chose")).native_id == first.native_id
    assert comment_of({"id": "comment1"}, "42") == Nonsense("comment_malformed", "createdAt")
    (under,) = sightings_of([comment_of({"id": "comment1"}, "42")], "12", RSE)
    assert under.document == {"id": "comment1"}


def test_numbers_and_booleans_that_come_as_strings_are_read() -> None:
    assert entry(activity(commentsCount="3", read="true", visible="true")).comments == 3
    assert entry(activity(commentsCount=3)).comments == 3
    assert entry(activity(id=42)).native_id == "activity:42"


def test_parts_that_are_links_in_one_answer_and_written_out_in_another_are_both_read() -> None:
    linked = change(activity(identity="https://rse.example/portal/rest/v1/social/identities/7"))
    assert linked.author == Author(name="", organisation="Intérieur")
    assert linked.actor == change(activity()).actor
    likes = [{"id": "8", "username": "leo", "fullname": "Léo Petit"}, {"id": "9", "username": "traitdunion"}]
    seen = sighting(activity(likes=likes, likesCount="2"))
    assert [(one.actor, one.author.name, one.by_us) for one in seen.likes] == [("identity:8", "Léo Petit", False), ("identity:9", "", True)]
    assert not seen.more_likes
    assert sighting(activity()).likes == ()


@pytest.mark.parametrize(("shown", "counted", "more"), [(5, "6", True), (5, "5", False), (5, None, True), (4, None, False)])
def test_likes_that_were_not_written_out_are_known_to_be_missing(shown: int, counted: str | None, more: bool) -> None:  # noqa: FBT001 - a parameter
    likes = [{"id": str(number), "username": f"p{number}"} for number in range(shown)]
    assert sighting(activity(likes=likes, likesCount=counted)).more_likes is more


def test_likes_change_neither_the_digest_nor_the_version() -> None:
    liked, plain = activity(likes=[{"username": "leo"}], likesCount="1", updateDate="2026-03-02T09:00:00Z"), activity()
    assert sighting(liked).digest == sighting(plain).digest
    assert change(liked).version == change(plain).version
    assert sighting(activity(title="<p>Bonsoir</p>")).digest != sighting(plain).digest


def test_a_vendors_example_that_is_not_strict_json_is_a_named_refusal() -> None:
    missing_comma = b'{"id": "123456" "identityId": "12345abcde", "text": "My comment here!!!", }'
    assert translated(missing_comma) == Nonsense("json_malformed")


def test_an_activity_that_does_not_say_who_wrote_it_is_to_be_completed() -> None:
    assert sighting(old_activity(posterIdentity={})).outcome == Incomplete("activity:f92cd6f0", Act.POSTED)


def test_what_exo_writes_by_itself_and_what_is_hidden_is_not_used() -> None:
    assert sighting(activity(type="SPACE_ACTIVITY")).outcome == Unused("SPACE_ACTIVITY")
    assert sighting(old_activity(type="exosocial:spaces")).outcome == Unused("exosocial:spaces")
    assert sighting(activity(hidden=True)).outcome == Unused("hidden")
    assert sighting(activity(title=None, type="DOC_ACTIVITY")).outcome == Unused("DOC_ACTIVITY:empty")


def test_a_comment_stands_under_its_activity_or_under_what_it_answers() -> None:
    first, second = comment_of(comment(), "42"), comment_of(comment(id="comment44", parentCommentId="comment43"), "42")
    seen = sightings_of([first, second], "12", RSE)
    parents = [one.outcome.parent for one in seen if isinstance(one.outcome, Change)]
    assert [one.native_id for one in seen] == ["comment:42/comment43", "comment:42/comment44"]
    assert parents == ["activity:42", "comment:42/comment43"]
    assert {one.thread for one in seen} == {"activity:42"}


def test_comments_written_into_an_activity_are_whole_only_where_they_are_as_many_as_it_counts() -> None:
    whole = sightings_of([entry_of(old_activity(comments=[old_comment()], totalNumberOfComments=1))], "5012", OLD_RSE)
    part = sightings_of([entry_of(old_activity(comments=[old_comment()], totalNumberOfComments=2))], "5012", OLD_RSE)
    assert whole[0].holds == frozenset({"comment:f92cd6f0/c1"})
    assert (part[0].holds, bool(part[0].replies)) == (None, True)
    assert [one.native_id for one in part] == ["activity:f92cd6f0", "comment:f92cd6f0/c1"]
    assert sighting(activity(commentsCount="0")).holds == frozenset()
    assert sighting(activity(commentsCount="1")).holds is None


@pytest.mark.parametrize("document", [activity(commentsCount=None), old_activity(totalNumberOfComments=None)])
def test_an_activity_that_does_not_count_its_comments_may_have_some(document: dict[str, Any]) -> None:
    seen = sighting(document)
    assert (seen.holds, bool(seen.replies)) == (None, True)


def test_no_e_mail_address_of_a_profile_is_read() -> None:
    seen = sighting(activity())
    assert "camille@rse.example" not in repr(seen.outcome)


def test_what_the_connectors_account_wrote_is_known_whatever_its_case() -> None:
    ours = activity(identity={"id": "9", "remoteId": "TraitDUnion"})
    assert change(ours).by_us
    assert not change(activity()).by_us
    assert change(old_activity(posterIdentity={"id": "9", "remoteId": "traitdunion"})).by_us


def test_html_is_made_harmless_and_plain_text_is_kept_as_it_stands() -> None:
    hostile = change(activity(title='<p onclick="x()">Bonjour<script>alert(1)</script></p>'))
    plain = change(old_activity(title="1 & 2\n\nsuite &lt;b&gt; &amp; fin"))
    assert hostile.content is not None
    assert plain.content is not None
    assert hostile.content.html == "<p>Bonjour</p>"
    assert plain.content.text == "1 & 2\n\nsuite <b> & fin"


def test_one_unreadable_activity_does_not_hide_the_others_and_is_one_dead_letter() -> None:
    page = json.dumps({"activities": [activity(), {"id": "43"}, activity(id="44")]}).encode()
    outcomes = ADAPTER.translate(AuthenticRequest(UnverifiedRequest("GET", "", {}, {}, page)), RSE)
    assert [type(one) for one in outcomes] == [Change, Nonsense, Change]
    again = [sightings_of([entry_of({"id": "43"})], "12", RSE)[0].native_id for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (50, ""),
        (51, "Et un autre document, à voir dans le message d’origine."),
        (63, "Et 13 autres documents, à voir dans le message d’origine."),
    ],
)
@pytest.mark.parametrize("words", ["<p>Tout le dossier</p>", ""])
def test_documents_beyond_those_that_are_named_are_counted(count: int, said: str, words: str) -> None:
    params = {
        "DOCLINK": "|@|".join(f"/rest/jcr/{number}.pdf" for number in range(count)),
        "DOCNAME": "|@|".join(f"{number}.pdf" for number in range(count)),
    }
    change = outcome_of(entry(activity(title=words, templateParams=params)), "12", RSE)
    assert isinstance(change, Change)
    assert change.content is not None
    assert [file.name for file in change.attachments] == [f"{number}.pdf" for number in range(50)]
    assert change.content.text.partition("Et ")[2] == said.partition("Et ")[2]
    assert ("autre" in change.content.html) == bool(said)
