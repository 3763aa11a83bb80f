"""Steps 1 and 2: nodes apply and are approved; a community opens; each node's space is tied to it by the handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.demo import cast

if TYPE_CHECKING:
    from deploy.demo.scene import Scene

STATES = {"proposed": "proposé", "active": "accepté", "refused": "refusé", "suspended": "suspendu"}


async def nodes(scene: Scene) -> None:
    """Topics; then each ministry applies with its key, gets its topics, and is approved."""
    narrator, operator = scene.narrator, scene.stack.operator
    narrator.step(1, "Quatre ministères se présentent avec leur clé et sont admis")
    await operator.run("topics", "apply")
    scene.stack.start_processes()  # they read their modules while the ministries apply
    narrator.does("les topics sont créés ; les processus du hub et les connecteurs démarrent")
    for ministry in cast.MINISTRIES:
        key = scene.plan.posts[ministry.node].key.public.multibase
        words = ("--organisation", ministry.organisation, "--name", ministry.name, "--platform", ministry.platform, "--key", key)
        await operator.run("nodes", "apply", ministry.node, *words)
        await operator.run("nodes", "provision", ministry.node)
        await operator.run("nodes", "approve", ministry.node)
        narrator.sees(f"{ministry.name} ({ministry.rse}, {ministry.platform}) : nœud « {ministry.node} » admis, clé {key[:14]}…")


async def ties(scene: Scene) -> None:
    """The community opens; the hub proposes, each node's connector answers by its own signature."""
    narrator, operator = scene.narrator, scene.stack.operator
    narrator.step(2, f"La communauté « {cast.TITLE} » s'ouvre ; chaque ministère y rattache son espace")
    await operator.run("communities", "open", cast.COMMUNITY, "--title", cast.TITLE)
    await scene.stack.ready()
    await scene.room.invite(f"@{cast.MATRIX_BOT}:{cast.MATRIX_SERVER}")
    narrator.does("Claire invite le robot du connecteur dans son salon")
    for node, space in scene.stack.spaces.items():
        await operator.run("ties", "propose", node, space, cast.COMMUNITY)
        narrator.does(f"le hub propose à {node} de rattacher l'espace {space} (tie.proposed, signé par le hub)")

    async def tied() -> dict[str, str] | None:
        states = await scene.hub.ties()
        return states if set(states.values()) == {"active"} and len(states) == len(cast.MINISTRIES) else None

    states, took = await narrator.expect("tous les rattachements acceptés", tied, 30.0)
    for node in states:
        narrator.sees(f"{node} a accepté (tie.accepted, signé par sa propre clé, qui atteste que ses membres seuls lisent l'espace)")
    narrator.note(f"poignée de main achevée en {took} ms")
