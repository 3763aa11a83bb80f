"""What goes into a Matrix event, under whose name, and how a room's state is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.matrix.client import MatrixClient
from adapters.matrix.compose import EVENT_LIMIT, content_of, divided_for_room, size
from adapters.matrix.homeserver import Declined
from adapters.matrix.names import display_name, ghost_localpart, is_ghost, is_ours, user_id
from adapters.matrix.rooms import report_of
from adapters.matrix.writing import thread_of
from adapters.parts import MOST_PARTS
from adapters.port import Act, Closed, Later, Never, SpaceReport
from schemas.facts.message import Attachment, Author, Content
from schemas.words import Audience
from tests.fakes_matrix import matrix_instance, posting

LEA = Author(name="Léa Martin", organisation="Finances")


def reported(*events: tuple[str, dict[str, Any]], **options: str) -> SpaceReport | Closed:
    return report_of([{"type": kind, "state_key": "", "content": content} for kind, content in events], matrix_instance(**options))


def report_with(*events: tuple[str, dict[str, Any]], **options: str) -> SpaceReport:
    report = reported(*events, **options)
    assert isinstance(report, SpaceReport)
    return report


def test_a_post_carries_its_text_its_html_and_our_marker() -> None:
    content = content_of(posting())
    assert (content["msgtype"], content["body"], content["formatted_body"]) == ("m.text", "Bonjour à tous", "<p>Bonjour à tous</p>")
    assert (content["fr.traitdunion.subject"], content["fr.traitdunion.key"]) == ("urn:traitdunion:k1", "k1")


def test_a_reply_names_what_it_answers() -> None:
    assert content_of(posting(parent="$asked"))["m.relates_to"] == {"m.in_reply_to": {"event_id": "$asked"}}


def test_an_answer_to_what_stands_in_a_thread_goes_into_that_thread() -> None:
    assert content_of(posting(parent="$asked"), "$root")["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": False,
        "m.in_reply_to": {"event_id": "$asked"},
    }


@pytest.mark.parametrize(
    "content",
    [None, "x", {}, {"m.relates_to": "x"}, {"m.relates_to": {"rel_type": "m.thread", "event_id": 7}},
     {"m.relates_to": {"rel_type": "m.replace", "event_id": "$root"}}],
)  # fmt: skip
def test_what_stands_in_no_thread_has_no_root(content: object) -> None:
    assert thread_of({"content": content}) is None


def test_a_reply_whose_parent_is_unknown_here_says_so() -> None:
    content = content_of(posting(parent_missing=True))
    assert content["body"].startswith("En réponse à un message qui n’est pas dans ce salon\n")
    assert "m.relates_to" not in content


def test_an_edit_has_its_new_content_and_a_fallback_for_old_clients() -> None:
    content = content_of(posting(act=Act.EDITED, native_id="$one"))
    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$one"}
    assert content["body"] == "* Bonjour à tous"
    assert content["m.new_content"]["body"] == "Bonjour à tous"
    assert "m.relates_to" not in content["m.new_content"]


def test_an_edit_of_what_was_never_written_here_is_written_as_a_post() -> None:
    assert "m.new_content" not in content_of(posting(act=Act.EDITED))


def test_at_room_in_another_ministrys_text_notifies_nobody() -> None:
    order = posting(text="@room venez")
    assert content_of(order)["m.mentions"] == {}
    assert content_of(posting(act=Act.EDITED, native_id="$one", text="@room venez"))["m.new_content"]["m.mentions"] == {}


def test_html_that_another_node_signed_is_sanitised_once_more() -> None:
    order = posting(content=Content(html='<p onclick="x()">a</p><script>b</script>', text="a"), title="<i>t</i>")
    assert content_of(order)["formatted_body"] == "<p><strong>&lt;i&gt;t&lt;/i&gt;</strong></p><p>a</p>"


def test_attachments_are_links_in_the_text_and_in_the_html() -> None:
    content = content_of(posting(attachments=(Attachment(name="note & plan.pdf", link="https://rse.example/n?a=1&b=2"),)))
    assert "note & plan.pdf : https://rse.example/n?a=1&b=2" in content["body"]
    assert 'href="https://rse.example/n?a=1&amp;b=2"' in content["formatted_body"]


def test_a_program_of_another_ministry_speaks_in_notices() -> None:
    assert content_of(posting(author=Author(name="Robot", organisation="Finances", kind="bot")))["msgtype"] == "m.notice"


@pytest.mark.parametrize(
    ("word", "changes"),
    [("mot ", {}), ("é" * 9 + " ", {}), ("&lt;&amp;> ", {}), ("x", {}), ("\x01 ", {"act": Act.EDITED, "native_id": "$one"})],
)
def test_a_text_too_long_for_matrix_goes_on_in_events_each_within_the_limit(word: str, changes: dict[str, Any]) -> None:
    parts = divided_for_room(posting(content=Content(html=f"<p>{word * (90_000 // len(word))}</p>", text=""), **changes))
    contents = [content_of(part) for part in parts]
    assert 1 < len(parts) <= MOST_PARTS
    assert max(map(size, contents)) <= EVENT_LIMIT
    bodies = [content.get("m.new_content", content)["body"] for content in contents]
    assert f"La suite est dans le message suivant (1/{len(parts)})" in bodies[0]
    assert bodies[1].startswith(f"Suite (2/{len(parts)})")


@given(st.text(max_size=200), st.integers(1, 1000))
def test_any_text_fits(text: str, times: int) -> None:
    parts = divided_for_room(posting(content=Content(html=text * times, text=text * times)))
    assert all(size(content_of(part)) <= EVENT_LIMIT for part in parts)


def test_one_person_has_one_ghost_which_tells_neither_name_nor_ministry() -> None:
    instance = matrix_instance()
    ghost = user_id(ghost_localpart(LEA, instance), instance)
    assert ghost == user_id(ghost_localpart(LEA.model_copy(), instance), instance)
    assert is_ghost(ghost, instance)
    assert "martin" not in ghost.lower()


def test_namesakes_of_two_ministries_have_two_ghosts() -> None:
    instance = matrix_instance()
    assert ghost_localpart(LEA, instance) != ghost_localpart(Author(name="Léa Martin", organisation="Culture"), instance)


def test_a_user_of_another_server_is_never_ours() -> None:
    assert not is_ghost("@_tdu_x:elsewhere.example", matrix_instance())
    assert is_ours("@traitdunion:tchap.example", matrix_instance())
    assert not is_ours("@claire:tchap.example", matrix_instance())


@pytest.mark.parametrize(
    ("author", "shown"),
    [
        (LEA, "Léa Martin (Finances)"),
        (Author(name="", organisation="Finances"), "Un agent (Finances)"),
        (Author(name="Eve\u202e\u200b\n X", organisation="Finances"), "Eve X (Finances)"),
    ],
)
def test_a_ghost_bears_name_and_ministry_and_nothing_invisible(author: Author, shown: str) -> None:
    assert display_name(author) == shown


def test_a_long_name_never_pushes_the_ministry_out() -> None:
    shown = display_name(Author(name="x" * 200, organisation="Finances" * 20))
    assert len(shown) <= 256
    assert shown.endswith(")")


@pytest.mark.parametrize(
    ("rule", "audience"),
    [
        ("public", Audience.PUBLIC),
        ("invite", Audience.MEMBERS),
        ("knock", Audience.MEMBERS),
        ("restricted", Audience.PUBLIC),
        ("unheard-of", Audience.UNKNOWN),
    ],
)
def test_who_can_read_a_room_is_its_join_rule(rule: str, audience: Audience) -> None:
    assert report_with(("m.room.join_rules", {"join_rule": rule})).audience is audience


def test_a_room_whose_past_the_world_can_read_is_public() -> None:
    state = [("m.room.join_rules", {"join_rule": "invite"}), ("m.room.history_visibility", {"history_visibility": "world_readable"})]
    assert report_with(*state).audience is Audience.PUBLIC


def test_a_room_of_unknown_rules_is_not_federated() -> None:
    assert report_with(("m.room.name", {"name": "Salon"})).audience is Audience.UNKNOWN


def test_an_encrypted_room_is_respected() -> None:
    assert reported(("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})) == Closed("space_encrypted")


def test_tchap_says_in_the_room_whether_externals_may_be_there() -> None:
    assert report_with(("im.vector.room.access_rules", {"rule": "unrestricted"})).externals
    assert not report_with(("im.vector.room.access_rules", {"rule": "restricted"}), externals="yes").externals
    assert report_with(externals="yes").externals
    assert not report_with().externals


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [
        (Declined(429, "M_LIMIT_EXCEEDED", 2.5), Later("rate_limited", 2.5)),
        (Declined(503, "http_503"), Later("http_503")),
        (Declined(0, "timeout"), Later("timeout")),
        (Declined(302, "http_302"), Later("http_302")),
        (Declined(401, "M_UNKNOWN_TOKEN"), Later("m_unknown_token")),
        (Declined(403, "M_RESOURCE_LIMIT_EXCEEDED"), Later("m_resource_limit_exceeded")),
        (Declined(403, "M_FORBIDDEN"), Never("forbidden", "HTTP 403")),
        (Declined(413, "M_TOO_LARGE"), Never("too_large", "HTTP 413")),
        (Declined(400, "M_BAD_JSON"), Never("m_bad_json", "HTTP 400")),
    ],
)
def test_a_refusal_either_heals_or_does_not(refusal: Declined, outcome: Later | Never) -> None:
    assert refusal.outcome() == outcome


def test_an_instance_without_its_server_name_is_refused_at_once() -> None:
    instance = matrix_instance().model_copy(update={"options": {"bot": "b"}})
    with pytest.raises(ValueError, match="server_name"):
        MatrixClient(instance)
