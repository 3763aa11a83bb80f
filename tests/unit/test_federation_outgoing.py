"""A ministry's event and a peer's activity, as a community's followers elsewhere are told of them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation import telling
from hub.federation.addresses import Addresses
from hub.federation.note import EVENT_MEMBER, PUBLIC
from hub.federation.outgoing import parcels_of
from hub.federation.parcel import Form, Parcel, ParcelMalformed
from hub.federation.reach import Bearing, bearing_of
from hub.federation.wrapping import Numbered
from hub.ports import Record
from schemas.envelope import CanonicalEvent
from schemas.facts.answer import AnswerAccepted
from schemas.facts.message import Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.proof import UnverifiedEvent, VerifiedEvent, verify_event
from schemas.sequence import PEERS, Sequence
from schemas.topics import HUB_FACTS
from schemas.wire.records import to_headers
from tests.fakes_schemas import FINANCES, HUB, NOW, POSTED, registry, signed

if TYPE_CHECKING:
    from schemas.facts.base import Fact
    from schemas.keys import SigningKey

HERE = Addresses("https://hub.example")
VOICE = telling.Voice(HERE, "hub")
GROUP = "https://hub.example/groups/futurs-publics"
NODE = "https://hub.example/nodes/finances"
ADMITTED = NOW + timedelta(seconds=2)
CORRELATION = "c" * 32


def numbered(fact: Fact = POSTED, bearing: Bearing | None = None, event: CanonicalEvent | None = None) -> Numbered:
    return Numbered(event or signed(fact), fact, "futurs-publics", ADMITTED, bearing or Bearing())


def told(fact: Fact = POSTED, bearing: Bearing | None = None) -> list[tuple[Form, dict[str, Any]]]:
    return [(parcel.form, json.loads(parcel.body)) for parcel in parcels_of(numbered(fact, bearing), HERE)]


def inner(fact: Fact, bearing: Bearing | None = None) -> dict[str, Any]:
    deed: dict[str, Any] = told(fact, bearing)[0][1]["object"]
    return deed


def test_a_message_is_announced_by_the_group_with_its_authors_activity_inside() -> None:
    (form, announce), (plain, boost) = told()
    assert (form, plain) == (Form.ANNOUNCED, Form.PLAIN)
    assert (announce["type"], announce["actor"]) == ("Announce", GROUP)
    assert (announce["to"], announce["cc"]) == ([PUBLIC], [GROUP + "/followers"])
    deed = announce["object"]
    assert (deed["type"], deed["actor"], deed["object"]["attributedTo"]) == ("Create", NODE, NODE)
    assert deed["audience"] == deed["object"]["audience"] == GROUP
    assert boost["object"] == deed["object"]["id"]
    assert len({announce["id"], boost["id"], deed["id"]}) == 3


def test_a_note_names_its_author_and_ministry_first_then_its_title() -> None:
    note = inner(POSTED)["object"]
    assert note["content"] == "<p><strong>Inès Morel (Finances)</strong> a écrit :</p><p><strong>Une idée</strong></p><p>Bonjour à tous</p>"
    assert note["name"] == "Une idée"
    assert note["contentMap"] == {"fr": note["content"]}
    assert note["attachment"] == [
        {"type": "Document", "name": "plan.pdf", "url": "https://wifip.example/f/1", "mediaType": "application/pdf"}
    ]
    assert note["url"] == note["id"]


def test_names_and_titles_are_text_and_content_is_made_harmless() -> None:
    html = '<p onclick="x()">a<script>b</script><img src="https://wifip.example/i"><a href="javascript:x">c</a></p>'
    fact = MessagePosted(
        space="s", author=Author(name="<b>I</b>", organisation="A&B"), content=Content(html=html, text="a"), title="<i>t</i>"
    )
    content = inner(fact)["object"]["content"]
    assert "<strong>&lt;b&gt;I&lt;/b&gt; (A&amp;B)</strong>" in content
    assert "<strong>&lt;i&gt;t&lt;/i&gt;</strong>" in content
    assert "script" not in content
    assert "img" not in content
    assert "javascript" not in content
    assert "onclick" not in content


def test_a_note_carries_what_proves_its_ministry() -> None:
    said = inner(POSTED)["object"][EVENT_MEMBER]
    unverified = UnverifiedEvent(said["attributes"], base64.b64decode(said["value"]), bytes.fromhex(said["salt"]))
    assert isinstance(verify_event(unverified, registry(), NOW), VerifiedEvent)
    altered = UnverifiedEvent({**said["attributes"], "community": "autre"}, unverified.value, unverified.salt)
    assert not isinstance(verify_event(altered, registry(), NOW), VerifiedEvent)


@pytest.mark.parametrize(
    ("bearing", "address"),
    [(Bearing(), "https://hub.example/notes/" + "6" * 32), (Bearing(url="https://a.example/1"), "https://a.example/1")],
)
def test_an_answer_names_what_it_answers_here_or_at_a_peer(bearing: Bearing, address: str) -> None:
    assert inner(POSTED, bearing)["object"]["inReplyTo"] == address


def test_an_edit_is_an_update_by_its_author_that_servers_without_groups_get_from_her_node() -> None:
    edited = MessageEdited(space="s", author=POSTED.author, content=Content(html="<p>Bonsoir</p>", text="Bonsoir"))
    (_, announce), (form, plain) = told(edited)
    assert announce["object"]["type"] == plain["type"] == "Update"
    assert form is Form.PLAIN
    assert plain["actor"] == NODE
    assert "published" not in plain["object"]
    assert plain["object"]["updated"] == "2026-03-02T09:30:00.000Z"


def test_an_edited_note_says_when_it_was_first_said_for_servers_that_meet_it_late() -> None:
    edited = MessageEdited(space="s", author=POSTED.author, content=Content(html="<p>Bonsoir</p>", text="Bonsoir"))
    note = inner(edited, Bearing(posted="2026-02-27T08:00:00.000Z"))["object"]
    assert (note["published"], note["updated"]) == ("2026-02-27T08:00:00.000Z", "2026-03-02T09:30:00.000Z")


def test_a_deletion_leaves_a_tombstone_and_goes_to_suspended_peers_too() -> None:
    found = parcels_of(numbered(MessageDeleted(space="s")), HERE)
    assert [parcel.forgets for parcel in found] == [True, True]
    assert [parcel.actor for parcel in found] == [GROUP, NODE]
    tombstone = json.loads(found[1].body)["object"]
    assert (tombstone["type"], set(tombstone)) == ("Tombstone", {"id", "type", "formerType"})
    assert not any(parcel.forgets for parcel in parcels_of(numbered(), HERE))


@pytest.mark.parametrize(("emoji", "kind"), [("👍", "Like"), ("❤️", "Like"), ("🎉", "EmojiReact")])
def test_a_reaction_is_a_like_or_names_its_emoji(emoji: str, kind: str) -> None:
    deed = inner(ReactionAdded(space="s", author=POSTED.author, emoji=emoji))
    assert (deed["type"], deed["object"]) == (kind, "https://hub.example/notes/" + "6" * 32)
    assert deed.get("content") == (None if kind == "Like" else emoji)


def test_what_is_taken_back_is_the_very_reaction_that_was_told() -> None:
    added = inner(ReactionAdded(space="s", author=POSTED.author, emoji="🎉"))
    undo = inner(ReactionRemoved(space="s"), Bearing(message="6" * 32, emoji="🎉"))
    assert undo["type"] == "Undo"
    assert undo["object"] == added


def test_what_activitypub_has_no_word_for_is_not_told() -> None:
    assert told(AnswerAccepted(space="s")) == []
    assert told(ReactionRemoved(space="s")) == []


def test_the_same_event_is_told_in_the_same_bytes() -> None:
    event = signed()
    first, second = (parcels_of(numbered(event=event), HERE) for _ in range(2))
    assert [parcel.body for parcel in first] == [parcel.body for parcel in second]


# --- what a peer said -----------------------------------------------------------------------------------------------------


def external(text: str, address: str | None = "https://a.example/n/1", via: str | None = None) -> Numbered:
    value = json.dumps({"space": "s", "external": {"activity": text, "object": address, "via": via}}).encode()
    event = signed(key=HUB)
    return numbered(event=CanonicalEvent(event.attributes, value, event.salt, event.envelope))


RECEIVED = '{ "type":"Create","id":"https://a.example/c/1",  "n": 1.0, "to":["as:Public"], "é":"\\u00e9", "object":{"id":"https://a.example/n/1"} }'


def test_a_peers_activity_is_announced_in_the_characters_in_which_it_came() -> None:
    announced, boost = parcels_of(external(RECEIVED), HERE)
    assert announced.body.endswith(b',"object":' + RECEIVED.encode() + b"}")
    assert json.loads(announced.body)["actor"] == GROUP
    assert json.loads(boost.body)["object"] == "https://a.example/n/1"


def test_what_a_group_elsewhere_passed_on_is_not_passed_on_again() -> None:
    announce = f'{{"type":"Announce","to":["as:Public"],"object":{RECEIVED}}}'
    assert parcels_of(external(announce, via="https://a.example/groups/1"), HERE) == []


@pytest.mark.parametrize(
    "addressed",
    [
        '"to":["https://a.example/followers"]',
        '"cc":["https://a.example/followers"]',
        '"to":[]',
        '"to":"https://a.example/users/b","cc":"https://hub.example/groups/futurs-publics"',
    ],
)
def test_what_a_peer_said_to_fewer_people_is_not_passed_on(addressed: str) -> None:
    assert parcels_of(external(f'{{"type":"Create",{addressed},"object":{{"id":"https://a.example/n/1"}}}}'), HERE) == []


def test_what_a_peer_kept_out_of_timelines_stays_out_of_them() -> None:
    announce = json.loads(
        parcels_of(external('{"type":"Create","to":["https://a.example/f"],"cc":["as:Public"],"object":{}}'), HERE)[0].body
    )
    assert (announce["to"], announce["cc"]) == ([GROUP + "/followers"], [PUBLIC])


def test_what_was_addressed_to_a_few_is_not_passed_on_whatever_it_is() -> None:
    assert parcels_of(external('{"type":"Like","to":["https://a.example/f"],"object":"https://a.example/n/1"}'), HERE) == []


def test_a_peers_like_says_nothing_of_its_readers_and_is_passed_on_alone() -> None:
    found = parcels_of(external('{"type":"Like","object":"https://a.example/n/1"}'), HERE)
    assert [parcel.form for parcel in found] == [Form.ANNOUNCED]


def taken_back(kind: str, text: str, via: str | None = None) -> Numbered:
    fact = MessageDeleted(space="a.example") if kind == "Delete" else ReactionRemoved(space="a.example")
    event = signed(fact, key=HUB)
    outer = {"space": "a.example", "external": {"activity": text, "object": "https://a.example/n/1", "via": via, "server": "a.example"}}
    return numbered(fact, event=CanonicalEvent(event.attributes, json.dumps(outer).encode(), event.salt, event.envelope))


@pytest.mark.parametrize("kind", ["Delete", "Undo"])
def test_what_a_peer_took_back_is_announced_as_it_came_to_all_but_its_own_server(kind: str) -> None:
    said = f'{{ "type":"{kind}", "id":"https://a.example/d/1",  "object":"https://a.example/n/1","é":"\\u00e9"}}'
    (announced,) = parcels_of(taken_back(kind, said), HERE)
    assert announced.body.endswith(b',"object":' + said.encode() + b"}")
    assert (announced.form, announced.forgets, announced.source) == (Form.ANNOUNCED, True, "a.example")
    assert Parcel.of(b"futurs-publics", announced.body, announced.headers()).source == announced.source


@pytest.mark.parametrize("kind", ["Delete", "Undo"])
def test_what_was_taken_back_through_a_group_or_before_a_few_is_told_to_nobody(kind: str) -> None:
    said = f'{{"type":"{kind}","id":"https://a.example/d/1","object":"https://a.example/n/1"}}'
    assert parcels_of(taken_back(kind, said, via="https://a.example/groups/1"), HERE) == []
    private = f'{{"type":"{kind}","to":["https://a.example/f"],"object":"https://a.example/n/1"}}'
    assert parcels_of(taken_back(kind, private), HERE) == []


# --- on the way -----------------------------------------------------------------------------------------------------------


def record(bearing: str = Bearing().written(), history: str | None = None, key: SigningKey = FINANCES) -> tuple[Record, dict[str, str]]:
    event = signed(history=history, key=key)
    targets = {"education": "!salon", PEERS: bearing}
    place = Sequence(event.digest, "futurs-publics", 7, targets, ADMITTED).signed(HUB)
    headers = tuple(to_headers(event, CORRELATION, place))
    return Record(HUB_FACTS.name, 0, 5, NOW, b"futurs-publics", event.value, headers), targets


def test_the_fan_out_needs_nothing_but_the_record() -> None:
    found = telling.parcels(*record(), VOICE)
    assert [parcel.form for parcel in found] == [Form.ANNOUNCED, Form.PLAIN]
    assert {parcel.correlation for parcel in found} == {CORRELATION}
    assert json.loads(found[0].body)["published"] == "2026-03-02T09:30:02.000Z"


def test_what_was_said_before_a_tie_is_not_told_to_strangers() -> None:
    assert telling.parcels(*record(history="backfill"), VOICE) == ()


def test_the_hubs_own_announcements_are_for_its_nodes() -> None:
    assert telling.parcels(*record(key=HUB), VOICE) == ()


@pytest.mark.parametrize("bearing", ["", "[]", '{"url":1}', "{"])
def test_a_record_that_cannot_be_told_says_so(bearing: str) -> None:
    with pytest.raises(telling.Untellable):
        telling.parcels(*record(bearing), VOICE)


def test_a_parcel_comes_out_of_its_record_as_it_went_in() -> None:
    for parcel in telling.parcels(*record(), VOICE):
        assert Parcel.of(b"futurs-publics", parcel.body, parcel.headers()) == parcel


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("peer_form", b"announced")],
        [("peer_form", b"shouted"), ("peer_actor", b"a")],
        [("peer_form", b"direct"), ("peer_actor", b"a")],
        [("peer_to", b"https://b.example/users/c")],
        [("peer_form", b"plain"), ("peer_form", b"plain"), ("peer_actor", b"a")],
    ],
)
def test_a_record_that_does_not_say_what_it_is_is_refused(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ParcelMalformed):
        Parcel.of(b"futurs-publics", b"{}", headers)


def test_a_bearing_is_read_back_and_absent_without_its_target() -> None:
    bearing = Bearing("m", "👍", "https://a.example/1", "r", "2026-02-27T08:00:00.000Z")
    assert bearing_of({PEERS: bearing.written()}) == bearing
    assert bearing_of({"education": "!salon"}) is None


def test_an_answer_for_one_actor_is_signed_by_who_gives_it() -> None:
    body = b'{"actor":"https://hub.example/groups/futurs-publics","type":"Accept"}'
    headers = [("peer_to", b"https://b.example/users/c"), ("peer_inbox", b"https://b.example/users/c/inbox")]
    parcel = Parcel.of(b"futurs-publics", body, headers)
    assert (parcel.form, parcel.actor) == (Form.DIRECT, GROUP)
    assert (parcel.to, parcel.inbox) == ("https://b.example/users/c", "https://b.example/users/c/inbox")
