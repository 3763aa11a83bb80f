"""Step 5: one RSE is stopped, the conversation goes on, it comes back and catches up in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.demo import cast
from deploy.demo.spaces import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.demo.cast import Ministry
    from deploy.demo.scene import Scene
    from deploy.demo.spaces import Shown

SECOND_TITLE: Final = "Un annuaire commun des tuteurs"
SECOND: Final = "Faut-il un annuaire commun des tuteurs de tous les ministères ?"
THIRD: Final = "Nous avons déjà une liste des tuteurs de l'enseignement."
FOURTH: Final = "Votre liste nous intéresse beaucoup, comment la lire ?"
SECOND_CHANGED: Final = "Faut-il un annuaire commun des tutrices et tuteurs de tous les ministères ?"
UNNOTICED_WITHIN: Final = 1000
CATCHES_UP_WITHIN: Final = 40.0


async def outage(scene: Scene) -> None:
    """Diplonet is down while three messages, one of them a reply, and an edit are written elsewhere."""
    narrator, down = scene.narrator, cast.DIPLOMATIE
    narrator.step(5, f"Un RSE s'arrête ({down.rse}), les autres continuent, il revient")
    before = len(await scene.diplomatie.shown())
    await scene.stack.stop_twin(down.node)
    narrator.does(f"{down.rse} est arrêté")
    await _goes_on(scene)
    await scene.stack.start_twin(down.node)
    narrator.does(f"{down.rse} redémarre")
    _, took = await scene.seen(down, "tout ce qui a été écrit pendant l'arrêt", _all_there, CATCHES_UP_WITHIN)
    narrator.latencies["catch-up"] = took
    missed = list(await scene.diplomatie.shown())[before:]
    narrator.check(f"{down.rse} a rattrapé en {took} ms, dans l'ordre", held=_in_order(missed))
    reply, answered = find(missed, FOURTH), find(missed, THIRD)
    narrator.check("la réponse y est sous son message", held=reply is not None and answered is not None and reply.parent == answered.id)
    narrator.check(
        "la correction y est faite, et rien n'y est en double", held=_all_there(missed) is not None and len(missed) == len(_EXPECTED)
    )


_EXPECTED: Final = (SECOND_CHANGED, THIRD, FOURTH)


async def _goes_on(scene: Scene) -> None:
    camille, claire = cast.WIFIP.agent.name, cast.EDUCATION.agent.name
    second = await scene.wifip.open_topic(SECOND_TITLE, SECOND)
    _, first_ms = await _reaches(scene, f"{camille} écrit", SECOND, cast.EDUCATION)
    await _reaches(scene, f"{camille} écrit", SECOND, cast.GENDARMERIE)
    await scene.room.write(THIRD)
    copy, second_ms = await _reaches(scene, f"{claire} écrit", THIRD, cast.WIFIP)
    await scene.wifip.reply(copy.id, FOURTH)
    _, third_ms = await _reaches(scene, f"{camille} lui répond", FOURTH, cast.EDUCATION)
    await scene.wifip.edit(second, SECOND_CHANGED)
    _, fourth_ms = await _reaches(scene, f"{camille} corrige son message", SECOND_CHANGED, cast.EDUCATION)
    slowest = max(first_ms, second_ms, third_ms, fourth_ms)
    scene.narrator.latencies["meanwhile, slowest"] = slowest
    held = slowest <= UNNOTICED_WITHIN * scene.narrator.patience
    scene.narrator.check(f"les autres n'ont rien remarqué : {slowest} ms au plus", held=held)
    scene.said |= set(_EXPECTED)


async def _reaches(scene: Scene, who: str, words: str, ministry: Ministry) -> tuple[Shown, int]:
    copy, took = (await scene.arrives(words, (ministry,)))[ministry.node]
    scene.narrator.sees(f"{who} : « {words} » — lu dans {ministry.rse} après {took} ms")
    return copy, took


def _all_there(shown: Sequence[Shown]) -> Shown | None:
    found = [find(shown, words) for words in _EXPECTED]
    return found[-1] if all(found) else None


def _in_order(missed: Sequence[Shown]) -> bool:
    places = [next((place for place, shown in enumerate(missed) if words in shown.text), -1) for words in _EXPECTED]
    return -1 not in places and places == sorted(places)
