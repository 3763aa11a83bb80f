"""Step 8: another organisation's whole Trait d'union applies, is admitted by two people, and follows the community; words cross both ways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from deploy.demo import cast
from deploy.demo.cast import Ministry, Person
from deploy.demo.federated import Place
from deploy.demo.ground import port_near
from deploy.demo.manifests import Approver
from deploy.demo.neighbour import Identity, Neighbour
from deploy.demo.operator import Operator
from deploy.demo.receipts import receipts
from deploy.demo.spaces import find
from deploy.local.ports import LOOPBACK

if TYPE_CHECKING:
    from deploy.demo.federated import Federated
    from deploy.demo.scene import Scene
    from deploy.demo.spaces import Forum, Shown

OPSI: Final = Identity(
    "opsi", "OPSI", "00000100700012", "innovation", "Innovation publique",
    Ministry("laboratoire", "00000100800010", "Innovation publique", "discourse", "Labo", 8415, 8425, Person("nora", "Nora Haddad")),
    (Approver("iris", "Iris Colin", "OPSI", "00000100700012"), Approver("jean", "Jean Petit", "Recherche", "00000100900018")),
)  # fmt: skip
PORT: Final = 8502
ASKED: Final = "Quel ministère a déjà ouvert un laboratoire d'innovation ?"
ANSWERED: Final = "Chez nous il existe depuis deux ans, venez le voir."
INVITED: Final = "Nous invitons aussi tous les laboratoires d'Europe."
FIRST_WITHIN: Final = 2000
WITHIN: Final = 20.0


async def federation(scene: Scene) -> Neighbour:
    """Founded, admitted, followed; then three messages that answer one another."""
    narrator = scene.narrator
    narrator.step(8, f"Un autre Trait d'union, celui d'{OPSI.organisation}, se joint à « {cast.TITLE} »")
    async with asyncio.TaskGroup() as group:
        group.create_task(scene.stack.open_to_others())
        founded = group.create_task(_found(scene))
    other = founded.result()
    narrator.note(f"notre hub a redémarré avec deux clés et une adresse pour les autres serveurs : {scene.plan.place.base}")
    await _admit(scene, other)
    await _follow(scene, other)
    await other.federated.office.operator.close()  # all is set up: one terminal less in memory
    await _converse(scene, other.forum(scene.http))
    await receipts(scene, other)
    return other


async def _found(scene: Scene) -> Neighbour:
    folder, narrator = scene.plan.ground.folder / OPSI.name, scene.narrator
    operator = await Operator.start(scene.plan.ground.logs / f"administration-{OPSI.organisation}.log")
    scene.stack.on_stop(operator.close)
    place = Place(LOOPBACK, port_near(PORT), folder / "keys")
    other = Neighbour(OPSI, folder, place, await scene.stack.second_hub(), operator)
    scene.stack.on_stop(other.stop)
    await other.found()
    other.start_few()
    narrator.does(
        f"{OPSI.organisation} a sa base, ses topics, ses clés et ses deux personnes ; son RSE « {OPSI.ministry.rse} » : {other.post.rse_url}"
    )
    await other.tie(scene.http)
    narrator.sees(f"son hub est prêt, à l'adresse {place.base} pour les autres serveurs ; son ministère y est admis et rattaché")
    return other


async def _admit(scene: Scene, other: Neighbour) -> None:
    narrator, ours = scene.narrator, scene.stack.federated
    for one, candidate in ((ours, other.federated), (other.federated, ours)):
        await one.apply_of(candidate)
        said = await one.admit(candidate)
        first, second = said.values()
        names = " puis ".join(said)
        held = "encore une autre personne" in first and "est admis" in second
        narrator.check(f"{candidate.organisation} candidate chez {one.organisation} ; approuvé par {names}, deux personnes", held=held)


async def _follow(scene: Scene, other: Neighbour) -> None:
    ours, narrator = scene.stack.federated, scene.narrator
    await _asked_and_accepted(scene, other.federated, OPSI.community, ours.place.group(cast.COMMUNITY))
    narrator.sees(f"« {OPSI.title} » suit « {cast.TITLE} » : demande signée, acceptation signée")
    await _asked_and_accepted(scene, ours, cast.COMMUNITY, other.federated.place.group(OPSI.community))
    narrator.sees(f"« {cast.TITLE} » suit « {OPSI.title} » de même")


async def _asked_and_accepted(scene: Scene, one: Federated, community: str, group: str) -> None:
    await one.office.run("communities", "follow", community, group)

    async def accepted() -> bool:
        return '"accepted"' in (await one.office.run("communities", "follows", "--json")).partition('"suit"')[2].partition("}")[0]

    await scene.narrator.expect(f"{group} accepte", accepted, WITHIN)


async def _converse(scene: Scene, forum: Forum) -> None:
    narrator, camille, nora = scene.narrator, cast.WIFIP, OPSI.ministry
    narrator.does(f"{camille.agent.name} écrit dans {camille.rse} : « {ASKED} »")
    original = await scene.wifip.open_topic("Ouvrir un laboratoire d'innovation", ASKED)
    copy = await _read_there(scene, forum, ASKED, f"{camille.agent.name} ({camille.name} · via {scene.plan.place.authority})")
    narrator.does(f"{nora.agent.name} lui répond dans {nora.rse} : « {ANSWERED} »")
    await forum.reply(copy.id, ANSWERED)
    reply = await _read_here(scene, ANSWERED)
    narrator.check(
        f"la réponse est sous la question dans {camille.rse}, et la preuve de son ministère a été vérifiée", held=reply.parent == original
    )
    narrator.does(f"{nora.agent.name} ouvre un sujet : « {INVITED} »")
    await forum.open_topic("Les laboratoires d'Europe", INVITED)
    await _read_here(scene, INVITED)


async def _read_there(scene: Scene, forum: Forum, words: str, by: str) -> Shown:
    async def look() -> Shown | None:
        return find(await forum.shown(), words)

    copy, took = await scene.narrator.expect(f"« {words} » (dans {OPSI.ministry.rse})", look, WITHIN)
    scene.narrator.latencies["posted → the other hub"] = took
    scene.narrator.check(f"lu dans {OPSI.ministry.rse}, chez {OPSI.organisation}, après {took} ms, sous « {copy.by} »", held=copy.by == by)
    return copy


async def _read_here(scene: Scene, words: str) -> Shown:
    arrived = await scene.arrives(words, cast.MINISTRIES, WITHIN)
    took = max(took for _, took in arrived.values())
    scene.narrator.latencies[f"« {words[:20]} » from the other hub"] = took
    names = {copy.by for copy, _ in arrived.values()}
    held = all(name.startswith(f"{OPSI.ministry.signature()[:-1]} · via ") for name in names)
    scene.narrator.check(f"lu dans les quatre RSE d'ici après {took} ms, sous « {' / '.join(sorted(names))} »", held=held)
    return arrived[cast.WIFIP.node][0]
