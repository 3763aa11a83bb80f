"""Steps 1 and 2: nodes apply and are approved; a community opens; each node's space is tied to it by the handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.demo import cast, manifests

if TYPE_CHECKING:
    from deploy.demo.scene import Scene

STATES = {"proposed": "proposé", "active": "accepté", "refused": "refusé", "suspended": "suspendu"}


async def nodes(scene: Scene) -> None:
    """Topics; then each ministry applies by its signed manifest, gets its topics, and two people admit it."""
    narrator, operator = scene.narrator, scene.stack.operator
    narrator.step(1, "Quatre ministères se présentent par un manifeste signé ; deux personnes de la fédération les admettent")
    await operator.run("topics", "apply")
    scene.stack.start_processes()  # they read their modules while the ministries apply
    narrator.does("les topics sont créés ; les processus du hub et les connecteurs démarrent")
    for person in manifests.APPROVERS:
        said = ("--name", person.name, "--organisation", person.organisation, "--siret", person.siret)
        await operator.run("people", "add", *said, "--token-file", str(scene.plan.place.token_of(person)))
    for ministry in cast.MINISTRIES:
        key = scene.plan.posts[ministry.node].key.public.multibase
        manifest = str(scene.plan.write_manifest(ministry.node))
        await operator.run("nodes", "apply", manifest)
        await operator.run("nodes", "provision", ministry.node)
        for person in manifests.APPROVERS:
            await operator.learn({"TRAITDUNION_PERSON_TOKEN_FILE": str(scene.plan.place.token_of(person))})
            await operator.run("nodes", "approve", ministry.node, "--manifest", manifest)
        narrator.sees(f"{ministry.name} ({ministry.rse}, {ministry.platform}) : nœud « {ministry.node} » admis, clé {key[:14]}…")
    names = " puis ".join(f"{person.name} ({person.organisation})" for person in manifests.APPROVERS)
    narrator.note(f"chacun approuvé par {names} ; chaque acte est attesté par le hub (« traitdunion nodes show wifip »)")


async def ties(scene: Scene) -> None:
    """The community opens; the hub proposes, each node's connector answers by its own signature."""
    narrator, operator = scene.narrator, scene.stack.operator
    narrator.step(2, f"La communauté « {cast.TITLE} » s'ouvre ; chaque ministère y rattache son espace")
    await operator.run("communities", "open", cast.COMMUNITY, "--title", cast.TITLE, "--audience", "public")
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
