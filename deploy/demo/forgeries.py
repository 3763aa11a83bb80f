"""Four attacks, each as its author would really try it; the doors refuse each by name."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deploy.demo.kafka_tap import text
from schemas import jcs
from schemas.proof import encode
from schemas.topics import RSE_INBOUND

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiokafka.structs import ConsumerRecord

    from deploy.demo.kafka_tap import Tap
    from deploy.demo.plan import Post

FORGED_WORDS: Final = "Réunion annulée, rentrez chez vous"
NONSENSE: Final = "ni queue ni tête"
POSTED: Final = "fr.gouv.rse.message.posted.v1"


class NothingToSteal(RuntimeError):
    """No message of that node stands in the topic."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    status: int
    reason: str
    outcome: str


async def forged_webhook(http: ClientSession, post: Post, url: str) -> Answer:
    """A webhook in wiFiP's own shape, signed with a guessed secret."""
    body = {"post": {"id": 666, "post_number": 1, "topic_id": 666, "cooked": f"<p>{FORGED_WORDS}</p>", "category_id": 97}}
    return await _send(http, post, url, body, "un secret deviné")


async def nonsense(http: ClientSession, post: Post, url: str) -> Answer:
    """A webhook that wiFiP's own secret signs and that means nothing."""
    return await _send(http, post, url, {"post": {"id": NONSENSE, "post_number": [], "topic_id": None}}, post.webhook_secret)


async def stolen_envelope(tap: Tap, victim: Post, thief: Post) -> None:
    """A true event of the victim's, signed anew with the thief's own key: the thief's signature is good, but the words are not its own."""
    stolen = await _steal(tap, victim.ministry.node)
    attributes = _attributes(stolen) | {"keyid": thief.key.key_id}
    del attributes["proof"]
    attributes["proof"] = encode(thief.key.sign(jcs.canonical_strings(attributes)))
    replaced = {f"ce_{name}": said.encode() for name, said in attributes.items()}
    headers = [(name, replaced.get(name, raw or b"")) for name, raw in stolen.headers]
    await tap.put(RSE_INBOUND, stolen.key, stolen.value, headers)


async def altered_value(tap: Tap, victim: Post) -> None:
    """A true event of the victim's, with other words in it."""
    stolen = await _steal(tap, victim.ministry.node)
    fact: dict[str, Any] = json.loads(stolen.value)
    fact["content"] = {"html": f"<p>{FORGED_WORDS}</p>", "text": FORGED_WORDS}
    await tap.put(RSE_INBOUND, stolen.key, json.dumps(fact, ensure_ascii=False).encode(), list(stolen.headers))


async def _steal(tap: Tap, node: str) -> ConsumerRecord:
    for record in await tap.read(RSE_INBOUND):
        if (text(record, "ce_source"), text(record, "ce_type")) == (node, POSTED):
            return record
    raise NothingToSteal(node)


def _attributes(record: ConsumerRecord) -> dict[str, str]:
    found = {name.removeprefix("ce_"): (raw or b"").decode() for name, raw in record.headers if name.startswith("ce_")}
    return found | {"datacontenttype": text(record, "content-type")}


async def _send(http: ClientSession, post: Post, url: str, document: Any, secret: str) -> Answer:
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Discourse-Instance": url,
        "X-Discourse-Event-Id": "4711",
        "X-Discourse-Event-Type": "post",
        "X-Discourse-Event": "post_created",
        "X-Discourse-Event-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    async with http.post(post.webhook, data=body, headers=headers) as answer:
        problem = await answer.json(content_type=None) if answer.content_type == "application/problem+json" else {}
        return Answer(answer.status, str(problem.get("reason", "")), answer.headers.get("X-Traitdunion-Outcome", ""))
