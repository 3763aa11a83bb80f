"""Steps 6 and 7: where each message was written and how fast, the way of one of them, and the page that shows it all."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from deploy.demo import cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.demo.scene import Scene

NODES: Final = tuple(ministry.node for ministry in cast.MINISTRIES)
THERE: Final = frozenset({"written", "confirmed"})
OK: Final = 200
LONGEST: Final = 34
_TAG: Final = re.compile(r"<[^>]+>")


async def balance(scene: Scene) -> None:
    """The table of all messages, each receipt checked; then the trace of the first."""
    narrator = scene.narrator
    narrator.step(6, "Chaque message, chez chaque nœud : écrit quand, en combien de temps, accusé vérifié")

    async def complete() -> list[dict[str, Any]] | None:
        found = await _messages(scene)
        return found if all(_arrived(one["deliveries"]) for one in found) else None

    messages, _ = await narrator.expect("un accusé vérifié de chaque nœud pour chaque message", complete, 15.0)
    narrator.table(("Message", *NODES), [_row(one) for one in messages])
    count = sum(len(one["deliveries"]) for one in messages)
    narrator.check(
        f"{count} accusés pour {len(messages)} messages et {len(NODES)} nœuds, tous vérifiés", held=count == len(messages) * len(NODES)
    )
    narrator.figures["deliveries"] = {one["message"]["id"]: _latencies(one["deliveries"]) for one in messages}
    first = messages[0]["message"]["id"]
    narrator.does(f"traitdunion trace {first}")
    said = await scene.stack.operator.run("trace", first)
    narrator.verbatim(said)
    narrator.check(
        "le trajet de ce message se lit en entier", held=all(word in said for word in ("rse.inbound.v1", "hub.facts.v1", *NODES))
    )


async def page(scene: Scene) -> None:
    """The page, as a browser without JavaScript gets it."""
    narrator = scene.narrator
    narrator.step(7, "La page du hub")
    url = f"{scene.plan.site}/communautes/{cast.COMMUNITY}"
    async with scene.http.get(url) as answer:
        html = await answer.text()
    text = unescape(html)
    missing = [words for words in (*scene.said, "Réponse retenue") if words not in text]
    narrator.check(
        f"elle montre le fil tel que le hub le connaît, ses réactions et la réponse retenue : {url}",
        held=answer.status == OK and not missing,
    )
    people = [ministry.agent.name for ministry in (cast.EDUCATION, cast.GENDARMERIE)]  # the two whose spaces have members of their own
    narrator.check(
        f"elle nomme les espaces rattachés et leurs participants, parmi lesquels {' et '.join(people)}",
        held=all(f"<bdi>{name}</bdi>" in html for name in people) and html.count(f"<bdi>{cast.TITLE}</bdi>") == len(NODES),
    )
    narrator.figures["page"] = url
    async with scene.http.get(f"{scene.plan.site}/noeuds") as answer:
        text = unescape(await answer.text())
    held = answer.status == OK and all(ministry.name in text for ministry in cast.MINISTRIES)
    narrator.check(f"et l'état de chaque nœud : {scene.plan.site}/noeuds", held=held)


async def _messages(scene: Scene) -> list[dict[str, Any]]:
    return [await scene.hub.message(one["id"]) for one in await scene.hub.messages(cast.COMMUNITY)]


def _arrived(deliveries: Sequence[Mapping[str, Any]]) -> bool:
    there = {one["node"] for one in deliveries if one["verdict"] in THERE and one["verified"]}
    return there == set(NODES)


def _row(one: Mapping[str, Any]) -> list[str]:
    cells = {delivery["node"]: _cell(delivery) for delivery in one["deliveries"]}
    return [shortened(one["message"]), *(cells.get(node, "") for node in NODES)]


def _cell(delivery: Mapping[str, Any]) -> str:
    at = str(delivery["at"])[11:23]
    verified = "✓ accusé vérifié" if delivery["verified"] else "accusé non vérifié"
    said = "écrit" if delivery["verdict"] == "written" else "origine"
    return f"{said} {at}\n{delivery['latency_ms']} ms\n{verified}"


def shortened(message: Mapping[str, Any]) -> str:
    """A message's first words, without its markup."""
    words = " ".join(unescape(_TAG.sub("", message["html"])).split())
    return f"{words[:LONGEST]}…" if len(words) > LONGEST else words or "(supprimé depuis)"


def _latencies(deliveries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {one["node"]: one["latency_ms"] for one in deliveries}
