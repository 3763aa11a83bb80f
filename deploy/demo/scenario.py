"""The nine steps in their order, and the session around them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from deploy.demo import attacks, balance, cast, conversation, federation, memory, opening, outage, peer_forgeries, shell
from deploy.demo.plan import Plan
from deploy.demo.scene import Scene
from deploy.demo.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.demo.cast import Way
    from deploy.demo.ground import Ground
    from deploy.demo.narrator import Narrator

SUMMARY: Final = "summary.json"
IDLE_SECONDS: Final = 2.0
"""A server ends a connection that was idle for five: what is sent on it at that very moment is lost, and a POST is not sent again."""


async def play(ground: Ground, narrator: Narrator, rse: str, way: Way | None, *, once: bool) -> None:
    """Start everything, play, and stay until cancelled unless `once`; stops everything, however it ends."""
    connections = TCPConnector(keepalive_timeout=IDLE_SECONDS)
    async with ClientSession(connector=connections, timeout=ClientTimeout(total=30), trust_env=False) as http:
        plan = Plan.make(ground, way)
        stack = Stack(plan, http, rse, narrator.progress)
        try:
            scene = await _show(plan, stack, narrator, http)
            if not once:
                _stay(scene)
                await asyncio.Event().wait()
        finally:
            narrator.console.print()
            narrator.progress("tout s'arrête")
            await asyncio.shield(stack.stop())
            narrator.progress("tout est arrêté")


async def _show(plan: Plan, stack: Stack, narrator: Narrator, http: ClientSession) -> Scene:
    narrator.console.print("[bold]Trait d'union[/bold] — démonstration")
    claire = await stack.start_servers()
    scene = Scene.set_up(plan, stack, narrator, http, claire)
    await talk(scene)
    _weigh(narrator)
    await endure(scene)
    _weigh(narrator)
    other = await federation.federation(scene)
    await peer_forgeries.forgeries(scene, other)
    _weigh_both(narrator, other.federated.place.base)
    narrator.end_step()
    return scene


async def talk(scene: Scene) -> None:
    """The first three steps: the ministries are admitted, tied, and talk to each other."""
    await opening.nodes(scene)
    await opening.ties(scene)
    await conversation.conversation(scene)


async def endure(scene: Scene) -> None:
    """The next four: forgeries, an outage, and what stands in the end."""
    await attacks.attacks(scene)
    await outage.outage(scene)
    await balance.balance(scene)
    await balance.page(scene)


def _weigh(narrator: Narrator) -> None:
    found = memory.measured()
    total = sum(found.values())
    if total > narrator.figures.get("memory_mib", {}).get("total", 0):
        narrator.figures["memory_mib"] = {"total": total, **found}
    narrator.check(f"mémoire de tous les processus : {_listed(found)}", held=total <= memory.LIMIT_MEBI)


def _weigh_both(narrator: Narrator, second: str) -> None:
    found = memory.measured(second)
    narrator.figures["memory_of_both_mib"] = {"total": sum(found.values()), **found}
    narrator.check(f"mémoire des deux Trait d'union : {_listed(found)}", held=sum(found.values()) <= memory.BOTH_LIMIT_MEBI)


def _listed(found: Mapping[str, int]) -> str:
    return f"{sum(found.values())} Mio ({', '.join(f'{kind} {size}' for kind, size in found.items())})"


def _stay(scene: Scene) -> None:
    narrator, wifip = scene.narrator, scene.plan.posts[cast.WIFIP.node]
    narrator.console.print("\n[bold]Tout tourne ; Ctrl-C arrête tout.[/bold]")
    for ministry in cast.MINISTRIES:
        narrator.console.print(f"   {ministry.rse:<10} {scene.stack.rse_urls[ministry.node]}/")
    narrator.console.print(f"   {'Le hub':<10} {scene.plan.site}/communautes/{cast.COMMUNITY}")
    told = shell.write(scene.plan.ground.folder, scene.stack.environment)
    narrator.console.print("   Toutes les commandes, depuis un autre terminal :")
    narrator.console.print(f"   . {told} && traitdunion nodes list && traitdunion dlq list && traitdunion peers list", markup=False)
    narrator.console.print("   Écrire dans wiFiP depuis un autre terminal :")
    narrator.console.print(
        f"   curl -H 'Api-Key: {wifip.api_secret}' -H 'Api-Username: camille' -d 'category={cast.CATEGORY}' "
        f"--data-urlencode 'title=Un essai depuis le terminal' --data-urlencode 'raw=Bonjour à toutes et à tous, ceci est un essai.' "
        f"{wifip.rse_url}/posts.json",
        markup=False,
    )
