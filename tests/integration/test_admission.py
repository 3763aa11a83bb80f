"""Admission: a signed manifest, two different people, and an attested act for each thing that they do."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from hub.registry import admission, declaring, key_service, peer_keys
from hub.registry.acts import ActKind
from hub.registry.admission_work import (
    ApplicationMissing,
    ApprovalRefused,
    KeyTaken,
    ManifestReplayed,
    ManifestStands,
    NameTaken,
    NodeNotFound,
    ReasonMissing,
    TooManyApplications,
)
from hub.registry.declarations import Declaration, DeclaredOrganisation
from hub.registry.dossier import Dossier, dossier_of
from hub.registry.model import GradeRefused
from hub.registry.people import Person
from hub.registry.repository import newest_document
from hub.relay import show_manifests
from schemas.application import Kind
from schemas.application_faults import check, sign
from schemas.documents import document_holds
from schemas.keys import SigningKey
from schemas.manifest import Custody, Grade, KeyState, Registry
from schemas.rotation import RotationRefused, announce, read
from tests import fakes_federation
from tests.fakes_application import CHARTER, declared, draft, peer_draft
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.registry.admission import Decision
    from hub.unit_of_work import UnitOfWork
    from schemas.application_faults import SignedManifest
    from schemas.rotation import Announced

NODE = "node/recherche"
KEY = SigningKey.generate("recherche")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    yield made
    await made.close()


def manifest(world: World, key: SigningKey = KEY, after: timedelta = timedelta(), **changes: Any) -> SignedManifest:
    now = world.clock() + after
    made = peer_draft if "." in key.owner else draft
    return check(sign(made(key, now=now, **changes), key, now), CHARTER, now)


async def apply(world: World, signed: SignedManifest) -> bool:
    return bool(await world.work(partial(admission.apply, signed)))


async def decide(world: World, who: str, grade: Grade = Grade.FULL, subject: str = NODE, reason: str | None = None) -> Decision:
    async def use(work: UnitOfWork) -> Decision:
        return await admission.decide(
            subject, grade, await fakes_federation.present(work, who), work, reason, await fakes_federation.waiting(subject, work)
        )

    made: Decision = await world.work(use)
    return made


async def dossier(world: World, subject: str = NODE) -> Dossier:
    kind, _, name = subject.partition("/")
    async with world.engine.connect() as connection:
        found = await dossier_of(connection, Kind(kind), name)
    assert found is not None
    return found


async def test_two_different_people_admit_a_node_and_every_act_is_attested(world: World) -> None:
    assert await apply(world, manifest(world))
    first = await decide(world, "anne")
    assert (first.approvals, first.needed, first.done) == (1, 2, False)
    assert (await world.reader()).node("recherche") is None
    assert (await decide(world, "bakary")).done
    entry = (await world.reader()).node("recherche")
    assert entry is not None
    assert (entry.grade, entry.keys[0].custody, entry.keys[0].state_at(world.clock())) == (
        Grade.FULL,
        Custody.ORGANISATION,
        KeyState.ACTIVE,
    )
    acts = (await dossier(world)).acts
    assert [(act.kind, act.name) for act in acts] == [
        (ActKind.APPLIED, None), (ActKind.APPROVED, "Anne Lefort"), (ActKind.APPROVED, "Bakary Diop"),
        (ActKind.GRADE_CHANGED, "Bakary Diop"),
    ]  # fmt: skip
    assert [act.version for act in acts] == [None, None, 4, 4]
    for act in acts:
        assert document_holds(json.loads(act.attestation), world.hub_key.public)
    said = json.loads(acts[1].attestation)
    assert (said["act"], said["subject"], said["by"]["name"], said["grade"]) == ("approved", NODE, "Anne Lefort", "full")
    how = said["authentication"]
    assert (how["provider"], how["acr"]) == ("hub:token", "urn:traitdunion:acr:token")
    assert timedelta() <= acts[1].at - datetime.fromisoformat(how["authTime"]) < timedelta(minutes=1)


async def test_nobody_approves_twice_and_no_organisation_lets_itself_in(world: World) -> None:
    key = SigningKey.generate("wifip2")
    signed = manifest(world, key, organisation={"name": "Ministère wifip", "siret": fakes_federation.PEOPLE["chloe"].siret})
    await apply(world, signed)
    own = Person("dora", "Dora Petit", "Ministère wifip", fakes_federation.PEOPLE["chloe"].siret, world.clock())
    await world.work(lambda work: work.people.add(own, "tdu-dora"))
    fakes_federation.TOKENS["dora"] = "tdu-dora"
    await decide(world, "chloe", subject="node/wifip2")
    for who, reason in (("chloe", "already_approved"), ("dora", "own_organisation_alone")):
        with pytest.raises(ApprovalRefused) as refused:
            await decide(world, who, subject="node/wifip2")
        assert refused.value.reason == reason
    assert (await dossier(world, "node/wifip2")).member.grade is Grade.CANDIDATE
    assert (await decide(world, "bakary", subject="node/wifip2")).done


async def test_an_approval_for_one_grade_is_none_for_another(world: World) -> None:
    await apply(world, manifest(world))
    await decide(world, "anne", Grade.OBSERVER)
    assert not (await decide(world, "bakary", Grade.FULL)).done
    assert (await decide(world, "bakary", Grade.OBSERVER)).done
    assert (await dossier(world)).member.grade is Grade.OBSERVER


async def test_a_refusal_says_why_and_frees_the_name(world: World) -> None:
    await apply(world, manifest(world))
    await decide(world, "anne")

    async def refuse(work: UnitOfWork, reason: str) -> None:
        await admission.refuse(NODE, reason, await fakes_federation.present(work), work, await fakes_federation.waiting(NODE, work))

    with pytest.raises(ReasonMissing):
        await world.work(partial(refuse, reason=" \n"))
    await world.work(partial(refuse, reason="La charte n’est pas signée."))
    with pytest.raises(ApplicationMissing):
        await world.work(partial(refuse, reason="Encore"))
    found = await dossier(world)
    assert (found.waiting, found.acts[-1].kind, found.acts[-1].reason) == (None, ActKind.REFUSED, "La charte n’est pas signée.")
    with pytest.raises(ApplicationMissing):
        await decide(world, "bakary")
    other = SigningKey.generate("recherche")
    assert await apply(world, manifest(world, other, timedelta(seconds=1)))
    assert not (await decide(world, "bakary")).done  # what was said of the first application is no word on the second
    keys = await world.rows("SELECT id FROM hub.node_keys WHERE node = 'recherche'")
    assert [row["id"] for row in keys] == [other.key_id]


async def test_an_older_or_altered_or_foreign_manifest_takes_nobodys_place(world: World) -> None:
    old, new = manifest(world), manifest(world, after=timedelta(minutes=1))
    await apply(world, new)
    assert not await apply(world, new)
    with pytest.raises(ManifestReplayed):
        await apply(world, old)
    for stranger in (SigningKey.generate("recherche"), SigningKey.generate("wifip"), SigningKey.generate("hub")):
        with pytest.raises(NameTaken):
            await apply(world, manifest(world, stranger, timedelta(minutes=2)))
    stolen = SigningKey("voisin", world.keys["wifip"]._private)
    with pytest.raises(KeyTaken):
        await apply(world, manifest(world, stolen))


async def test_a_node_that_stands_renews_its_manifest_by_its_own_key(world: World) -> None:
    await apply(world, manifest(world))
    await world.work(partial(fakes_federation.approve, NODE))
    second, now = SigningKey.generate("recherche"), world.clock() + timedelta(minutes=1)
    renewed = manifest(world, KEY, timedelta(minutes=1), keys=[declared(KEY, now), declared(second, now)])
    assert await apply(world, renewed)
    assert (await dossier(world)).member.grade is Grade.FULL  # it goes on while people read
    await world.work(partial(fakes_federation.approve, NODE))
    entry = (await world.reader()).node("recherche")
    assert entry is not None
    assert {key.id for key in entry.keys} == {KEY.key_id, second.key_id}
    assert (await dossier(world)).waiting is None


async def test_suspension_takes_one_person_and_departure_two(world: World) -> None:
    with pytest.raises(ReasonMissing):
        await decide(world, "anne", Grade.SUSPENDED, "node/wifip")
    assert (await decide(world, "anne", Grade.SUSPENDED, "node/wifip", "fuite")).done
    assert not (await decide(world, "anne", Grade.FULL, "node/wifip")).done
    assert (await decide(world, "bakary", Grade.FULL, "node/wifip")).done
    assert not (await decide(world, "anne", Grade.GONE, "node/wifip", "fermeture")).done
    assert (await decide(world, "bakary", Grade.GONE, "node/wifip", "fermeture")).done
    with pytest.raises(GradeRefused):
        await decide(world, "anne", Grade.FULL, "node/wifip")
    with pytest.raises(NameTaken):
        await apply(world, manifest(world, world.keys["wifip"], timedelta(minutes=1)))
    with pytest.raises(NodeNotFound):
        await decide(world, "anne", Grade.FULL, "node/absent")


async def lower(world: World, who: str, subject: str = "node/wifip", reason: str = "En attendant leur RSSI.") -> Decision:
    async def use(work: UnitOfWork) -> Decision:
        return await admission.lower(subject, reason, await fakes_federation.present(work, who), work)

    made: Decision = await world.work(use)
    return made


async def test_lowering_to_observer_takes_two_people_and_a_reason_and_so_does_raising_again(world: World) -> None:
    for without in (lower(world, "anne", reason=" "), decide(world, "anne", Grade.OBSERVER, "node/wifip")):
        with pytest.raises(ReasonMissing):
            await without
    assert not (await lower(world, "anne")).done
    assert (await lower(world, "bakary")).done
    found = await dossier(world, "node/wifip")
    change = found.last_change()
    assert change is not None
    assert (found.member.grade, change.reason, found.lessened()) == (Grade.OBSERVER, "En attendant leur RSSI.", True)
    assert (await lower(world, "chloe")).done is False
    await world.work(partial(fakes_federation.approve, "node/wifip"))
    assert not (await dossier(world, "node/wifip")).lessened()
    await decide(world, "anne", Grade.SUSPENDED, "node/wifip", "fuite")
    with pytest.raises(GradeRefused):
        await lower(world, "anne")


async def test_a_manifest_that_ended_lets_nobody_in_and_a_renewed_one_lets_speak_again(world: World) -> None:
    await apply(world, manifest(world))
    world.clock.moved += timedelta(days=366)
    with pytest.raises(ApprovalRefused, match="manifest_expired"):
        await decide(world, "anne")
    await apply(world, manifest(world))
    await world.work(partial(fakes_federation.approve, NODE))
    first: Any = (await dossier(world)).member
    await decide(world, "anne", Grade.SUSPENDED, reason="fuite")
    world.clock.moved += timedelta(days=366)
    with pytest.raises(ApprovalRefused, match="manifest_expired"):
        await decide(world, "anne")
    await apply(world, manifest(world))
    await world.work(partial(fakes_federation.approve, NODE))
    renewed: Any = (await dossier(world)).member
    assert renewed.expires - first.expires >= timedelta(days=366)
    registry = await world.reader()
    entry = registry.node("recherche")
    assert entry is not None
    assert (entry.grade, entry.manifest_expires) == (Grade.FULL, renewed.expires)
    assert registry.key_at("recherche", KEY.key_id, world.clock()) == KEY.public


async def test_a_key_that_ended_proves_nothing_beside_one_that_lives_and_a_revoked_one_never(world: World) -> None:
    old, new = world.keys["wifip"], SigningKey.generate("wifip")
    said = read(announce(old, new, Custody.OPERATOR, world.clock()))

    async def rotate(work: UnitOfWork) -> None:
        plan = key_service.Plan(timedelta(0), timedelta(0))
        await key_service.rotate(said, plan, await fakes_federation.present(work), work)

    await world.work(rotate)
    world.clock.moved += timedelta(minutes=1)
    with pytest.raises(NameTaken):
        await apply(world, manifest(world, old))
    for key in (new, old):

        async def revoke(work: UnitOfWork, key: SigningKey = key) -> None:
            await key_service.revoke_key("wifip", key.key_id, await fakes_federation.present(work), work)

        await world.work(revoke)
    for key in (new, old):
        with pytest.raises(NameTaken):
            await apply(world, manifest(world, key))


async def test_a_peers_manifest_ends_too_and_a_declaration_does_not(world: World) -> None:
    key = SigningKey.generate("opsi.example")
    await apply(world, manifest(world, key))
    await world.work(partial(fakes_federation.approve, "peer/opsi.example"))
    assert await declare(world, declaration(world))
    await world.work(partial(fakes_federation.approve, SOCIAL))
    ends = [(await dossier(world, subject)).member.expires for subject in ("peer/opsi.example", SOCIAL)]
    assert [end is not None and end > world.clock() + timedelta(days=364) for end in ends] == [True, False]
    assert [peer.manifest_expires for peer in (await world.reader()).document.peers] == ends


async def test_the_end_of_each_manifest_is_shown_by_a_metric(world: World) -> None:
    await world.work(partial(fakes_federation.expire, "node/wifip", world.clock() + timedelta(days=10)))
    await world.work(partial(fakes_federation.suspend, "node/education"))
    async with world.engine.connect() as connection:
        await show_manifests(connection, world.clock())
    left = [REGISTRY.get_sample_value("traitdunion_manifest_expires_days", {"subject": f"node/{name}"}) for name in ("wifip", "education")]
    assert left == [pytest.approx(10, abs=0.01), None]


async def test_who_lowers_has_not_accepted_the_manifest_that_waits(world: World) -> None:
    assert await apply(world, manifest(world, world.keys["wifip"], timedelta(minutes=1)))
    for who in ("anne", "bakary"):
        await lower(world, who)
    found = await dossier(world, "node/wifip")
    assert (found.member.grade, found.waiting is not None) == (Grade.OBSERVER, True)


async def test_an_observer_from_the_start_has_lost_nothing(world: World) -> None:
    await apply(world, manifest(world))
    await world.work(partial(fakes_federation.approve, NODE, grade=Grade.OBSERVER))
    assert not (await dossier(world)).lessened()


async def test_a_peer_is_admitted_as_its_manifest_describes_it(world: World) -> None:
    key = SigningKey.generate("opsi.example")
    peering = {"kind": "activitypub", "cavage": True, "networks": ["10.0.0.0/8"]}
    await apply(world, manifest(world, key, peering=peering))
    await world.work(partial(fakes_federation.approve, "peer/opsi.example"))
    peer: Any = (await dossier(world, "peer/opsi.example")).member
    assert (peer.grade, peer.cavage, peer.networks, peer.kind) == (Grade.FULL, True, ("10.0.0.0/8",), "activitypub")
    with pytest.raises(NameTaken):
        await apply(world, manifest(world, SigningKey.generate("opsi.example"), timedelta(minutes=1)))
    assert await apply(world, manifest(world, key, timedelta(minutes=1)))
    await world.work(partial(fakes_federation.approve, "peer/opsi.example"))
    renewed: Any = (await dossier(world, "peer/opsi.example")).member
    assert (renewed.cavage, renewed.grade) == (False, Grade.FULL)


SOCIAL = "peer/social.example"


def declaration(world: World, **more: Any) -> Declaration:
    return Declaration(authority="social.example", organisation=DeclaredOrganisation(name="OPSI"), issued=world.clock(), **more)


async def declare(world: World, said: Declaration, who: str = "anne", reason: str = "Leur logiciel ne signe pas de manifeste.") -> bool:
    async def use(work: UnitOfWork) -> bool:
        return await declaring.declare(said, reason, await fakes_federation.present(work, who), work)

    return bool(await world.work(use))


async def peer_of(world: World, subject: str = SOCIAL) -> Any:
    return (await dossier(world, subject)).member


async def test_a_server_that_signs_no_manifest_is_declared_by_a_person_and_admitted_by_two(world: World) -> None:
    with pytest.raises(ReasonMissing):
        await declare(world, declaration(world), reason=" ")
    assert await declare(world, declaration(world, cavage=True, networks=("10.2.0.0/16",)))
    assert (await peer_of(world)).grade is Grade.CANDIDATE
    assert not (await decide(world, "anne", subject=SOCIAL)).done  # who declares approves once, as anybody
    with pytest.raises(ApprovalRefused, match="already_approved"):
        await decide(world, "anne", subject=SOCIAL)
    assert (await decide(world, "bakary", subject=SOCIAL)).done
    peer = await peer_of(world)
    assert (peer.grade, peer.cavage, peer.networks, peer.declared) == (Grade.FULL, True, ("10.2.0.0/16",), True)
    act = (await dossier(world, SOCIAL)).acts[0]
    said = json.loads(act.attestation)
    assert document_holds(said, world.hub_key.public)
    assert (said["act"], said["by"]["name"], said["reason"]) == ("declared", "Anne Lefort", "Leur logiciel ne signe pas de manifeste.")
    (kept,) = await world.rows("SELECT manifest FROM hub.applications WHERE subject = 'peer/social.example'")
    assert hashlib.sha256(bytes(kept["manifest"])).hexdigest() == said["manifest"]


async def test_what_was_declared_changes_when_two_people_have_approved_the_change(world: World) -> None:
    await declare(world, declaration(world))
    await world.work(partial(fakes_federation.approve, SOCIAL))
    assert not await declare(world, declaration(world), "bakary")
    assert await declare(world, declaration(world, cavage=True), "bakary")
    assert not (await peer_of(world)).cavage
    await decide(world, "anne", subject=SOCIAL)
    assert await declare(world, declaration(world, cavage=True, networks=("10.0.0.0/8",)))
    assert not (await decide(world, "bakary", subject=SOCIAL)).done  # what was approved before was another declaration
    assert (await decide(world, "anne", subject=SOCIAL)).done
    peer = await peer_of(world)
    assert (peer.cavage, peer.networks, peer.grade) == (True, ("10.0.0.0/8",), Grade.FULL)


async def test_a_declared_server_that_signs_at_last_speaks_for_itself_and_nobody_declares_it_any_more(world: World) -> None:
    before = manifest(world, SigningKey.generate("social.example"))
    await declare(world, declaration(world, cavage=True))
    await world.work(partial(fakes_federation.approve, SOCIAL))
    assert await apply(world, before)
    with pytest.raises(ManifestStands):
        await declare(world, declaration(world))
    with pytest.raises(NameTaken):
        await apply(world, manifest(world, SigningKey.generate("social.example"), timedelta(minutes=1)))
    assert (await peer_of(world)).cavage  # until two people have read the manifest
    await world.work(partial(fakes_federation.approve, SOCIAL))
    peer = await peer_of(world)
    assert (peer.declared, peer.cavage, peer.kind) == (False, False, "traitdunion")


async def test_a_server_that_went_for_ever_is_not_declared_again(world: World) -> None:
    await declare(world, declaration(world))
    await world.work(partial(fakes_federation.approve, SOCIAL))
    for who in ("anne", "bakary"):
        await decide(world, who, Grade.GONE, SOCIAL, "fermeture")
    with pytest.raises(NameTaken):
        await declare(world, declaration(world, cavage=True))


async def test_strangers_cannot_fill_the_registry_with_applications(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "OPEN_LIMIT", 1)
    await apply(world, manifest(world))
    with pytest.raises(TooManyApplications):
        await apply(world, manifest(world, SigningKey.generate("autre")))


async def test_a_revoked_token_is_nobodys(world: World) -> None:
    presence = await world.work(fakes_federation.present)
    assert await world.work(lambda work: work.people.revoke(presence.person.id, work.clock()))
    assert not await world.work(lambda work: work.people.revoke(presence.person.id, work.clock()))
    assert await world.work(lambda work: work.people.by_token(fakes_federation.TOKENS["anne"])) is None
    (row,) = await world.rows("SELECT * FROM hub.people WHERE id = 'anne'")
    assert fakes_federation.TOKENS["anne"] not in str(dict(row))


async def test_a_compromised_key_is_revoked_and_doubted_since_a_moment(world: World) -> None:
    key, since = world.keys["wifip"].key_id, world.clock().replace(microsecond=0) - timedelta(hours=2)

    async def use(work: UnitOfWork, at: Any = since) -> None:
        await key_service.call_compromised("wifip", key, at, await fakes_federation.present(work), work)

    with pytest.raises(ValueError, match=r"20\d\d"):
        await world.work(partial(use, at=world.clock() + timedelta(hours=1)))
    await world.work(use)
    registry = await world.reader()
    entry = registry.node("wifip")
    assert entry is not None
    assert entry.keys[0].compromised_since == since
    assert registry.key_at("wifip", key, world.clock()) == "key_revoked"


async def test_the_registry_tells_its_history_version_by_version_without_a_person_s_name(world: World) -> None:
    first = await world.reader()
    await world.work(partial(fakes_federation.admit_peer, SigningKey.generate("opsi.example")))
    await decide(world, "anne", Grade.SUSPENDED, "peer/opsi.example", "panne")
    async with world.engine.connect() as connection:
        second = Registry.open((await newest_document(connection) or (0, b""))[1], world.hub_key.public.multibase, world.clock(), first)
    told = [(one.version, [(change.act, change.subject, change.approvals) for change in one.changes]) for one in second.document.history]
    assert told[3:] == [
        (4, [("applied", "peer/opsi.example", None), ("grade_changed", "peer/opsi.example", 2)]),
        (5, [("grade_changed", "peer/opsi.example", 1)]),
    ]
    assert [(peer.authority, peer.grade) for peer in second.document.peers] == [("opsi.example", Grade.SUSPENDED)]
    assert b"Lefort" not in second.unparsed


async def test_a_key_follows_another_by_the_word_of_both_and_both_hold_for_the_overlap(world: World) -> None:
    old, new = world.keys["wifip"], SigningKey.generate("wifip")
    said = read(announce(old, new, Custody.OPERATOR, world.clock()))

    async def rotate(work: UnitOfWork, announced: Announced = said) -> None:
        plan = key_service.Plan(timedelta(minutes=1), timedelta(hours=1))
        await key_service.rotate(announced, plan, await fakes_federation.present(work), work)

    started = world.clock()
    await world.work(rotate)
    registry = await world.reader()
    states = []
    for after in (timedelta(seconds=30), timedelta(minutes=2), timedelta(hours=2)):
        at = [registry.key_at("wifip", key.key_id, started + after) for key in (old, new)]
        states.append([str(one) if isinstance(one, str) else "holds" for one in at])
    assert states == [["holds", "key_pending"], ["holds", "holds"], ["key_retired", "holds"]]
    with pytest.raises(KeyTaken):
        await world.work(rotate)
    stranger = SigningKey.generate("wifip")
    foreign = read(announce(stranger, SigningKey.generate("wifip"), Custody.OPERATOR, world.clock()))
    with pytest.raises(RotationRefused, match="rotation_by_another_key"):
        await world.work(partial(rotate, announced=foreign))
    assert (await dossier(world, "node/wifip")).acts[-1].key == new.key_id


async def test_the_key_of_a_peers_manifest_is_followed_by_the_word_of_both_and_proves_nothing_more(world: World) -> None:
    old, new, other = (SigningKey.generate("opsi.example") for _ in range(3))
    await apply(world, manifest(world, old))
    await world.work(partial(fakes_federation.approve, "peer/opsi.example"))

    async def rotate(work: UnitOfWork, by: SigningKey = old, to: SigningKey = new) -> str:
        said = read(announce(by, to, Custody.OPERATOR, work.clock()))
        return await peer_keys.rotate(said, await fakes_federation.present(work), work)

    with pytest.raises(RotationRefused, match="rotation_by_another_key"):
        await world.work(partial(rotate, by=other))
    with pytest.raises(KeyTaken):
        await world.work(partial(rotate, to=world.keys["wifip"].acting_for("opsi.example")))
    with pytest.raises(NodeNotFound):
        await world.work(partial(rotate, by=old.acting_for("inconnu.example"), to=new.acting_for("inconnu.example")))
    with pytest.raises(NameTaken):
        await apply(world, manifest(world, new, timedelta(minutes=1)))
    assert await world.work(rotate) == new.key_id
    with pytest.raises(KeyTaken):
        await world.work(rotate)
    with pytest.raises(NameTaken):
        await apply(world, manifest(world, old, timedelta(minutes=2)))
    assert await apply(world, manifest(world, new, timedelta(minutes=3)))
    assert (await world.reader()).document.history[-1].changes[0].key == new.key_id
    await world.work(partial(fakes_federation.approve, "peer/opsi.example"))
    with pytest.raises(NameTaken):
        await apply(world, manifest(world, old, timedelta(minutes=4)))
