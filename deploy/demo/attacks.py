"""Step 4: forgeries and nonsense, each refused by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from deploy.demo import cast, forgeries
from deploy.demo.kafka_tap import text
from deploy.demo.spaces import find
from schemas.topics import ADAPTERS_DLQ, RSE_INBOUND

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

    from deploy.demo.scene import Scene
    from schemas.topics import Topic

OK, UNAUTHORIZED = 200, 401
ANOTHERS_KEY: Final = "key_of_another_node"
ALTERED: Final = "digest_mismatch"
MALFORMED: Final = "post_malformed"


async def attacks(scene: Scene) -> None:
    """All four, and what they left behind: nothing but dead letters."""
    scene.narrator.step(4, "Quatre faux, chacun refusé par son nom")
    await _forged_webhook(scene)
    await _records(scene)
    await _nonsense(scene)
    await _nothing_seen(scene)
    await _list(scene)


async def _forged_webhook(scene: Scene) -> None:
    narrator, post = scene.narrator, scene.plan.posts[cast.WIFIP.node]
    narrator.does("un webhook imité, signé avec un secret deviné")
    answer = await forgeries.forged_webhook(scene.http, post, scene.stack.rse_urls[cast.WIFIP.node])
    narrator.check(
        f"refusé à la passerelle : {answer.status} {answer.reason}",
        held=(answer.status, answer.reason) == (UNAUTHORIZED, "signature_invalid"),
    )


async def _records(scene: Scene) -> None:
    narrator, posts = scene.narrator, scene.plan.posts
    narrator.does("une enveloppe volée à wifip, signée avec la clé d'education, remise dans rse.inbound.v1")
    await forgeries.stolen_envelope(scene.tap, posts[cast.WIFIP.node], posts[cast.EDUCATION.node])
    await _refused(scene, RSE_INBOUND.dead_letters, ANOTHERS_KEY)
    narrator.does("un vrai événement de wifip, dont le texte est changé, remis dans rse.inbound.v1")
    await forgeries.altered_value(scene.tap, posts[cast.WIFIP.node])
    await _refused(scene, RSE_INBOUND.dead_letters, ALTERED)


async def _nonsense(scene: Scene) -> None:
    narrator, post = scene.narrator, scene.plan.posts[cast.WIFIP.node]
    narrator.does("un webhook bien signé par wiFiP, qui ne veut rien dire")
    answer = await forgeries.nonsense(scene.http, post, scene.stack.rse_urls[cast.WIFIP.node])
    narrator.check(f"reçu ({answer.status}) : wiFiP n'a pas à le renvoyer", held=answer.status == OK)
    letter = await _refused(scene, ADAPTERS_DLQ, MALFORMED)
    narrator.check(
        "le rebut est scellé : sans la clé des opérateurs, rien n'y est lisible", held=forgeries.NONSENSE.encode() not in letter.value
    )


async def _refused(scene: Scene, topic: Topic, reason: str) -> ConsumerRecord:
    async def look() -> ConsumerRecord | None:
        letters = await scene.tap.read(topic)
        return next((letter for letter in letters if text(letter, "dlq_reason") == reason), None)

    letter, took = await scene.narrator.expect(f"un rebut « {reason} » dans {topic.name}", look, 10.0)
    scene.narrator.sees(f"refusé : {reason} — rebut dans {topic.name} après {took} ms")
    return letter


async def _nothing_seen(scene: Scene) -> None:
    for ministry in cast.MINISTRIES:
        shown = await scene.spaces[ministry.node].shown()
        scene.narrator.check(f"rien n'en paraît dans {ministry.rse}", held=find(shown, forgeries.FORGED_WORDS) is None)


async def _list(scene: Scene) -> None:
    said = await scene.stack.operator.run("dlq", "list", "--json")
    reasons = {letter["reason"] for letter in json.loads(said)}
    scene.narrator.check("« traitdunion dlq list » les nomme tous les trois", held={ANOTHERS_KEY, ALTERED, MALFORMED} <= reasons)
    scene.narrator.verbatim(await scene.stack.operator.run("dlq", "list"))
