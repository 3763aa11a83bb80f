"""Two whole hubs that talk on while the keys of one change: the anchor of its registry, and the pair by which it signs for others."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from schemas.media_types import ACTIVITY_JSON
from tests.fakes_demo import NOT_INSTALLED
from tests.fakes_two_hubs import Talk, until, value

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes_two_hubs import Side, Two

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
    pytest.mark.skipif(NOT_INSTALLED is not None, reason=str(NOT_INSTALLED)),
]
LEAD = 240.0
"""Seconds within which every process has seen which key signs now."""
PAUSE = 2.0


async def test_the_anchor_of_one_is_followed_by_the_other_in_the_middle_of_their_talk(two: Two, tmp_path: Path) -> None:
    ours, opsi = two.ours, two.opsi
    talk = Talk(two, "Relais de l'ancre")
    await talk.speak()
    await talk.heard()
    before = await _anchor(ours)
    await ours.run_by_both("registry", "rotate", "--lead", "3", "--clear")
    async with asyncio.timeout(LEAD):
        while (await _anchor(ours)) == before or (await _signer_seen(opsi, ours)) == before:
            await talk.speak()
            await asyncio.sleep(PAUSE)
    await talk.speak()
    await talk.heard()
    key, out = ours.hub.federated.place.keys / "node.pem", tmp_path / "annonce.json"
    await ours.run(
        "keys", "announce", "wifip", "--key", str(key), "--out", str(out), "--clear"
    )  # the other must read a registry that the new key signs
    await ours.run_by_one("keys", "rotate", str(out), "--lead", "3", "--overlap", "1")
    log = ours.hub.logs / "connector-wifip.log"
    async with asyncio.timeout(LEAD):
        while "node_key_follows" not in log.read_text():
            await talk.speak()
            await asyncio.sleep(PAUSE)
    await talk.speak()
    await talk.heard()
    assert (
        await opsi.reads(talk.said["ours"][-1])
    ).by == ours.via  # under the ministry's own proof, by a key that the old anchor never named


async def test_a_pair_that_is_lost_is_replaced_and_nothing_that_was_said_is(two: Two, tmp_path: Path) -> None:
    ours, opsi = two.ours, two.opsi
    place, talk = ours.hub.federated.place, Talk(two, "Perte de la paire")
    await talk.speak()
    await talk.heard()
    files = [place.key, place.keys / "federation-rsa.pem"]
    for file in files:
        file.rename(tmp_path / file.name)
    await ours.run_by_both("keys", "replace-pair", "--reason", "perdue avec son disque", "--clear")
    await talk.speak()  # nothing of ours can be signed now
    for file in files:
        file.with_name(file.name + ".next").rename(file)
    for name in ("peer-door", "courier"):
        for process in ours.processes("hub", name):
            process.kill()  # its supervisor starts another, which finds the new pair
    await talk.speak()
    await talk.heard()
    registry = tmp_path / "registre.json"
    registry.write_bytes(await _read(ours, "/.well-known/traitdunion/registry"))
    await opsi.run_by_one("peers", "rekey", ours.authority, "--registry", str(registry))
    await opsi.hub.federated.apply_of(ours.hub.federated)
    await opsi.run_by_both("peers", "approve", ours.authority, "--manifest", str(ours.hub.federated.said))
    await talk.speak()
    await talk.heard()
    shown = json.loads(await _read(ours, f"/groups/{ours.hub.who.community}"))
    assert len(shown["assertionMethod"]) == 1
    assert "key_rotated" in await opsi.run("peers", "acts", ours.authority, "--json")

    async def in_service() -> bool:
        said = json.loads(await ours.run("peers", "show", opsi.authority, "--json"))
        return bool(said["breaker"] == "closed" and said["refused"] == 0)

    await until(in_service)


async def _anchor(side: Side) -> str:
    """The key that signs its registry now."""
    found = json.loads(await side.run("registry", "anchor", "--json"))
    return str(next(one["key"] for one in found if one["state"] == "signing"))


async def _signer_seen(reader: Side, of: Side) -> str:
    """By which key the other last saw its registry signed."""
    url = reader.hub.federated.office.environment["TRAITDUNION_DATABASE_URL"]
    sql = "SELECT convert_from(document, 'UTF8')::jsonb -> 'proof' ->> 'verificationMethod' FROM hub.peer_registries WHERE peer = $1"
    return (await value(url, sql, of.authority) or "").rpartition("#")[2]


async def _read(side: Side, path: str) -> bytes:
    """What anybody reads at a hub."""
    async with ClientSession() as http, http.get(side.hub.federated.place.base + path, headers={"Accept": ACTIVITY_JSON}) as answer:
        assert answer.status == 200
        return await answer.read()
