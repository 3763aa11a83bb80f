"""A courier that only writes down: what one peer was told of a town's community, and what of it that peer did not take."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hub.federation import positions
from hub.federation.delivery import Standing, Trouble
from hub.federation.followers import Follower
from hub.federation.positions import Refusal, Told, Writing
from hub.federation.repository import SqlFollowers
from hub.federation.telling import Voice, parcels
from hub.operations import sending_again, set_aside
from hub.operations.demanded import demands
from hub.ports import PEER_AGAIN, PEER_ONLY, Record
from schemas.provenance import sha256
from schemas.sequence import PEERS
from schemas.sequence import Sequence as Numbering
from schemas.topics import PEERS_OUTBOUND
from tests.fakes_abroad import COMMUNITY, HERE
from tests.fakes_federation import present
from tests.fakes_peer_town import ALICE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from hub.operations.sending_again import Resent
    from hub.unit_of_work import UnitOfWork
    from tests.fakes_peer_town import Town

PEER = "social.example"
FAILS = Trouble.FAILS.value
BOTH = frozenset({"announced", "plain"})


@dataclass
class Carrying:
    """What stands on the topic, in order; `tell` puts there what was numbered since, and says what the peer did not take of it."""

    town: Town
    told: list[Told] = field(default_factory=list)
    facts: int = 0
    again: int = 0

    async def follow(self, actor: str = ALICE.id) -> None:
        follower = Follower(COMMUNITY, actor, PEER, f"{actor}/inbox", "", "Person", f"{actor}/f", self.town.world.clock())
        await self.town.world.work(lambda work: SqlFollowers(work.connection).add(follower))

    async def tell(self, refused: Collection[str] = (), at: datetime | None = None) -> list[int]:
        """Those that were told now: their offsets; of these forms the peer took none."""
        rows = await self.town.world.rows("SELECT * FROM hub.outbox WHERE topic = 'hub.facts.v1' ORDER BY id")
        new, self.facts = rows[self.facts :], len(rows)
        now, first = at or self.town.world.clock(), len(self.told)
        for row in new:
            for one in parcels(self._record(row), row["targets"], Voice(HERE, "hub")) if PEERS in row["targets"] else ():
                self.told.append(Told(len(self.told), one.event, COMMUNITY, one.form.value, (PEER,), now, sha256(one.body)))
        await self._write(self.told[first:], [one for one in self.told[first:] if one.form in refused], now)
        return [one.offset for one in self.told[first:]]

    async def tell_again(self) -> list[Told]:
        """What was asked for again since, as a courier reads it; it still waits for its turn."""
        now, first, asked = self.town.world.clock(), len(self.told), await self.asked()
        for offset in asked[self.again :]:
            self.told.append(replace(self.told[offset], offset=len(self.told), at=now))
        self.again = len(asked)
        await self._write(self.told[first:], [], now, Standing(PEER, first, behind=True))
        return self.told[first:]

    async def judge(self, told: list[Told], *, taken: bool) -> None:
        """The peer has answered."""
        await self._write([], [] if taken else told, self.town.world.clock())

    async def answer(self, at: datetime | None = None) -> None:
        """An answer to one actor, which her server does not take."""
        now = at or self.town.world.clock()
        self.told.append(Told(len(self.told), "", COMMUNITY, "direct", (PEER,), now, "d"))
        await self._write(self.told[-1:], self.told[-1:], now)

    async def asked(self) -> list[int]:
        """What goes again: each record points to what was told, for this peer alone."""
        rows = await self.town.world.rows("SELECT value, headers FROM hub.outbox WHERE topic = 'peers.outbound.v1' ORDER BY id")
        said = [dict(row["headers"]) for row in rows]
        assert {one[PEER_ONLY] for one in said} <= {PEER}
        assert {bytes(row["value"]) for row in rows} <= {b"{}"}
        return [int(one[PEER_AGAIN]) for one in said]

    async def resend(self, name: str | None = None, reason: str = "Réparé chez eux.") -> Resent:
        async def act(work: UnitOfWork) -> Resent:
            return await sending_again.resend(PEER, name, reason, await present(work), work)

        done: Resent = await self.town.world.work(act)
        return done

    async def listed(self) -> list[tuple[int, str | None]]:
        """Offset and what stands against sending it again, of all that is set aside."""
        async with self.town.world.engine.connect() as connection:
            found = await set_aside.set_aside(connection, PEER, 100)
            known = await demands(connection, PEER, found)
        return [(one.offset, known.why_not(one, self.town.world.clock())) for one in found]

    async def _write(self, told: list[Told], refused: list[Told], now: datetime, standing: Standing | None = None) -> None:
        refusals = [Refusal(PEER, one.offset, FAILS, now) for one in refused]
        async with self.town.world.engine.connect() as connection:
            await positions.write(connection, Writing([standing or Standing(PEER, len(self.told))], told, refusals))
            await positions.save_mark(connection, PEERS_OUTBOUND.name, len(self.told))

    def _record(self, row: Mapping[str, Any]) -> Record:
        headers = [(name, said.encode()) for name, said in row["headers"]]
        place = Numbering(row["digest"], row["community"], row["sequence"], row["targets"], row["admitted_at"])
        headers += [(name, said.encode()) for name, said in place.signed(self.town.world.hub_key).items()]
        return Record("hub.facts.v1", 0, row["id"], row["admitted_at"], row["community"].encode(), bytes(row["value"]), tuple(headers))


def attested(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the hub signed of an act."""
    said: dict[str, Any] = json.loads(bytes(row["attestation"]))
    return said
