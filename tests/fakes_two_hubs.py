"""Two whole hubs as a test sees them: what their people write and read, what their operators ask, what runs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg
import psutil

from deploy.demo.cast import Ministry, Person
from deploy.demo.manifests import Approver
from deploy.demo.neighbour import Identity
from deploy.demo.spaces import find

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.demo.neighbour import Neighbour
    from deploy.demo.spaces import Forum, Shown

PATIENCE = 180.0
WIFIP = Ministry("wifip", "00000100100015", "Finances publiques", "discourse", "wiFiP", 0, 0, Person("camille", "Camille Roux"))
LABO = Ministry("labo", "00000100800010", "Innovation publique", "discourse", "Labo", 0, 0, Person("nora", "Nora Haddad"))
OURS = Identity(
    "ours", "Équipe Trait d’union", "00000100600014", "futurs-publics", "Futurs Publics", WIFIP,
    (Approver("anne", "Anne Lefort", "Équipe Trait d’union", "00000100600014"), Approver("bakary", "Bakary Diop", "Numérique", "00000100500016")),
)  # fmt: skip
OPSI = Identity(
    "opsi", "Observatoire de l’innovation", "00000100700012", "innovation", "Innovation publique", LABO,
    (Approver("iris", "Iris Colin", "Observatoire", "00000100700012"), Approver("jean", "Jean Petit", "Recherche", "00000100900018")),
)  # fmt: skip


@dataclass
class Side:
    """One hub and the agent who sits in its forum."""

    hub: Neighbour
    forum: Forum

    @property
    def group(self) -> str:
        return self.hub.federated.place.group(self.hub.who.community)

    @property
    def authority(self) -> str:
        return self.hub.federated.place.authority

    @property
    def via(self) -> str:
        """How its agent is named in the other hub's forum: her ministry's own name, and the server through which it speaks."""
        ministry = self.hub.who.ministry
        return f"{ministry.agent.name} ({ministry.name} · via {self.authority})"

    async def run(self, *words: str) -> str:
        return await self.hub.federated.office.run(*words)

    async def run_by_both(self, *words: str) -> None:
        for person in self.hub.who.people:
            await self.hub.federated.office.run_by(self.hub.federated.place.token_of(person), *words)

    async def run_by_one(self, *words: str) -> None:
        await self.hub.federated.office.run_by(self.hub.federated.place.token_of(self.hub.who.people[0]), *words)

    async def sees(self, fits: Callable[[list[Shown]], Any]) -> Any:
        """Wait until her forum shows something that fits."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := fits(list(await self.forum.shown()))):  # noqa: ASYNC110 - a forum tells nobody when it changes
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{self.hub.who.name} shows {[one.text for one in await self.forum.shown()]}") from None
        return found

    async def reads(self, words: str) -> Shown:
        found: Shown = await self.sees(lambda shown: find(shown, words))
        return found

    async def loses(self, words: str) -> None:
        await self.sees(lambda shown: find(shown, words) is None)

    async def declare(self, authority: str) -> None:
        """Software that signs no manifest: declared by one person, admitted by both."""
        await self.run_by_one("peers", "declare", authority, "--organisation", "Association", "--reason", "ne signe pas de manifeste")
        waiting = json.loads(await self.run("peers", "acts", authority, "--json"))["waiting"]
        await self.run_by_both("peers", "approve", authority, "--manifest", waiting["digest"])

    async def transmission(self, words: str, other: Side, state: str) -> dict[str, Any]:
        """Wait until what became of a message of ours at the other hub is this; what is known of it."""
        url = self.hub.federated.office.environment["TRAITDUNION_DATABASE_URL"]
        found: dict[str, Any] = {}

        async def holds() -> bool:
            message = await value(url, "SELECT id FROM hub.messages WHERE position($1 in html) > 0 AND node <> 'hub'", words)
            if message is None:
                return False
            steps = json.loads(await self.run("trace", message, "--json"))
            told = [one for step in steps for one in step["transmissions"] if one["peer"] == other.authority]
            found.update(told[-1] if told else {})
            return found.get("state") == state

        await until(holds)
        return found

    async def words(self) -> list[str]:
        return [one.text for one in await self.forum.shown()]

    def processes(self, *words: str) -> list[psutil.Process]:
        """This hub's processes whose command line ends with these words."""
        url = self.hub.federated.place.base
        return [one for one in psutil.process_iter() if _line(one)[-len(words) :] == list(words) and belongs_to(one, url)]


@dataclass
class Two:
    """Both."""

    ours: Side
    opsi: Side


@dataclass
class Talk:
    """Words that agents of both hubs say in turn, under a subject, and that must all be read at the other, once and in order."""

    two: Two
    about: str
    said: dict[str, list[str]] = field(default_factory=lambda: {"ours": [], "opsi": []})

    def _sides(self) -> tuple[tuple[Side, Side, list[str]], ...]:
        ours, opsi = self.two.ours, self.two.opsi
        return ((ours, opsi, self.said["ours"]), (opsi, ours, self.said["opsi"]))

    async def speak(self) -> None:
        for here, _, said in self._sides():
            said.append(f"Parole {len(said)} de {here.hub.who.name} : {self.about}.")
            await here.forum.open_topic(f"{self.about}, sujet {len(said)} de {here.hub.who.name}", said[-1])

    async def heard(self) -> None:
        """Each has read the other's last word, and those before it; and has told, signed by its hub, that it arrived."""
        for here, there, said in self._sides():
            await there.reads(said[-1])
            assert [words for text in await there.words() for words in said if words in text] == said
            await here.transmission(said[-1], there, "arrived")


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def belongs_to(process: psutil.Process, url: str) -> bool:
    try:
        return process.environ().get("TRAITDUNION_FEDERATION_URL") == url
    except psutil.Error:
        return False


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.2)


async def until_so(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)


async def value(url: str, sql: str, *values: str) -> str | None:
    connection = await asyncpg.connect(url)
    try:
        found: str | None = await connection.fetchval(sql, *values)
    finally:
        await connection.close()
    return found


async def follow(one: Side, other: Side) -> None:
    await one.run("communities", "follow", one.hub.who.community, other.group)

    async def accepted() -> bool:
        said = json.loads(await one.run("communities", "follows", "--json"))
        return {"direction": "suit", "actor": other.group, "state": "accepted"}.items() <= next(
            (row.items() for row in said if row["actor"] == other.group and row["direction"] == "suit"), {}.items()
        )

    await until(accepted)


async def admit(one: Side, other: Side) -> None:
    await one.hub.federated.apply_of(other.hub.federated)
    said = list((await one.hub.federated.admit(other.hub.federated)).values())
    assert "encore une autre personne" in said[0], said
    assert "est admis" in said[1], said
