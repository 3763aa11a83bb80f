"""The last door judges what the hub says for people elsewhere, and every RSE shows whence they speak."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters import elsewhere
from adapters.discourse import render as discourse
from adapters.exo import render as exo
from adapters.last_door import KEY_REASONS
from adapters.markup import escape_markdown
from adapters.matrix.names import display_name
from adapters.port import Act, Order
from hub.federation import incoming
from hub.federation.followers import ExternalObject
from hub.federation.verification import readmit
from hub.ports import Record
from schemas import provenance
from schemas.activities import native_id_of, organisation_of
from schemas.envelope import object_id
from schemas.facts.message import Author, MessageDeleted, MessageEdited
from schemas.facts.reaction import ReactionRemoved
from schemas.proof import own_event, sign_event
from schemas.words import Audience
from tests.fakes_abroad import HERE, NOW, Door, Person, written
from tests.fakes_schemas import HUB, key_entry, registry

if TYPE_CHECKING:
    from hub.federation.verification import VerifiedActivity
    from schemas.facts.base import Fact
    from schemas.facts.external import External
    from schemas.keys import SigningKey
    from schemas.manifest import Registry
    from schemas.proof import VerifiedEvent

ALICE = Person("https://social.example/users/alice")
CAROL = Person("https://ailleurs.example/users/carol", name="Carol Blanc")
FORUM = Person("https://forum.example/category/2", "Group", "Le forum")


def door() -> Door:
    """The peers' door, whose key the registry knows as the hub's."""
    made = Door(key=HUB)
    made.admit(ALICE, CAROL, FORUM)
    made.abroad.documents[CAROL.note()["id"]] = written(CAROL.note())
    return made


def taken(actor: Person, activity: dict[str, Any], at: Door | None = None) -> VerifiedActivity:
    """An activity as the worker readmits it."""
    through = at or door()

    async def bring() -> None:
        answer = await through.bring(actor, activity)
        assert answer.status == 202, answer.text

    asyncio.run(bring())
    record = through.kafka.records[-1]
    return readmit(Record(record.topic, 0, 1, NOW, record.key, record.value, tuple(record.headers)), lambda _, __: HUB.public)


def said(fact: Fact, native: str, key: SigningKey = HUB) -> VerifiedEvent:
    """A fact as its signer sends it."""
    native_id = native_id_of(native)
    event = sign_event(
        key, fact, subject=object_id(key.owner, native_id), time=NOW, platform="activitypub", native_id=native_id, change_marker="posted",
        actor="a" * 32, audience=Audience.PUBLIC, community="futurs-publics",
    )  # fmt: skip
    return own_event(key, event, fact, NOW)


@pytest.fixture(scope="module")
def known() -> Registry:
    return registry(federation=[key_entry(HUB)])


def posted(actor: Person = ALICE, activity: dict[str, Any] | None = None, at: Door | None = None) -> Any:
    """The fact of a post as the hub tells it."""
    return incoming.post(taken(actor, activity or actor.creates(), at), NOW)


def test_what_somebody_elsewhere_said_passes(known: Registry) -> None:
    heard = posted()
    assert elsewhere.fault(said(heard.fact, heard.object_id), "hub", known) is None
    announced = posted(FORUM, FORUM.does("Announce", CAROL.creates()))
    assert announced.fact.author.organisation == "ailleurs.example · externe"
    assert announced.fact.external.via == FORUM.id
    assert elsewhere.fault(said(announced.fact, announced.object_id), "hub", known) is None
    liked = taken(ALICE, ALICE.does("Like", HERE.note("m"), "acts/l"))
    assert elsewhere.fault(said(incoming.reaction(liked), liked.told.id), "hub", known) is None


def test_what_a_groups_moderation_brings_back_passes_as_its_own_server_shows_it(known: Registry) -> None:
    member = Person("https://forum.example/uid/1")
    note, at = member.note("post/1"), door()
    at.admit(member)
    at.abroad.documents[note["id"]] = written(note)
    delete = member.does("Delete", note["id"], "acts/d", summary="hors sujet")
    heard = posted(FORUM, FORUM.does("Announce", member.does("Undo", delete, "acts/u")), at)
    assert isinstance(heard.fact, MessageEdited)
    assert elsewhere.fault(said(heard.fact, heard.object_id), "hub", known) is None
    unshown = _external(heard.fact, document=None)
    assert elsewhere.fault(said(unshown, heard.object_id), "hub", known) in {"external_mismatch", "provenance_of_other_bytes"}


def test_what_the_hub_says_of_its_own_making_is_refused_and_so_is_a_ministry_that_plays_somebody_elsewhere(known: Registry) -> None:
    heard = posted()
    bare = heard.fact.model_copy(update={"external": None})
    assert elsewhere.fault(said(bare, heard.object_id), "hub", known) == "external_missing"
    assert elsewhere.fault(replace(said(heard.fact, heard.object_id)), "another-hub", known) == "external_mismatch"
    assert elsewhere.fault(said(MessageDeleted(space="social.example"), heard.object_id), "hub", known) is None


def removal(actor: Person, activity: dict[str, Any], name: str) -> Any:
    """The fact of what somebody took back."""
    heard = taken(actor, activity)
    known = ExternalObject(name, "s", "futurs-publics", heard.told.actor, "social.example", "message", heard.told.via, NOW)
    made = ReactionRemoved if heard.told.verb == "Undo" else MessageDeleted
    return made(space="social.example", external=incoming.taken_back(heard, known))


LIKED = "https://social.example/acts/l"
NOTE = ALICE.note()["id"]


@pytest.mark.parametrize(
    ("activity", "name"),
    [
        (ALICE.does("Delete", {"type": "Tombstone", "id": NOTE}), NOTE),
        (ALICE.does("Delete", ALICE.id), NOTE),
        (ALICE.does("Undo", ALICE.does("Like", HERE.note("m"), "acts/l")), LIKED),
    ],
)
def test_what_somebody_elsewhere_took_back_passes_and_nothing_else_under_its_name(
    known: Registry, activity: dict[str, Any], name: str
) -> None:
    fact = removal(ALICE, activity, name)
    assert fact.external is not None
    assert elsewhere.fault(said(fact, name), "hub", known) is None
    assert elsewhere.fault(said(fact, "https://social.example/notes/9"), "hub", known) == "external_mismatch"
    assert elsewhere.fault(said(fact, name), "another-hub", known) == "external_mismatch"
    for changes in ({"object": CAROL.note()["id"]}, {"actor": CAROL.id}, {"via": FORUM.id}):
        assert elsewhere.fault(said(_external(fact, **changes), name), "hub", known) == "external_mismatch"
    altered = _external(fact, activity=fact.external.activity + " ")
    assert elsewhere.fault(said(altered, name), "hub", known) == "provenance_of_other_bytes"
    mute = _external(fact, provenance="{}")
    assert elsewhere.fault(said(mute, name), "hub", known) == "provenance_malformed"


def test_a_post_proves_no_deletion(known: Registry) -> None:
    fact = MessageDeleted(space="social.example", external=posted().fact.external)
    assert elsewhere.fault(said(fact, NOTE), "hub", known) == "external_mismatch"


def test_a_deletion_that_says_the_words_again_is_not_kept() -> None:
    assert removal(ALICE, ALICE.does("Delete", ALICE.note()), NOTE).external is None


def test_a_doors_key_that_the_registry_does_not_name_may_be_in_a_newer_one() -> None:
    heard = posted()
    assert elsewhere.fault(said(heard.fact, heard.object_id), "hub", registry()) in KEY_REASONS


def _external(fact: Any, **changes: Any) -> Any:
    external: External = fact.external
    return fact.model_copy(update={"external": external.model_copy(update=changes)})


def _members(fact: Any, **changes: str) -> str:
    return provenance.written(provenance.members(fact.external.provenance) | changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda fact: _external(fact, activity=fact.external.activity.replace("Bonjour", "Bonsoir")), "provenance_of_other_bytes"),
        (lambda fact: _external(fact, activity=fact.external.activity + " "), "provenance_of_other_bytes"),
        (lambda fact: _external(fact, document="{}"), "provenance_of_other_bytes"),
        (lambda fact: _external(fact, provenance=_members(fact, peer_actor=CAROL.id)), "provenance_invalid"),
        (lambda fact: _external(fact, provenance=_members(fact, peer_more="1")), "provenance_invalid"),
        (lambda fact: _external(fact, provenance=_members(fact, peer_keyid="hub#z6Mk")), "provenance_key_refused"),
        (lambda fact: _external(fact, provenance="{}"), "provenance_malformed"),
        (lambda fact: _external(fact, provenance="[]"), "provenance_malformed"),
        (lambda fact: _external(fact, actor=CAROL.id), "external_mismatch"),
        (lambda fact: _external(fact, server="ailleurs.example"), "external_mismatch"),
        (lambda fact: _external(fact, object="https://social.example/notes/2"), "external_mismatch"),
        (lambda fact: _external(fact, via=FORUM.id), "external_mismatch"),
        (lambda fact: fact.model_copy(update={"author": Author(name="Alice", organisation="Finances publiques")}), "external_mismatch"),
        (lambda fact: fact.model_copy(update={"author": Author(name="Alice", organisation="social.example")}), "external_mismatch"),
    ],
)
def test_a_hub_that_lies_about_somebody_elsewhere_is_refused_by_name(known: Registry, change: Any, reason: str) -> None:
    heard = posted()
    assert elsewhere.fault(said(change(heard.fact), heard.object_id), "hub", known) == reason


def test_an_object_under_another_name_is_refused(known: Registry) -> None:
    assert elsewhere.fault(said(posted().fact, "https://social.example/notes/9"), "hub", known) == "external_mismatch"


def test_a_door_whose_key_was_revoked_before_is_not_believed() -> None:
    heard = posted()
    for federation in ([key_entry(HUB, revokedAt=NOW - timedelta(days=30))], []):  # the hub's own key is not the door's
        assert elsewhere.fault(said(heard.fact, heard.object_id), "hub", registry(federation=federation)) == "provenance_key_refused"


def test_every_rse_shows_name_server_and_that_she_is_from_elsewhere() -> None:
    author = posted().fact.author
    order = Order(Act.POSTED, "e", "s", "97", author=author, content=posted().fact.content, occurred_at=NOW)
    shown = "Alice Martin (social.example · externe)"
    assert display_name(author) == shown
    assert f"**{escape_markdown(shown)}** a écrit" in discourse.raw(order)
    assert f"<strong>{shown}</strong> a écrit" in exo.html(order, "https://portail.example")


def test_however_long_a_servers_name_is_it_is_shown_as_from_elsewhere_everywhere() -> None:
    long = organisation_of("a." * 120 + "example")
    assert long.endswith(".example · externe")
    assert display_name(Author(name="x" * 200, organisation=long)).endswith(".example · externe)")
