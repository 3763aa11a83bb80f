"""What a door once believed in somebody else's name is refused behind it: by the worker that reads it again, and at the last door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters import elsewhere
from hub.federation import incoming
from hub.federation.verification import VerifiedActivity, readmit
from hub.ports import Record
from schemas.activities import native_id_of, read, told
from schemas.documents import sign_document
from schemas.envelope import object_id
from schemas.proof import own_event, sign_event
from schemas.provenance import Belief, KnownActor, Provenance, ProvenanceRefused, sha256
from schemas.words import Audience
from tests.fakes_abroad import NOW, Person, written
from tests.fakes_schemas import HUB, key_entry, registry

if TYPE_CHECKING:
    from collections.abc import Mapping

CAROL = Person("https://ailleurs.example/users/carol", name="Carol Blanc")
NEIGHBOUR = Person("https://ailleurs.example/users/voisine")
MALLORY = Person("https://forum.example/users/mallory")
FORUM = Person("https://forum.example/category/2", "Group", "Le forum")
FORGED = {
    "a bare note that another proves as its actor": sign_document({**CAROL.note(), "actor": MALLORY.id}, MALLORY.key, NOW),
    "a bare note that a neighbour proves as its actor": sign_document({**CAROL.note(), "actor": NEIGHBOUR.id}, NEIGHBOUR.key, NOW),
    "a Create by another's key": sign_document(CAROL.creates(), MALLORY.key, NOW),
    "a Create without a proof": CAROL.creates(),
    "a Create under another server's address": sign_document({**CAROL.creates(), "id": MALLORY.id + "#1"}, CAROL.key, NOW),
    "a note under another server's address": sign_document({**CAROL.note(), "id": MALLORY.id + "#1"}, CAROL.key, NOW),
}
PROVED = {
    "a bare note": sign_document(CAROL.note(), CAROL.key, NOW),
    "a bare note that names its author twice": sign_document({**CAROL.note(), "actor": CAROL.id}, CAROL.key, NOW),
    "a Create": sign_document(CAROL.creates(), CAROL.key, NOW),
}


def believed(inner: Mapping[str, Any]) -> VerifiedActivity:
    """What the forum passed on, as a door that had believed it by its proof would have signed it."""
    body = written(FORUM.does("Announce", inner))
    actors = tuple(KnownActor(one.id, one.kind, one.name) for one in (FORUM, CAROL))
    seen = Provenance(FORUM.id, FORUM.server, FORUM.key.key_id, "rfc9421", NOW, sha256(body), "/inbox", Belief.PROOF, actors=actors)
    return VerifiedActivity(read(body), body, seen, seen.signed(HUB), told(read(body)))


def readmitted(activity: VerifiedActivity) -> VerifiedActivity:
    record = Record("peer.inbound.v1", 0, 1, NOW, b"", activity.unparsed, activity.headers("c"))
    return readmit(record, lambda _, __: HUB.public)


def fault(activity: VerifiedActivity) -> str | None:
    """What the last door says of the message that a hub has made of it."""
    heard = incoming.post(activity, NOW)
    native_id = native_id_of(heard.object_id)
    event = sign_event(
        HUB, heard.fact, subject=object_id(HUB.owner, native_id), time=NOW, platform="activitypub", native_id=native_id, change_marker="posted",
        actor="a" * 32, audience=Audience.PUBLIC, community="futurs-publics",
    )  # fmt: skip
    return elsewhere.fault(own_event(HUB, event, heard.fact, NOW), "hub", registry(federation=[key_entry(HUB)]))


@pytest.mark.parametrize("inner", FORGED.values(), ids=FORGED)
def test_what_a_door_believed_in_anothers_name_is_refused_by_the_worker_and_at_the_last_door(inner: Mapping[str, Any]) -> None:
    activity = believed(inner)
    with pytest.raises(ProvenanceRefused, match="provenance_of_another_author"):
        readmitted(activity)
    assert fault(activity) == "provenance_of_another_author"


@pytest.mark.parametrize("inner", PROVED.values(), ids=PROVED)
def test_what_its_author_proves_passes_both(inner: Mapping[str, Any]) -> None:
    assert fault(readmitted(believed(inner))) is None
