"""Step 3: a message, its reply, an edit, what is set on them, and a deletion, from one RSE into all others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from deploy.demo import cast
from deploy.demo.gestures import gestures
from deploy.demo.spaces import find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.demo.scene import Scene
    from deploy.demo.spaces import Shown

FIRST_WITHIN: Final = 1000
TITLE: Final = "Comment accueillir les nouveaux agents ?"
ASKED: Final = "Nous cherchons des idées pour la première semaine des nouveaux agents."
ANSWERED: Final = "Chez nous, un agent parraine chaque nouvel arrivant."
CHANGED: Final = "Nous cherchons des idées pour le premier mois des nouveaux agents."
SIBLING: Final = "Je me réponds trop vite : oubliez ceci."
ADDED: Final = "Chez nous, une visite de la brigade ouvre la première semaine."
ADDED_CHANGED: Final = "Chez nous, une visite de la brigade ouvre le premier mois."
MISTAKEN: Final = "Pardon, ceci était pour un autre espace."
OTHERS: Final = (cast.EDUCATION, cast.DIPLOMATIE, cast.GENDARMERIE)
PUSHED: Final = (cast.WIFIP, cast.EDUCATION, cast.DIPLOMATIE)
"""The RSEs that tell what happens there; the last one must be asked."""


async def conversation(scene: Scene) -> None:
    """The whole conversation."""
    scene.narrator.step(3, "Une agente écrit dans wiFiP ; tout suit dans les trois autres RSE")
    original, copies = await _post(scene)
    await _reply(scene, original, copies)
    await _edit(scene, original)
    await _from_the_polled(scene, original, copies)
    await gestures(scene, CHANGED, ANSWERED)
    await _delete(scene, original, copies)


async def _post(scene: Scene) -> tuple[str, Mapping[str, Shown]]:
    narrator, camille = scene.narrator, cast.WIFIP.agent
    narrator.does(f"{camille.name} écrit dans {cast.WIFIP.rse} : « {ASKED} »")
    narrator.figures["first_message_after_seconds"] = round(narrator.since_start(), 1)
    original = await scene.wifip.open_topic(TITLE, ASKED)
    arrived = await scene.arrives(ASKED, OTHERS)
    for ministry in OTHERS:
        copy, took = arrived[ministry.node]
        narrator.latencies[f"posted → {ministry.node}"] = took
        narrator.check(
            f"{ministry.agent.name} le lit dans {ministry.rse} après {took} ms, sous « {copy.by} »",
            held=copy.by == cast.WIFIP.signature(),
        )
    slowest = max(took for _, took in arrived.values())
    narrator.check(f"arrivé partout en moins d'une seconde ({slowest} ms)", held=slowest <= FIRST_WITHIN * narrator.patience)
    return original, {node: copy for node, (copy, _) in arrived.items()}


async def _reply(scene: Scene, original: str, copies: Mapping[str, Shown]) -> None:
    narrator, claire = scene.narrator, cast.EDUCATION.agent
    narrator.does(f"{claire.name} répond dans le salon {cast.EDUCATION.rse} : « {ANSWERED} »")
    await scene.room.reply(copies[cast.EDUCATION.node].id, ANSWERED)
    elsewhere = (cast.WIFIP, cast.DIPLOMATIE, cast.GENDARMERIE)
    arrived = await scene.arrives(ANSWERED, elsewhere)
    parents = _places(original, copies)
    for ministry in elsewhere:
        copy, took = arrived[ministry.node]
        narrator.latencies[f"replied → {ministry.node}"] = took
        narrator.check(
            f"dans {ministry.rse}, la réponse est sous le message d'origine après {took} ms, de « {copy.by} »",
            held=copy.parent == parents[ministry.node] and copy.by == cast.EDUCATION.signature(),
        )
    scene.said.add(ANSWERED)


async def _edit(scene: Scene, original: str) -> None:
    narrator = scene.narrator
    narrator.does(f"{cast.WIFIP.agent.name} corrige son message : « {CHANGED} »")
    began = time.monotonic()
    await scene.wifip.edit(original, CHANGED)
    await scene.arrives(CHANGED, OTHERS)
    await scene.leaves(ASKED, OTHERS)
    took = round((time.monotonic() - began) * 1000)
    narrator.latencies["edited → all"] = took
    narrator.sees(f"les autres RSE montrent la correction après {took} ms, et plus l'ancien texte")
    scene.said.add(CHANGED)


async def _from_the_polled(scene: Scene, original: str, copies: Mapping[str, Shown]) -> None:
    """An RSE without webhooks: what its people write, change and take back is found by asking it."""
    narrator, lucie, rse = scene.narrator, cast.GENDARMERIE.agent, cast.GENDARMERIE.rse
    narrator.does(f"{lucie.name} commente dans {rse}, un eXo que son connecteur interroge : « {ADDED} »")
    copy = copies[cast.GENDARMERIE.node].id
    added, mistaken = await scene.portal.comment(copy, ADDED), await scene.portal.comment(copy, MISTAKEN)
    arrived = await scene.arrives(ADDED, PUSHED)
    held = _threaded(arrived, _places(original, copies)) and all(one.by == cast.GENDARMERIE.signature() for one, _ in arrived.values())
    took = max(one for _, one in arrived.values())
    narrator.latencies["commented → all"] = took
    narrator.check(
        f"dans les trois autres RSE, sous le message d'origine après {took} ms, de « {cast.GENDARMERIE.signature()} »", held=held
    )
    await scene.arrives(MISTAKEN, PUSHED)
    narrator.does(f"elle corrige : « {ADDED_CHANGED} », et supprime « {MISTAKEN} »")
    began = time.monotonic()
    await scene.portal.edit(added, ADDED_CHANGED)
    await scene.portal.delete(mistaken)
    await scene.arrives(ADDED_CHANGED, PUSHED)
    await scene.leaves(ADDED, PUSHED)
    await scene.leaves(MISTAKEN, PUSHED)
    took = round((time.monotonic() - began) * 1000)
    narrator.latencies["changed in the polled → all"] = took
    narrator.sees(f"les trois autres RSE montrent la correction, et plus le commentaire supprimé, après {took} ms")
    scene.said.add(ADDED_CHANGED)


async def _delete(scene: Scene, original: str, copies: Mapping[str, Shown]) -> None:
    narrator = scene.narrator
    narrator.does(f"{cast.WIFIP.agent.name} répond aussi : « {SIBLING} »")
    sibling = await scene.wifip.reply(original, SIBLING)
    arrived = await scene.arrives(SIBLING, OTHERS)
    held = _threaded(arrived, _places(original, copies))
    narrator.check("cette réponse-là est à côté de celle de Claire, partout", held=held)
    narrator.does("puis elle la supprime")
    began = time.monotonic()
    await scene.wifip.delete(sibling)
    await scene.leaves(SIBLING, OTHERS)
    took = round((time.monotonic() - began) * 1000)
    narrator.latencies["deleted → all"] = took
    narrator.sees(f"elle a disparu des autres RSE après {took} ms")
    for ministry in OTHERS:
        shown = await scene.spaces[ministry.node].shown()
        narrator.check(f"dans {ministry.rse}, la réponse de Claire est restée", held=find(shown, ANSWERED) is not None)


def _places(original: str, copies: Mapping[str, Shown]) -> Mapping[str, str]:
    """Where the first message stands in each RSE."""
    return {cast.WIFIP.node: original, **{node: copy.id for node, copy in copies.items()}}


def _threaded(arrived: Mapping[str, tuple[Shown, int]], places: Mapping[str, str]) -> bool:
    return all(shown.parent == places[node] for node, (shown, _) in arrived.items())
