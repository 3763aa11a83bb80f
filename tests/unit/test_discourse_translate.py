"""Discourse's webhooks: the door, and each trap of the real material."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discourse import ADAPTER
from adapters.port import Act, Altered, AuthenticRequest, Change, Incomplete, Nonsense, Outcome, RosterAltered, Unused, UnverifiedRequest
from schemas.names import ANYBODY
from schemas.problem import Problem
from tests.fakes_discourse import authentic, instance, post, signature, webhook

RSE = instance()


def translated(event: str, body: bytes | dict[str, Any], **headers: str | None) -> Outcome:
    outcomes = ADAPTER.translate(authentic(event, body, **headers), RSE)
    assert len(outcomes) == 1
    return outcomes[0]


def change(event: str, **changes: Any) -> Change:
    outcome = translated(event, {"post": post(**changes)})
    assert isinstance(outcome, Change), outcome
    return outcome


def refused(request: UnverifiedRequest) -> tuple[int, str]:
    answer = ADAPTER.authenticate(request, RSE)
    assert isinstance(answer, Problem), answer
    return answer.status, answer.reason


# --- the door ----------------------------------------------------------------------------------------------------


def test_a_webhook_signed_with_the_secret_enters() -> None:
    assert isinstance(ADAPTER.authenticate(webhook("post_created", {"post": post()}), RSE), AuthenticRequest)


def test_a_webhook_without_signature_is_refused() -> None:
    assert refused(webhook("post_created", {"post": post()}, x_discourse_event_signature=None)) == (401, "signature_missing")


@pytest.mark.parametrize("given_signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=abc", "é\udcff", signature(b"{}", "autre")])
def test_a_webhook_with_another_signature_is_refused(given_signature: str) -> None:
    assert refused(webhook("post_created", b"{}", x_discourse_event_signature=given_signature)) == (401, "signature_invalid")


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_one_bit_changed_in_the_body_is_refused(place: int, bit: int) -> None:
    body = json.dumps({"post": post()}).encode()
    place %= len(body)
    altered = body[:place] + bytes([body[place] ^ (1 << bit)]) + body[place + 1 :]
    assert refused(webhook("post_created", altered, x_discourse_event_signature=signature(body))) == (401, "signature_invalid")


def test_a_webhook_of_another_instance_with_the_same_secret_is_refused() -> None:
    assert refused(webhook("post_created", b"{}", x_discourse_instance="https://autre.example")) == (401, "instance_mismatch")


def test_the_instance_may_be_named_with_a_slash_or_not_at_all() -> None:
    for named in ("https://wifip.example/", None):
        assert isinstance(ADAPTER.authenticate(webhook("ping", b'{"ping":"OK"}', x_discourse_instance=named), RSE), AuthenticRequest)


@pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data; boundary=x", None])
def test_another_content_type_is_refused(media_type: str | None) -> None:
    assert refused(webhook("post_created", b"{}", content_type=media_type)) == (415, "content_type_unsupported")


def test_another_method_than_post_is_refused() -> None:
    request = webhook("post_created", b"{}")
    assert refused(UnverifiedRequest("GET", "", request.headers, {}, request.body)) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"post": "\xff"}', "invalid_utf8"),
        (b"[" * 5000 + b"]" * 5000, "json_too_deep"),
        (b"{", "json_malformed"),
        (b"", "json_malformed"),
        (b'{"a":1,"a":2}', "json_duplicate_name"),
        (b'{"a":"\\ud800"}', "invalid_utf8"),
    ],
)
def test_a_signed_body_that_cannot_be_parsed_is_refused_by_name(body: bytes, reason: str) -> None:
    assert refused(webhook("post_created", body)) == (400, reason)


def test_an_unsigned_body_is_never_parsed() -> None:
    assert refused(webhook("post_created", b"\xff", x_discourse_event_signature="sha256=00")) == (401, "signature_invalid")


@pytest.mark.parametrize(
    ("body", "reason"), [(b"autre=1", "form_payload_missing"), (b"payload=%ff", "invalid_utf8"), (b"a=1&" * 90, "form_malformed")]
)
def test_a_form_without_a_readable_payload_is_refused_by_name(body: bytes, reason: str) -> None:
    assert refused(webhook("post_created", body, content_type="application/x-www-form-urlencoded")) == (400, reason)


# --- the traps ---------------------------------------------------------------------------------------------------


def test_a_first_post_becomes_a_titled_message() -> None:
    found = change("post_created")
    assert found.act is Act.POSTED
    assert (found.native_id, found.locator, found.parent, found.space) == ("post:1204", "topic:108/1", None, "97")
    assert (found.title, found.link) == ("Des nouvelles du mois", "https://wifip.example/t/-/108/1")
    assert found.content is not None
    assert (found.content.html, found.content.text) == ("<p>Bonjour à tous</p>", "Bonjour à tous")
    assert found.author is not None
    assert (found.author.name, found.author.organisation, found.author.kind) == ("Camille Roux", "Finances", "person")
    assert (found.occurred_at, found.version) == (datetime(2026, 3, 2, 8, 0, 0, 100_000, UTC), "2026-03-02T08:00:00.100Z")
    assert found.actor == "user:31"


def test_the_link_to_the_original_repeats_no_word_of_its_title_since_a_deletion_could_not_take_it_out_of_the_copies_of_answers() -> None:
    link = change("post_created", topic_slug="le-mot-de-passe-est-sesame", topic_title="Le mot de passe est sésame").link
    assert link == "https://wifip.example/t/-/108/1"


def test_a_reply_names_the_place_of_what_it_answers() -> None:
    found = change("post_created", post_number=38, reply_to_post_number=37)
    assert (found.parent, found.locator, found.title) == ("topic:108/37", "topic:108/38", None)


def test_a_reply_to_the_topic_answers_its_first_post() -> None:
    assert change("post_created", post_number=2).parent == "topic:108/1"


def test_a_retry_with_a_new_event_id_is_the_same_change() -> None:
    body = {"post": post()}
    assert translated("post_created", body, x_discourse_event_id="7") == translated("post_created", body, x_discourse_event_id="4711")


def test_the_marker_is_the_event_and_its_time_not_the_version_that_a_like_or_a_deletion_leaves_alone() -> None:
    edited = change("post_edited", version=2, updated_at="2026-03-02T09:00:00.000Z")
    deleted = deletion("post_destroyed", version=2, updated_at="2026-03-02T09:00:00.000Z", deleted_at="2026-03-02T09:05:00.000Z")
    again = deletion("post_destroyed", version=2, updated_at="2026-03-02T09:00:00.000Z", deleted_at="2026-03-02T09:09:00.000Z")
    assert len({found.marker for found in (edited, deleted, again)}) == 3
    assert edited.marker == "post_edited:2026-03-02T09:00:00.000Z"


def like(user: dict[str, Any] | None = None, **changes: Any) -> Outcome:
    liker = user or {"id": 1605, "username": "leo", "name": "Léo Petit"}
    return translated("post_liked", {"like": {"post": post(**changes), "user": liker}})


def test_a_like_is_a_heart_of_who_likes_and_not_of_the_posts_author() -> None:
    found = like()
    assert isinstance(found, Change)
    assert found.author is not None
    assert (found.act, found.emoji, found.parent, found.actor) == (Act.REACTED, "❤️", "post:1204", "user:1605")
    assert (found.author.name, found.by_us, found.space) == ("Léo Petit", False, "97")


def test_the_id_of_a_like_is_the_same_at_each_retry_and_names_nobody() -> None:
    first, again, other = like(), like(version=9, reads=40), like({"id": 1606, "username": "zoe"})
    assert all(isinstance(found, Change) for found in (first, again, other))
    names = [found.native_id for found in (first, again, other) if isinstance(found, Change)]
    assert names[0] == names[1] != names[2]
    assert "1605" not in names[0]


def test_a_like_of_the_connectors_account_is_ours_though_the_post_is_another_persons() -> None:
    found = like({"id": 2, "username": "Traitdunion"})
    assert isinstance(found, Change)
    assert found.by_us


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"topic_archetype": "private_message"}, Unused("post_liked:private_message")),
        ({"post_type": 4}, Unused("post_liked:post_type_4")),
        ({"category_id": None}, Nonsense("category_missing")),
        ({"id": "un"}, Nonsense("post_malformed", "post.id")),
    ],
)
def test_a_like_that_no_community_may_see_is_counted_only(changes: dict[str, Any], outcome: Outcome) -> None:
    assert like(**changes) == outcome


@pytest.mark.parametrize(("event", "act"), [("accepted_solution", Act.ACCEPTED), ("unaccepted_solution", Act.UNACCEPTED)])
def test_a_solution_is_asked_of_the_rse_since_the_signature_does_not_cover_the_events_name(event: str, act: Act) -> None:
    assert translated(event, {"solved": post(accepted_answer=True)}) == Incomplete("post:1204", act)
    assert translated(event, {"solved": post(post_type=4)}) == Unused(f"{event}:post_type_4")
    assert translated(event, {"post": post()}) == Nonsense("post_malformed", "post")


@pytest.mark.parametrize("missing", [{"cooked": None}, {"cooked": None, "raw": None}])
def test_a_post_without_its_text_is_to_be_completed(missing: dict[str, None]) -> None:
    assert translated("post_created", {"post": post(**missing)}) == Incomplete("post:1204", Act.POSTED)


def test_a_topic_that_changed_has_its_first_message_asked_for() -> None:
    topic = {"id": 108, "title": "Un autre titre", "category_id": 97, "archetype": "regular"}
    assert translated("topic_edited", {"topic": topic}) == Incomplete("topic:108/1", Act.EDITED, space="97")
    private = {**topic, "category_id": None, "archetype": "private_message"}
    assert translated("topic_edited", {"topic": private}) == Unused("topic_edited:private_message")


@pytest.mark.parametrize("event", ["topic_created", "topic_edited", "topic_destroyed", "user_created", "notification_created"])
def test_other_events_are_unused(event: str) -> None:
    assert translated(event, {"topic": {"id": 1}}) == Unused(event)


def test_an_event_that_no_discourse_is_known_to_send_is_unused_without_a_name_of_its_own() -> None:
    assert translated("une_nouveaute", {"topic": {"id": 1}}) == Unused("other")


@pytest.mark.parametrize("name", ["", None, "  "])
def test_a_user_name_does_not_leave_where_a_person_has_no_other_name(name: str | None) -> None:
    liked = like({"id": 7, "name": name, "username": "camille"})
    assert isinstance(liked, Change)
    for author in (change("post_created", name=name).author, liked.author):
        assert author is not None
        assert author.name == ANYBODY


def test_a_ping_is_unused() -> None:
    assert translated("", b'{"ping":"OK"}', x_discourse_event=None, x_discourse_event_type="ping") == Unused("ping")


def test_a_body_announced_as_a_form_may_still_be_json() -> None:
    found = translated("post_created", {"post": post()}, content_type="application/x-www-form-urlencoded")
    assert isinstance(found, Change)


def test_a_body_may_really_be_a_form() -> None:
    from urllib.parse import urlencode  # noqa: PLC0415 - this test alone encodes a form

    body = urlencode({"payload": json.dumps({"post": post()})}).encode()
    request = webhook("post_created", body, content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert isinstance(ADAPTER.authenticate(request, RSE), AuthenticRequest)
    assert ADAPTER.translate(AuthenticRequest(request), RSE) == [translated("post_created", {"post": post()})]


def deletion(event: str, **changes: Any) -> Change:
    """What a deletion's webhook proves where the RSE shows the post no more; the RSE is asked first."""
    found = translated(event, {"post": post(**changes)})
    assert isinstance(found, Incomplete)
    assert found.act is Act.DELETED
    assert found.otherwise is not None
    return found.otherwise


def test_whether_a_post_is_back_is_asked_of_the_rse() -> None:
    assert translated("post_recovered", {"post": post()}) == Incomplete("post:1204", Act.EDITED)


def test_a_deletion_by_staff_bears_its_own_time() -> None:
    found = deletion("post_destroyed", deleted_at="2026-03-03T10:00:00.000Z")
    assert (found.act, found.version, found.content) == (Act.DELETED, "2026-03-03T10:00:00.000Z", None)


def test_an_authors_own_deletion_is_a_deletion_once_whichever_event_tells_it() -> None:
    told = [deletion(event, user_deleted=True, updated_at="2026-03-03T10:00:00.000Z") for event in ("post_edited", "post_destroyed")]
    assert {found.act for found in told} == {Act.DELETED}
    assert len({found.marker for found in told}) == 1


@pytest.mark.parametrize("cooked", ["<p>(post deleted by author)</p>", "<p>(publication supprimée par son auteur)</p>\n"])
def test_the_words_that_take_a_deleted_posts_place_are_never_told_as_an_edit(cooked: str) -> None:
    """They come in a webhook of their own, before the one that tells the deletion."""
    assert translated("post_edited", {"post": post(cooked=cooked)}) == Incomplete("post:1204", Act.EDITED)


@pytest.mark.parametrize("cooked", ["<p>(Bravo) à tous</p>", "<p>(Bravo)</p><p>(encore)</p>"])
def test_brackets_within_a_text_are_an_edit_like_another(cooked: str) -> None:
    assert isinstance(translated("post_edited", {"post": post(cooked=cooked)}), Change)


def test_a_body_replayed_under_the_name_of_a_deletion_deletes_nothing() -> None:
    assert translated("post_destroyed", {"post": post()}) == Incomplete("post:1204", Act.DELETED)


@pytest.mark.parametrize(("post_type", "user"), [(2, -1), (2, None), (3, 31), (4, 31)])
def test_small_actions_whispers_and_what_the_forum_says_of_its_moderation_are_unused(post_type: int, user: int | None) -> None:
    given = {"post": post(post_type=post_type, user_id=user)}
    assert translated("post_created", given) == Unused(f"post_created:post_type_{post_type}")


def test_a_post_that_staff_coloured_is_its_authors_as_before() -> None:
    coloured = change("post_edited", post_type=2, updated_at="2026-03-02T09:00:00.000Z")
    assert (coloured.act, coloured.native_id) == (Act.EDITED, "post:1204")
    gone = translated("post_destroyed", {"post": post(post_type=2, deleted_at="2026-03-02T10:00:00.000Z")})
    assert isinstance(gone, Incomplete)
    assert gone.otherwise is not None
    assert gone.otherwise.act is Act.DELETED


@pytest.mark.parametrize("event", ["post_created", "post_edited"])
def test_a_post_that_readers_may_not_read_is_unused_until_its_author_has_rewritten_it(event: str) -> None:
    assert translated(event, {"post": post(hidden=True)}) == Unused(f"{event}:hidden")
    assert isinstance(translated(event, {"post": post(hidden=False)}), Change)
    assert isinstance(translated(event, {"post": post()}), Change)


def test_a_hidden_post_that_goes_is_taken_back_where_it_was_brought_before() -> None:
    gone = translated("post_destroyed", {"post": post(hidden=True, deleted_at="2026-03-02T09:00:00.100Z")})
    assert isinstance(gone, Incomplete)
    assert gone.otherwise is not None
    assert gone.otherwise.act is Act.DELETED


def test_a_private_message_is_unused() -> None:
    assert translated("post_created", {"post": post(topic_archetype="private_message")}) == Unused("post_created:private_message")


@pytest.mark.parametrize(("user", "kind"), [(-1, "system"), (-2, "bot"), (31, "person")])
def test_the_systems_own_accounts_are_no_persons(user: int, kind: str) -> None:
    author = change("post_created", user_id=user).author
    assert author is not None
    assert author.kind == kind


def test_html_is_sanitised_and_its_links_lead_to_the_rse() -> None:
    content = change("post_created", cooked='<p onclick="x()">a<script>b</script> <a href="/t/9">sujet</a></p>').content
    assert content is not None
    assert content.html == '<p>a <a href="https://wifip.example/t/9" rel="noopener noreferrer">sujet</a></p>'


def test_an_uploaded_file_travels_by_reference() -> None:
    cooked = '<p><a class="attachment" href="/uploads/short-url/x.pdf">Compte rendu.pdf</a> (12 Ko)</p>'
    (file,) = change("post_created", cooked=cooked).attachments
    assert (file.name, file.link) == ("Compte rendu.pdf", "https://wifip.example/uploads/short-url/x.pdf")
    assert (file.media_type, file.size) == ("application/pdf", 12_288)


def test_a_post_outside_any_category_is_nonsense_by_name() -> None:
    assert translated("post_created", {"post": post(category_id=None)}) == Nonsense("category_missing")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"post"', b"3"])
def test_json_that_is_no_object_is_nonsense(body: bytes) -> None:
    assert translated("post_created", body) == Nonsense("body_not_an_object")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": "abc"}, "id"),
        ({"updated_at": "hier"}, "updated_at"),
        ({"created_at": "2026-03-02T08:00:00"}, "created_at"),
        ({"topic_id": -1}, "topic_id"),
    ],
)
def test_a_post_of_another_shape_is_nonsense_that_names_the_field_and_never_its_value(changes: dict[str, Any], where: str) -> None:
    assert translated("post_created", {"post": post(**changes)}) == Nonsense("post_malformed", where)


def test_an_event_without_its_post_is_nonsense() -> None:
    assert translated("post_created", {"topic": {}}) == Nonsense("post_malformed", "post")


def test_a_body_without_its_events_name_is_nonsense() -> None:
    assert translated("", {"post": post()}, x_discourse_event=None) == Nonsense("event_missing")


def test_a_text_past_the_limit_is_nonsense() -> None:
    assert translated("post_created", {"post": post(cooked="é" * 1_000_001)}) == Nonsense("content_too_long")


@given(st.binary(max_size=300), st.sampled_from(["post_created", "post_edited", "post_destroyed", "", "x" * 80]))
def test_translate_never_raises_on_any_bytes(body: bytes, event: str) -> None:
    assert len(ADAPTER.translate(authentic(event, body), RSE)) == 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(post())), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(sorted(post())), JSON, max_size=6), st.sampled_from(["post_created", "post_edited", "post_destroyed"])
)
def test_translate_never_raises_on_any_post(changes: dict[str, Any], event: str) -> None:
    assert isinstance(translated(event, {"post": post(**changes)}), Change | Unused | Nonsense | Incomplete)


# --- answers and feeding -----------------------------------------------------------------------------------------


def test_the_answer_is_a_short_text() -> None:
    assert ADAPTER.accepted([Unused("ping")]) == (b"OK", "text/plain; charset=utf-8")


def test_a_fed_capture_keeps_its_event_and_is_signed_for_this_instance() -> None:
    capture = {
        "headers": {"X-Discourse-Event": "post_edited", "X-Discourse-Event-Id": "9", "X-Discourse-Instance": "https://forum.example"},
        "body": {"post": post()},
    }
    request = ADAPTER.signed_request(json.dumps(capture).encode(), RSE, None)
    assert request.headers["x-discourse-event-id"] == "9"
    answer = ADAPTER.authenticate(request, RSE)
    assert isinstance(answer, AuthenticRequest)
    (found,) = ADAPTER.translate(answer, RSE)
    assert isinstance(found, Change)
    assert found.act is Act.EDITED


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{", b"[" * 9000, b'{"headers": 1, "body": 2}'])
def test_any_bytes_can_be_fed(payload: bytes) -> None:
    request = ADAPTER.signed_request(payload, RSE, "post_created")
    assert request.body == payload
    assert request.headers["x-discourse-event-signature"] == signature(payload)


@pytest.mark.parametrize("event", ["user_added_to_group", "user_removed_from_group"])
def test_who_comes_to_a_group_or_leaves_it_is_a_hint_for_every_space_since_no_category_is_named(event: str) -> None:
    body = {"group_user": {"id": 3, "group_id": 41, "user_id": 31, "notification_level": 3}}
    assert translated(event, body) == RosterAltered()


def test_a_category_that_was_changed_is_to_be_looked_at_and_says_no_more() -> None:
    assert translated("category_updated", {"category": {"id": 97, "name": "Nom forgé"}}) == Altered("97", "category_updated")
    assert isinstance(translated("category_updated", {"category": {"name": "Sans numéro"}}), Nonsense)
