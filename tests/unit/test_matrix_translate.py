"""Matrix events as the homeserver pushes them, each trap by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.matrix import ADAPTER
from adapters.matrix.translate import standing_edit
from adapters.port import Act, Altered, AuthenticRequest, Change, Incomplete, Nonsense, RosterAltered, Unused
from schemas.facts.message import LINK_LIMIT
from tests.fakes_matrix import PERSON, ROOM, knock, matrix_instance, only_change, outcomes, room_event, transaction

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
REPLY = {"m.in_reply_to": {"event_id": "$asked"}}


def translated(body: bytes) -> list[Any]:
    return list(ADAPTER.translate(AuthenticRequest(knock(body)), matrix_instance()))


def test_a_message_is_a_post_in_its_room() -> None:
    change = only_change(room_event())
    assert (change.act, change.native_id, change.version, change.marker) == (Act.POSTED, "$one", "$one", "$one")
    assert (change.space, change.actor, change.parent, change.locator) == (ROOM, PERSON, None, None)
    assert change.occurred_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert change.content is not None
    assert (change.content.text, change.content.html) == ("Bonjour", "<p>Bonjour</p>")
    assert change.author is not None
    assert (change.author.name, change.author.organisation, change.author.kind) == ("", "Éducation nationale", "person")


@pytest.mark.parametrize(
    ("sender", "ministry"),
    [
        (PERSON, "Éducation nationale"),
        ("@omar.benali:agent.finances.example", "Finances publiques"),
        ("@invite:externe.example:8448", "externe.example:8448"),
        ("@tchap.example:externe.example", "externe.example"),
    ],
)
def test_people_of_another_homeserver_in_the_room_are_not_said_to_be_of_this_ministry(sender: str, ministry: str) -> None:
    named = {"organisation.agent.finances.example": "Finances publiques"}
    for event in (room_event(sender=sender), {**annotation(), "sender": sender}):
        change = only_change(event, **named)
        assert change.author is not None
        assert change.author.organisation == ministry


@pytest.mark.parametrize("state_key", ["", "@alice:tchap.example"])
def test_an_event_with_a_state_key_is_state_even_when_the_key_is_empty(state_key: str) -> None:
    assert outcomes(room_event(state_key=state_key)) == [Unused("m.room.message")]


def test_an_encrypted_message_is_respected() -> None:
    assert outcomes(room_event("m.room.encrypted", content={"ciphertext": "x"})) == [Unused("m.room.encrypted")]


def annotation(key: Any = "👍", rel_type: str = "m.annotation") -> dict[str, Any]:
    return room_event("m.reaction", "$r", {"m.relates_to": {"rel_type": rel_type, "event_id": "$one", "key": key}})


def test_a_reaction_is_an_object_of_its_own_on_its_message() -> None:
    change = only_change(annotation())
    assert (change.act, change.native_id, change.parent, change.emoji) == (Act.REACTED, "$r", "$one", "👍")
    assert (change.marker, change.by_us, change.content) == ("$r", False, None)


@pytest.mark.parametrize("key", ["", "x" * 65, "a\u0000b", "\ud800", "mxc://tchap.example/abc", 7, None])
def test_a_reaction_that_would_mean_nothing_elsewhere_is_counted_only(key: Any) -> None:
    assert outcomes(annotation(key)) == [Unused("m.reaction.key")]


def test_a_reaction_that_is_none_or_was_pruned_is_counted_only() -> None:
    pruned = room_event("m.reaction", content={}, unsigned={"redacted_because": {}})
    assert outcomes(annotation(rel_type="m.thread"), pruned) == [Unused("m.reaction.other"), Unused("m.reaction.redacted")]


def test_a_ghosts_and_the_bots_reactions_are_ours() -> None:
    ours = [annotation() | {"sender": sender} for sender in ("@_tdu_ab:tchap.example", "@traitdunion:tchap.example")]
    assert [only_change(event).by_us for event in ours] == [True, True]


def test_a_type_that_a_sender_invents_never_becomes_a_metric_label() -> None:
    assert outcomes(room_event("example.invented.7f3a"), room_event(content={"msgtype": "x.y", "body": "z"})) == [
        Unused("other"),
        Unused("m.room.message.other"),
    ]


def test_redacts_in_the_content_is_read_in_rooms_of_version_11_and_later() -> None:
    change = only_change(room_event("m.room.redaction", "$gone", {"redacts": "$one"}))
    assert (change.act, change.native_id, change.version, change.marker) == (Act.DELETED, "$one", "$gone", "$gone")


def test_redacts_at_the_top_level_is_read_in_older_rooms() -> None:
    assert only_change(room_event("m.room.redaction", "$gone", {"reason": "doublon"}, redacts="$one")).native_id == "$one"


def test_a_redaction_that_names_two_events_is_refused() -> None:
    event = room_event("m.room.redaction", "$gone", {"redacts": "$one"}, redacts="$another")
    assert outcomes(event) == [Nonsense("redaction_names_two_events")]


def test_a_redaction_of_nothing_is_refused() -> None:
    (outcome,) = outcomes(room_event("m.room.redaction", "$gone", {}))
    assert isinstance(outcome, Nonsense)


EDIT = {
    "msgtype": "m.text",
    "body": "* Bonsoir",
    "m.new_content": {"msgtype": "m.text", "body": "Bonsoir"},
    "m.relates_to": {"rel_type": "m.replace", "event_id": "$one"},
}


def message_with(replacement: Any) -> dict[str, Any]:
    """A message as its homeserver tells it when it is asked."""
    return room_event(unsigned={"m.relations": {"m.replace": replacement}})


def test_whose_message_a_person_edits_is_asked_of_the_homeserver_since_anybody_may_send_an_edit_of_it() -> None:
    assert outcomes(room_event(event_id="$edit", content=EDIT)) == [Incomplete("$one", Act.EDITED, space=ROOM)]


def test_an_edit_that_stands_changes_the_event_that_it_names_and_its_version_is_its_own_id() -> None:
    replacement = room_event(event_id="$edit", content=EDIT)
    del replacement["room_id"]
    change = standing_edit(message_with(replacement), matrix_instance())
    assert isinstance(change, Change)
    assert (change.act, change.native_id, change.version, change.marker, change.parent) == (Act.EDITED, "$one", "$edit", "$edit", None)
    assert (change.space, change.actor, change.by_us) == (ROOM, PERSON, False)
    assert change.content is not None
    assert change.content.text == "Bonsoir"


@pytest.mark.parametrize(
    "formatted", [None, "<mx-reply><blockquote>In reply to @bob:tchap.example<br>#interne Qui vient ?</blockquote></mx-reply>Moi aussi"]
)
def test_the_edit_of_a_reply_loses_the_quotation_that_clients_put_before_it_again(formatted: str | None) -> None:
    body = "> <@bob:tchap.example> #interne Qui vient ?\n\nMoi aussi"
    new = {"msgtype": "m.text", "body": body} | ({"format": "org.matrix.custom.html", "formatted_body": formatted} if formatted else {})
    edit = {"msgtype": "m.text", "body": f"* {body}", "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": "$one"}}
    replacement = room_event(event_id="$edit", content=edit)
    asked = {**message_with(replacement), "content": {"msgtype": "m.text", "body": "Moi", "m.relates_to": REPLY}}
    change = standing_edit(asked, matrix_instance())
    assert isinstance(change, Change)
    assert change.content is not None
    assert (change.content.text, change.inside) == ("Moi aussi", False)


@pytest.mark.parametrize("message", [{}, {"unsigned": None}, {"unsigned": {"m.relations": []}}, message_with("x"), room_event()])
def test_an_edit_that_nobody_is_shown_changes_nothing(message: dict[str, Any]) -> None:
    assert standing_edit(message, matrix_instance()) == Unused("m.room.message.edit_not_shown")


@pytest.mark.parametrize(
    ("replacement", "reason"),
    [({"content": EDIT}, "event_malformed"), (room_event(), "edit_without_target_or_new_content")],
)
def test_an_edit_that_makes_no_sense_is_refused_by_name(replacement: dict[str, Any], reason: str) -> None:
    outcome = standing_edit(message_with(replacement), matrix_instance())
    assert isinstance(outcome, Nonsense)
    assert outcome.reason == reason


def test_an_edit_of_our_own_is_told_at_once() -> None:
    change = only_change(room_event(event_id="$edit", content=EDIT, sender="@_tdu_1:tchap.example"))
    assert (change.act, change.native_id, change.version, change.by_us) == (Act.EDITED, "$one", "$edit", True)


def test_an_edit_without_its_new_content_is_refused() -> None:
    content = {"msgtype": "m.text", "body": "* x", "m.relates_to": {"rel_type": "m.replace", "event_id": "$one"}}
    assert outcomes(room_event(content=content)) == [Nonsense("edit_without_target_or_new_content")]


def test_a_reply_names_its_parent_and_loses_the_quotation_of_its_text() -> None:
    body = "> <@bob:tchap.example> Qui vient ?\n> demain\n\nMoi"
    change = only_change(room_event(content={"msgtype": "m.text", "body": body, "m.relates_to": REPLY}))
    assert change.parent == "$asked"
    assert change.content is not None
    assert change.content.text == "Moi"


def test_a_reply_loses_the_quotation_of_its_html() -> None:
    html = "<mx-reply><blockquote>Qui vient ?</blockquote></mx-reply><b>Moi</b>"
    content = {"msgtype": "m.text", "body": "Moi", "format": "org.matrix.custom.html", "formatted_body": html, "m.relates_to": REPLY}
    change = only_change(room_event(content=content))
    assert change.content is not None
    assert (change.content.html, change.content.text) == ("<strong>Moi</strong>", "Moi")


def test_a_quotation_that_the_person_wrote_herself_stays() -> None:
    change = only_change(room_event(content={"msgtype": "m.text", "body": "> à revoir\n\nD’accord", "m.relates_to": REPLY}))
    assert change.content is not None
    assert change.content.text == "> à revoir\n\nD’accord"


@pytest.mark.parametrize(
    ("relation", "parent"),
    [
        ({"rel_type": "m.thread", "event_id": "$root"}, "$root"),
        ({"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True, **REPLY}, "$root"),
        ({"rel_type": "m.thread", "event_id": "$root", "is_falling_back": False, **REPLY}, "$asked"),
        ({"rel_type": "m.reference", "event_id": "$root"}, None),
    ],
)
def test_the_parent_in_a_thread_is_what_was_truly_answered_else_the_root(relation: dict[str, Any], parent: str | None) -> None:
    assert only_change(room_event(content={"msgtype": "m.text", "body": "Oui", "m.relates_to": relation})).parent == parent


def test_a_file_travels_by_reference_to_the_media_repository() -> None:
    content = {
        "msgtype": "m.file",
        "body": "note.pdf",
        "url": "mxc://tchap.example/AbC-9_z",
        "info": {"mimetype": "application/pdf", "size": 12},
    }
    (file,) = only_change(room_event(content=content)).attachments
    assert file.link == "https://matrix.tchap.example/_matrix/client/v1/media/download/tchap.example/AbC-9_z"
    assert (file.name, file.media_type, file.size) == ("note.pdf", "application/pdf", 12)


@pytest.mark.parametrize("url", ["mxc://tchap.example/../../admin", "https://evil.example/x", "mxc://a/b?c", "", "mxc://tchap.example/a/b"])
def test_a_file_address_cannot_name_another_path_of_the_homeserver(url: str) -> None:
    assert only_change(room_event(content={"msgtype": "m.image", "body": "x.png", "url": url})).attachments == ()


@pytest.mark.parametrize("info", ["odd", [], {"size": -1}, {"size": True}, {"size": 2**60}, {"mimetype": 3}])
def test_odd_details_of_a_file_do_not_lose_the_message(info: Any) -> None:
    content = {"msgtype": "m.file", "body": "x", "url": "mxc://tchap.example/x", "info": info}
    (file,) = only_change(room_event(content=content)).attachments
    assert (file.size, file.media_type) == (None, None)


def test_an_encrypted_file_leaves_no_link() -> None:
    content = {"msgtype": "m.file", "body": "x", "file": {"url": "mxc://tchap.example/x", "key": {}}}
    assert only_change(room_event(content=content)).attachments == ()


def test_a_notice_is_a_program_speaking() -> None:
    author = only_change(room_event(content={"msgtype": "m.notice", "body": "Rappel"})).author
    assert author is not None
    assert author.kind == "bot"


def test_a_message_pruned_before_it_came_is_not_an_empty_post() -> None:
    assert outcomes(room_event(content={})) == [Unused("m.room.message.redacted")]


def test_script_in_a_formatted_body_does_not_pass() -> None:
    content = {"msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html", "formatted_body": "<b>x</b><script>alert(1)</script>"}
    change = only_change(room_event(content=content))
    assert change.content is not None
    assert change.content.html == "<strong>x</strong>"


def test_what_our_own_ghost_wrote_is_translated_too_since_the_ledger_knows_the_echo() -> None:
    assert only_change(room_event(sender="@_tdu_0a1b:tchap.example")).actor == "@_tdu_0a1b:tchap.example"


def test_the_page_of_a_message_is_named_where_the_instance_has_a_web_client() -> None:
    assert only_change(room_event(), web_url="https://tchap.example/").link == f"https://tchap.example/#/room/{ROOM}/$one"


def test_without_one_it_is_named_by_the_permalink_of_the_specification() -> None:
    assert only_change(room_event()).link == "https://matrix.to/#/!salon%3Atchap.example/%24one?via=tchap.example"
    old = room_event(event_id="$a/b+c:tchap.example", room_id="!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM")
    assert only_change(old).link == (
        "https://matrix.to/#/!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM/%24a%2Fb%2Bc%3Atchap.example?via=tchap.example"
    )


def test_an_edit_leads_to_the_message_that_it_edits() -> None:
    content = {
        "msgtype": "m.text",
        "body": "* x",
        "m.new_content": {"msgtype": "m.text", "body": "x"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$zero"},
    }
    change = only_change(room_event(content=content, sender="@_tdu_0a1b:tchap.example"))
    assert change.link == "https://matrix.to/#/!salon%3Atchap.example/%24zero?via=tchap.example"


@pytest.mark.parametrize("options", [{}, {"web_url": "https://tchap.example"}])
def test_an_address_longer_than_any_link_is_none(options: dict[str, str]) -> None:
    """A room's member chooses the letters of an event's id in the oldest rooms: the message travels all the same."""
    longest = "$" + "\N{GRINNING FACE}" * 254
    room = "!" + "\N{GRINNING FACE}" * 254
    change = only_change(room_event(event_id=longest, room_id=room), **options)
    assert change.link is None or len(change.link) <= LINK_LIMIT


def test_one_bad_event_does_not_spoil_the_others_of_its_transaction() -> None:
    kinds = [
        type(outcome) for outcome in outcomes(room_event(event_id="$a"), 7, room_event(event_id="no-sigil"), room_event(event_id="$b"))
    ]
    assert kinds == [Change, Nonsense, Nonsense, Change]


def test_nonsense_names_the_field_and_not_what_it_held() -> None:
    (outcome,) = outcomes(room_event(origin_server_ts="une confidence"))
    assert outcome == Nonsense("event_malformed", "origin_server_ts")


@pytest.mark.parametrize("stamp", [-1, 253_402_300_800_000, 1.5, True, None, "1"])
def test_a_time_that_is_none_is_refused(stamp: Any) -> None:
    (outcome,) = outcomes(room_event(origin_server_ts=stamp))
    assert isinstance(outcome, Nonsense)


@pytest.mark.parametrize("event_id", ["$a\x00b", "$a b", "$", "$" + "x" * 300, "$\ud800"])
def test_an_identifier_that_nobody_could_store_is_refused(event_id: str) -> None:
    (outcome,) = outcomes(room_event(event_id=event_id))
    assert isinstance(outcome, Nonsense)


def test_lone_surrogates_in_a_text_are_refused_by_name() -> None:
    (outcome,) = outcomes(room_event(content={"msgtype": "m.text", "body": "\ud800"}))
    assert isinstance(outcome, Nonsense)


def test_ephemeral_events_are_counted_and_not_used() -> None:
    body = transaction(ephemeral=[{"type": "m.typing"}, {"type": "m.receipt"}, 4])
    assert translated(body) == [Unused("m.typing"), Unused("m.receipt"), Unused("other")]


def test_a_text_beyond_every_limit_is_refused_by_name() -> None:
    assert outcomes(room_event(content={"msgtype": "m.text", "body": "x" * 1_000_001})) == [Nonsense("text_too_long")]


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'{"events": {}}', b'{"events": null}'])
def test_a_body_that_is_no_transaction_is_nonsense(body: bytes) -> None:
    assert translated(body) == [Nonsense("transaction_without_events")]


@given(st.binary(max_size=300))
def test_translate_never_raises_on_any_bytes(body: bytes) -> None:
    translated(body)


@given(JSON)
def test_translate_never_raises_on_any_json(value: Any) -> None:
    translated(transaction(value, room_event(content=value), room_event("m.room.redaction", content=value)))


@given(
    st.dictionaries(st.sampled_from(["msgtype", "body", "format", "formatted_body", "url", "info", "m.relates_to", "m.new_content"]), JSON)
)
def test_translate_never_raises_on_any_content(content: dict[str, Any]) -> None:
    translated(transaction(room_event(content={"msgtype": "m.file", "body": "x", **content})))


def test_who_comes_or_goes_and_another_name_of_the_room_are_hints_whatever_they_claim() -> None:
    member = room_event("m.room.member", content={"membership": ["join"] * 3}, state_key="@someone:tchap.example")
    name = room_event("m.room.name", content={"name": "\u202eForgé"}, state_key="")
    assert outcomes(member, name) == [RosterAltered(ROOM), Altered(ROOM, "m.room.name")]


def test_a_rooms_topic_and_the_comings_of_ghosts_are_no_hints() -> None:
    topic = room_event("m.room.topic", content={"topic": "Un sujet"}, state_key="")
    ghost = room_event("m.room.member", content={"membership": "join"}, state_key="@_tdu_abc:tchap.example")
    nowhere = room_event("m.room.member", content={"membership": "join"}, state_key="@a:b", room_id=["!x"])
    assert [type(outcome) for outcome in outcomes(topic, ghost, nowhere)] == [Unused] * 3
