"""Step 3, continued: reactions and an accepted answer, from each RSE into the others as far as each can show them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from deploy.demo import cast
from deploy.demo.spaces import find

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from deploy.demo.cast import Ministry
    from deploy.demo.scene import Scene
    from deploy.demo.spaces import Shown

THUMB: Final = "👍"
HEART: Final = "❤️"
MARK: Final = "✅ Réponse retenue"
WITHIN: Final = 10.0


async def gestures(scene: Scene, asked: str, answered: str) -> None:
    """Claire reacts to Camille's question, Omar and Lucie like Claire's answer, Camille accepts it, Claire takes her reaction back."""
    taken_back = await _react(scene, asked)
    await _like(scene, answered)
    await _like_in_the_polled(scene, answered)
    await _accept(scene, answered)
    await _take_back(scene, asked, taken_back)


async def _react(scene: Scene, asked: str) -> str:
    narrator = scene.narrator
    narrator.does(f"{cast.EDUCATION.agent.name} réagit à la question dans {cast.EDUCATION.rse} : {THUMB}")
    copy = find(await scene.room.shown(), asked)
    reaction = await scene.room.react(copy.id if copy else "", THUMB)
    for ministry in (cast.WIFIP, cast.DIPLOMATIE):
        took = await _sees(scene, ministry, asked, "la réaction", lambda shown: ("❤", cast.LIKER.username) in shown.reactions)
        narrator.latencies[f"reacted → {ministry.node}"] = took
        narrator.sees(
            f"dans {ministry.rse}, « {cast.LIKER.name} » aime le message après {took} ms : un « j’aime » pour toutes les réactions"
        )
    return reaction


async def _like(scene: Scene, answered: str) -> None:
    narrator, omar = scene.narrator, cast.DIPLOMATIE
    narrator.does(f"{omar.agent.name} aime la réponse de {cast.EDUCATION.agent.name} dans {omar.rse}")
    copy = find(await scene.diplomatie.shown(), answered)
    await scene.diplomatie.like(copy.id if copy else "")
    took = await _sees(scene, cast.EDUCATION, answered, "le « j’aime »", lambda shown: (HEART, omar.signature()) in shown.reactions)
    narrator.latencies["liked → education"] = took
    narrator.sees(f"dans {cast.EDUCATION.rse}, {HEART} de « {omar.signature()} » après {took} ms")


async def _like_in_the_polled(scene: Scene, answered: str) -> None:
    """Nothing tells of a like in eXo, nor of its end: both are the difference of two looks."""
    narrator, lucie, signature = scene.narrator, cast.GENDARMERIE, cast.GENDARMERIE.signature()
    narrator.does(f"{lucie.agent.name} aime cette réponse dans {lucie.rse}, puis ne l'aime plus")
    copy = find(await scene.portal.shown(), answered)
    await scene.portal.like(copy.id if copy else "")
    took = await _sees(scene, cast.EDUCATION, answered, "le « j’aime »", lambda shown: (THUMB, signature) in shown.reactions)
    narrator.latencies["liked in the polled → education"] = took
    await scene.portal.unlike(copy.id if copy else "")
    back = await _sees(scene, cast.EDUCATION, answered, "sa fin", lambda shown: (THUMB, signature) not in shown.reactions)
    narrator.sees(f"dans {cast.EDUCATION.rse}, {THUMB} de « {signature} » après {took} ms, et plus rien {back} ms après son retrait")


async def _accept(scene: Scene, answered: str) -> None:
    narrator, camille = scene.narrator, cast.WIFIP.agent
    narrator.does(f"{camille.name}, qui a posé la question, retient cette réponse dans {cast.WIFIP.rse}")
    copy = find(await scene.wifip.shown(), answered)
    began = time.monotonic()
    await scene.wifip.accept(copy.id if copy else "")
    await asyncio.gather(
        _sees(scene, cast.DIPLOMATIE, answered, "la réponse retenue", lambda shown: shown.accepted),
        _sees(scene, cast.EDUCATION, answered, "la réponse retenue", lambda shown: any(key == MARK for key, _ in shown.reactions)),
    )
    took = round((time.monotonic() - began) * 1000)
    narrator.latencies["accepted → all"] = took
    narrator.sees(f"elle est marquée comme solution dans {cast.DIPLOMATIE.rse}, et « {MARK} » dans {cast.EDUCATION.rse}, après {took} ms")
    held = await _known_to_the_hub(scene)
    narrator.check("le hub compte les réactions par émoji et par ministère, et connaît la réponse retenue", held=held)


async def _take_back(scene: Scene, asked: str, reaction: str) -> None:
    narrator = scene.narrator
    narrator.does(f"{cast.EDUCATION.agent.name} retire sa réaction")
    await scene.room.redact(reaction)
    for ministry in (cast.WIFIP, cast.DIPLOMATIE):
        took = await _sees(scene, ministry, asked, "le retrait de la réaction", lambda shown: not shown.reactions)
        narrator.sees(f"le « j’aime » a quitté {ministry.rse} après {took} ms, et le message est toujours là")


async def _sees(scene: Scene, ministry: Ministry, words: str, what: str, held: Callable[[Shown], bool]) -> int:
    """Wait until a message shows it; the milliseconds that it took."""

    def fits(shown: Any) -> Shown | None:
        found = find(shown, words)
        return found if found is not None and held(found) else None

    return (await scene.seen(ministry, what, fits, WITHIN))[1]


async def _known_to_the_hub(scene: Scene) -> bool:
    messages = await scene.hub.messages(cast.COMMUNITY)
    tallies = {tally["emoji"]: tally["ministries"] for message in messages for tally in message["reactions"]}
    expected = {THUMB: {cast.EDUCATION.name: 1}, "❤": {cast.DIPLOMATIE.name: 1}}
    return tallies == expected and [message["accepted"] for message in messages].count(True) == 1
