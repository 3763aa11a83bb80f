"""A hub with a peers' door in memory, over a real database: what is brought to the door is carried to the worker."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub import bootstrap
from hub.batches.group import Group
from hub.batches.peers import PeerBatch
from hub.federation.following import follow_group
from hub.peer_work import PeerWork
from hub.ports import Record
from hub.registry.peer_repository import SqlPeers
from hub.registry.peers import PeerKind
from hub.unit_of_work import transaction
from hub.worker import ABROAD
from schemas.keys import SigningKey
from tests.fakes_abroad import HERE, Door, Person, peer
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMUNITY = "futurs-publics"
ALICE = Person("https://social.example/users/alice")
BOB = Person("https://social.example/users/bob", name="Bob Petit")
CAROL = Person("https://ailleurs.example/users/carol", name="Carol Blanc")
FORUM = Person("https://forum.example/category/2", "Group", "Le forum")
MEMBER = Person("https://forum.example/uid/1", name="Membre du forum")
OPSI_KEY = SigningKey.generate("opsi")
"""The key of OPSI's hub, by which its registry is signed."""
OPSI = replace(peer("opsi.example"), kind=PeerKind.TRAITDUNION, anchor=OPSI_KEY.public.multibase)
"""Another Trait d'union."""
OPSI_SERVER = Person("https://opsi.example/actor", "Application", "Trait d’union")
OPSI_GROUP = Person("https://opsi.example/groups/innovation", "Group", "Innovation publique")
OPSI_NODE = Person("https://opsi.example/nodes/labo", "Organization", "Labo")


class Town:
    """A hub with a door: what is brought to the door is carried to the worker."""

    def __init__(self, world: World) -> None:
        self.world, self.door = world, Door()
        self.door.now = world.clock()
        self.door.admit(ALICE, BOB, CAROL, FORUM, MEMBER)
        self.door.abroad.add(OPSI_SERVER, OPSI_GROUP, OPSI_NODE)
        self.door.peers[OPSI.id] = OPSI
        group = Group("peers", bootstrap.begin(world.engine, world.rules), world.reader, world.dead_letters, world.clock, 5)  # type: ignore[arg-type]  # kept in memory
        self.batch = PeerBatch(group, ABROAD, HERE, self.door.key.public)
        self._offset = 0

    @classmethod
    async def make(cls, url: str) -> Town:
        """Over a database that has its tables: three nodes tied to one public community, peers admitted."""
        world = await World.make(url, federates=True)
        await world.tie()
        made = cls(world)
        await made.prepare()
        return made

    async def prepare(self) -> None:
        async with self.world.engine.begin() as connection:
            for server in ("social.example", "ailleurs.example", "forum.example"):
                await SqlPeers(connection).add(peer(server))
            await SqlPeers(connection).add(OPSI)
            await connection.execute(text("UPDATE hub.communities SET audience = 'public'"))

    async def records(self, *brought: tuple[Person, Mapping[str, Any]], path: str = "/inbox") -> list[Record]:
        """What the door makes of deliveries to one inbox."""
        self.door.kafka.records.clear()
        self.door.now = self.world.clock()
        for actor, activity in brought:
            answer = await self.door.bring(actor, activity, path)
            assert answer.status == 202, answer.body
        found = []
        for one in self.door.kafka.records:
            self._offset += 1
            found.append(Record(one.topic, 0, self._offset, self.world.clock(), one.key, one.value, tuple(one.headers)))
        return found

    async def hear(self, *brought: tuple[Person, Mapping[str, Any]]) -> None:
        """Deliveries, through door and worker."""
        await self.take(await self.records(*brought))

    async def take(self, records: Sequence[Record]) -> None:
        await self.batch.carry_out(await self.batch.read(records))

    async def follow(self, community: str = COMMUNITY, group: Person = FORUM) -> None:
        """Our community follows a group, which accepts."""
        await self.run(lambda work: follow_group(community, group.id, work, HERE))
        asked = json.loads((await self.outgoing())[-1]["value"])
        await self.hear((group, group.does("Accept", asked, f"acts/accept-{community}")))

    async def run(self, use: Any) -> Any:
        async with transaction(self.world.engine, self.world.rules) as work:
            found = await use(PeerWork(work, {}, "0" * 32))
            await work.commit()
        return found

    async def outgoing(self) -> list[dict[str, Any]]:
        rows = await self.world.rows("SELECT * FROM hub.outbox WHERE topic = 'peers.outbound.v1' ORDER BY id")
        return [{**row, "value": bytes(row["value"]), "headers": dict(row["headers"])} for row in rows]

    async def messages(self) -> list[Any]:
        return await self.world.rows("SELECT * FROM hub.messages ORDER BY first_sequence")

    @property
    def reasons(self) -> list[str]:
        return self.world.dead_letters.reasons
