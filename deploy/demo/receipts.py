"""Step 8, its end: what the other hub says became of each message that was brought to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deploy.demo import cast
from deploy.demo.balance import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.demo.neighbour import Neighbour
    from deploy.demo.scene import Scene

ARRIVED: Final = "arrived"
WITHIN: Final = 20.0


async def receipts(scene: Scene, other: Neighbour) -> None:
    """A table of what was brought there, once its hub has signed that all its nodes have it."""
    authority, narrator = other.federated.place.authority, scene.narrator

    async def complete() -> list[tuple[str, Mapping[str, Any]]] | None:
        found = await _told(scene, authority)
        return found if found and all(told["state"] == ARRIVED for _, told in found) else None

    found, took = await narrator.expect(f"un accusé signé d'{other.who.organisation} pour chaque message", complete, WITHIN)
    narrator.table(("Message", authority), [[words, _cell(told["word"])] for words, told in found])
    narrator.check(
        f"{len(found)} message(s) arrivés chez {other.who.organisation}, et non « transmis » seulement : accusés signés par son hub, après {took} ms",
        held=bool(found),
    )


async def _told(scene: Scene, authority: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Each message that was brought to a server, and what became of its first change there."""
    messages = [await scene.hub.message(one["id"]) for one in await scene.hub.messages(cast.COMMUNITY)]
    return [
        (shortened(one["message"]), told)
        for one in messages
        for change in one["changes"][:1]
        for told in change["transmissions"]
        if told["peer"] == authority
    ]


def _cell(word: Mapping[str, Any]) -> str:
    nodes = word["nodes"]
    there = sum(verdict in {"written", "confirmed"} for verdict in nodes.values())
    return f"n° {word['sequence']} dans « {word['community']} »\nécrit dans {there} RSE sur {len(nodes)}\n✓ accusé signé"
