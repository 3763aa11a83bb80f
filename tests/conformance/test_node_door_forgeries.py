"""Forgeries at the node door, through HTTP, on the running server: each mutation of a valid request is refused by its name."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from yarl import URL

from hub.node_door import answers
from schemas import topics
from schemas.content_digest import content_digest
from schemas.http_signature import ORDER, UnverifiedHead, sign
from schemas.keys import SigningKey
from schemas.manifest import issue
from schemas.node_door import BATCH, to_http
from schemas.proof import timestamp
from schemas.wire import kafka as wire
from schemas.wire.kafka import KafkaSettings
from schemas.wire.records import new_correlation, to_headers
from schemas.wire.telemetry import Metric
from tests.fakes_adapters import posted, said_by
from tests.fakes_door import door_at_work
from tests.fakes_streams import create_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiokafka import AIOKafkaConsumer
    from multidict import CIMultiDictProxy

    from tests.servers import Kafka

pytestmark = pytest.mark.asyncio(loop_scope="module")
PREFIX = f"forgeries{new_correlation()[:6]}."
BEHIND = (topics.RSE_INBOUND, topics.RSE_RECEIPTS, topics.ADAPTERS_DLQ)
PUBLIC = "https://porte.example"
KEYS = {name: SigningKey.generate(name) for name in ("wifip", "education", "suspended", "gone")}
STATES = {state: SigningKey.generate("wifip") for state in ("pending", "retired", "revoked", "unlisted")}
HUB = SigningKey.generate("hub")


@dataclass(frozen=True)
class Letter:
    """A request on its way: what is signed, and what is really sent."""

    key: SigningKey = KEYS["wifip"]
    method: str = "POST"
    path: str = "/nodes/wifip/events"
    body: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()
    covered: tuple[str, ...] = ORDER
    parameters: dict[str, Any] = field(default_factory=dict)
    host: str = PUBLIC
    after: Callable[[Sent], Sent] = lambda sent: sent

    def sent(self) -> Sent:
        """Sign it, then do to it what its forger does."""
        now = int(datetime.now(UTC).timestamp())
        usual = {"created": now, "expires": now + 60, "nonce": new_correlation(), "keyid": self.key.key_id}
        said = {name: value(now) if callable(value) else value for name, value in {**usual, **self.parameters}.items()}
        head = UnverifiedHead(self.method, self.host + self.path, [(name.lower(), value) for name, value in self.fields])
        signature = sign(head, self.covered, {name: value for name, value in said.items() if value is not None}, self.key)
        return self.after(Sent(self.method, self.path, self.body, (*self.fields, *signature.items())))


@dataclass(frozen=True)
class Sent:
    """A request as it goes over the wire."""

    method: str
    path: str
    body: bytes
    fields: tuple[tuple[str, str], ...]

    def without(self, name: str) -> Sent:
        return replace(self, fields=tuple(one for one in self.fields if one[0].lower() != name))

    def plus(self, name: str, value: str) -> Sent:
        return replace(self, fields=(*self.fields, (name, value)))

    def changed(self, name: str, change: Callable[[str], str]) -> Sent:
        return replace(self, fields=tuple((said, change(value) if said.lower() == name else value) for said, value in self.fields))


def honest(key: SigningKey = KEYS["wifip"], speaker: SigningKey = KEYS["wifip"], **changes: Any) -> Letter:
    """A valid event, as the node itself would send it."""
    event = said_by(speaker, posted(), f"$ {new_correlation()}")
    fields = (
        *to_http(to_headers(event, new_correlation())).items(),
        ("Content-Type", "application/json"),
        ("Content-Digest", content_digest(event.value)),
    )
    return replace(Letter(key, body=event.value, fields=fields), **changes)


def other_body(sent: Sent) -> Sent:
    return replace(sent, body=sent.body.replace(b"Bonjour", b"Bonsoir"))


def with_new_digest(sent: Sent) -> Sent:
    swapped = other_body(sent)
    return swapped.changed("content-digest", lambda _: content_digest(swapped.body))


def covered_without(name: str) -> tuple[str, ...]:
    return tuple(one for one in ORDER if one != name)


def relisted(change: Callable[[str], str]) -> Callable[[Sent], Sent]:
    """The list of components, rewritten after signing."""
    return lambda sent: sent.changed("signature-input", change)


def other_source() -> Letter:
    event = said_by(KEYS["education"], posted(), "$ of another")
    fields = (
        *to_http(to_headers(event, new_correlation())).items(),
        ("Content-Type", "application/json"),
        ("Content-Digest", content_digest(event.value)),
    )
    return Letter(body=event.value, fields=fields)


def batch(body: bytes, **changes: Any) -> Letter:
    return replace(Letter(body=body, fields=(("Content-Type", BATCH), ("Content-Digest", content_digest(body)))), **changes)


FORGERIES: dict[str, tuple[Callable[[], Letter], int, str]] = {
    # --- nothing, or half of it -------------------------------------------------------------------------------------------
    "no signature": (lambda: honest(after=lambda s: s.without("signature").without("signature-input")), 401, "signature_missing"),
    "no signature field": (lambda: honest(after=lambda s: s.without("signature")), 401, "signature_missing"),
    "no signature input": (lambda: honest(after=lambda s: s.without("signature-input")), 401, "signature_missing"),
    "an old Digest in place of ours": (
        lambda: honest(after=lambda s: s.without("content-digest").plus("Digest", "SHA-256=abc=")), 401, "field_missing",
    ),
    # --- each covered component removed ------------------------------------------------------------------------------------
    **{
        f"{name} not covered": (lambda name=name: honest(covered=covered_without(name)), 401, "component_not_covered")  # type: ignore[misc]
        for name in ORDER
    },
    **{
        f"{name} struck from the list": (
            lambda name=name: honest(after=relisted(lambda said: said.replace(f'"{name}"', "").replace("( ", "("))), 401, "component_not_covered",  # type: ignore[misc]
        )
        for name in ORDER
    },
    # --- each parameter removed or bent -------------------------------------------------------------------------------------
    **{
        f"no {name}": (lambda name=name: honest(parameters={name: None}), 401, "parameter_missing")  # type: ignore[misc]
        for name in ("created", "expires", "nonce", "keyid")
    },
    "created six minutes ago": (lambda: honest(parameters={"created": lambda now: now - 360}), 401, "signature_too_old"),
    "created in six minutes": (
        lambda: honest(parameters={"created": lambda now: now + 360, "expires": lambda now: now + 400}), 401, "signature_in_future",
    ),
    "expired": (lambda: honest(parameters={"created": lambda now: now - 60, "expires": lambda now: now - 1}), 401, "signature_expired"),
    "expires before it is created": (lambda: honest(parameters={"expires": lambda now: now - 200}), 401, "signature_expired"),
    "created moved on after signing": (
        lambda: honest(after=relisted(lambda said: said.replace("created=1", "created=2", 1))), 401, "signature_in_future",
    ),
    "nonce changed after signing": (lambda: honest(after=relisted(lambda said: said.replace('nonce="', 'nonce="0', 1))), 401, "signature_invalid"),
    "nonce too short": (lambda: honest(parameters={"nonce": "short"}), 401, "parameter_malformed"),
    "created as a word": (lambda: honest(parameters={"created": "now"}), 401, "parameter_malformed"),
    "said to be RSA": (lambda: honest(parameters={"alg": "rsa-v1_5-sha256"}), 401, "algorithm_mismatch"),
    "said to be HMAC": (lambda: honest(parameters={"alg": "hmac-sha256"}), 401, "algorithm_mismatch"),
    # --- whose key -------------------------------------------------------------------------------------------------------------
    "another node's key": (lambda: honest(KEYS["education"]), 401, "key_of_another_node"),
    "the hub's key": (lambda: honest(HUB), 401, "key_of_another_node"),
    "a key that nobody knows": (lambda: honest(STATES["unlisted"]), 401, "key_unknown"),
    "a pending key": (lambda: honest(STATES["pending"]), 401, "key_pending"),
    "a retired key": (lambda: honest(STATES["retired"]), 401, "key_retired"),
    "a revoked key": (lambda: honest(STATES["revoked"]), 401, "key_revoked"),
    "our key's name, another's signature": (
        lambda: honest(KEYS["education"], parameters={"keyid": KEYS["wifip"].key_id}), 401, "signature_invalid",
    ),
    "a key's name without its owner": (lambda: honest(parameters={"keyid": KEYS["wifip"].public.multibase}), 401, "key_unknown"),
    "a suspended node speaks": (
        lambda: honest(KEYS["suspended"], KEYS["suspended"], path="/nodes/suspended/events"), 403, "node_not_admitted",
    ),
    "a node that has gone reads": (
        lambda: Letter(KEYS["gone"], "GET", "/nodes/gone/outbound?wait=0", covered=ORDER[:3]), 403, "node_not_admitted",
    ),
    "a node that nobody knows": (lambda: honest(path="/nodes/nobody/events"), 404, "node_unknown"),
    "a node's name that is no name": (lambda: honest(path="/nodes/..%2Fwifip/events"), 404, "route_unknown"),
    # --- where to ----------------------------------------------------------------------------------------------------------------
    "signed for another route": (lambda: honest(after=lambda s: replace(s, path="/nodes/wifip/receipts")), 401, "signature_invalid"),
    "signed for another node's route": (lambda: honest(after=lambda s: replace(s, path="/nodes/education/events")), 401, "key_of_another_node"),
    "a query added": (lambda: honest(after=lambda s: replace(s, path=s.path + "?a=1")), 401, "signature_invalid"),
    "a query taken away": (lambda: honest(path="/nodes/wifip/events?a=1", after=lambda s: replace(s, path=s.path[:-4])), 401, "signature_invalid"),
    "a query in another order": (
        lambda: Letter(
            method="GET", path="/nodes/wifip/outbound?wait=0&limit=1", covered=ORDER[:3],
            after=lambda s: replace(s, path="/nodes/wifip/outbound?limit=1&wait=0"),
        ), 401, "signature_invalid",
    ),
    "a letter of the path written as its code": (
        lambda: honest(after=lambda s: replace(s, path="/nodes/wifip/event%73")), 401, "signature_invalid",
    ),
    "another method": (lambda: honest(after=lambda s: replace(s, method="PUT")), 405, "method_not_allowed"),
    "signed as GET, sent as POST": (lambda: honest(method="GET", after=lambda s: replace(s, method="POST")), 401, "signature_invalid"),
    "signed for another server": (lambda: honest(host="https://autre.example"), 401, "signature_invalid"),
    "signed for the server without TLS": (lambda: honest(host="http://porte.example"), 401, "signature_invalid"),
    "signed for another server, which X-Forwarded-Host names": (
        lambda: honest(host="https://autre.example", after=lambda s: s.plus("X-Forwarded-Host", "autre.example")), 401, "signature_invalid",
    ),
    "signed for http, which X-Forwarded-Proto names": (
        lambda: honest(host="http://porte.example", after=lambda s: s.plus("X-Forwarded-Proto", "http")), 401, "signature_invalid",
    ),
    "signed for another server, which Host names": (
        lambda: honest(host="https://autre.example", after=lambda s: s.plus("Host", "autre.example")), 401, "signature_invalid",
    ),
    "signed for another server, which Forwarded names": (
        lambda: honest(host="https://autre.example", after=lambda s: s.plus("Forwarded", "host=autre.example;proto=https")), 401, "signature_invalid",
    ),
    # --- the body -------------------------------------------------------------------------------------------------------------
    "the body swapped": (lambda: honest(after=other_body), 401, "body_digest_mismatch"),
    "the body swapped, the digest too": (lambda: honest(after=with_new_digest), 401, "signature_invalid"),
    "the body swapped, a second digest added": (
        lambda: honest(after=lambda s: other_body(s).plus("Content-Digest", content_digest(other_body(s).body))), 401, "signature_invalid",
    ),
    "the body cut": (lambda: honest(after=lambda s: replace(s, body=s.body[:-1])), 401, "body_digest_mismatch"),
    "one byte appended": (lambda: honest(after=lambda s: replace(s, body=s.body + b" ")), 401, "body_digest_mismatch"),
    "a digest of an algorithm that we do not know": (
        lambda: honest(fields=(("Content-Type", "application/json"), ("Content-Digest", "md5=:AAAA:"))), 401, "digest_algorithm_unsupported",
    ),
    "a digest that is none": (
        lambda: honest(fields=(("Content-Type", "application/json"), ("Content-Digest", "sha-256=abc"))), 401, "digest_malformed",
    ),
    "another content type": (lambda: honest(after=lambda s: s.changed("content-type", lambda _: "text/plain")), 401, "signature_invalid"),
    # --- fields and labels said twice ------------------------------------------------------------------------------------------
    "the content type twice": (lambda: honest(after=lambda s: s.plus("Content-Type", "application/json")), 401, "field_repeated"),
    "a second signature": (
        lambda: honest(after=lambda s: s.plus("Signature-Input", "sig2=();created=1").plus("Signature", "sig2=:AAAA:")), 401, "signature_ambiguous",
    ),
    "the same label twice": (lambda: honest(after=lambda s: s.plus("Signature-Input", dict(s.fields)["Signature-Input"])), 401, "signature_malformed"),
    "the same signature twice": (lambda: honest(after=lambda s: s.plus("Signature", dict(s.fields)["Signature"])), 401, "signature_malformed"),
    "another label for the signature": (lambda: honest(after=lambda s: s.changed("signature", lambda v: "sig9" + v[4:])), 401, "signature_ambiguous"),
    "a component listed twice": (lambda: honest(after=relisted(lambda v: v.replace("(", '("@method" ', 1))), 401, "component_repeated"),
    "a component that we do not read": (lambda: honest(after=relisted(lambda v: v.replace("(", '("@status" ', 1))), 401, "component_unknown"),
    "a component with a parameter": (lambda: honest(after=relisted(lambda v: v.replace('"@method"', '"@method";req'))), 401, "component_unknown"),
    "a component in capitals": (lambda: honest(after=relisted(lambda v: v.replace("content-type", "Content-Type"))), 401, "component_not_covered"),
    "an attribute of the event twice": (lambda: honest(after=lambda s: s.plus("ce-id", "f" * 32)), 400, "headers_malformed"),
    "more fields than any event has": (
        lambda: honest(after=lambda s: replace(s, fields=(*s.fields, *((f"X-{number}", "a") for number in range(130))))), 400, "headers_malformed",
    ),
    "thirty-three components": (
        lambda: honest(
            covered=(*ORDER, *(f"x-{number}" for number in range(28))),
            fields=(*honest().fields, *((f"X-{number}", "a") for number in range(28))),
        ), 401, "signature_malformed",
    ),
    # --- the signature itself ---------------------------------------------------------------------------------------------------
    "base64 cut": (lambda: honest(after=lambda s: s.changed("signature", lambda v: v[:-4] + ":")), 401, "signature_malformed"),
    "base64 without its end": (lambda: honest(after=lambda s: s.changed("signature", lambda v: v[:-3])), 401, "signature_malformed"),
    "base64 with stray bits": (lambda: honest(after=lambda s: s.changed("signature", stray_bits)), 401, "signature_malformed"),
    "sixty-three bytes": (lambda: honest(after=lambda s: s.changed("signature", shortened)), 401, "signature_invalid"),
    "no bytes": (lambda: honest(after=lambda s: s.changed("signature", lambda _: "sig1=::")), 401, "signature_invalid"),
    "one bit": (lambda: honest(after=lambda s: s.changed("signature", one_bit)), 401, "signature_invalid"),
    "a word": (lambda: honest(after=lambda s: s.changed("signature", lambda _: "sig1=yes")), 401, "signature_malformed"),
    "nine kilobytes of components": (lambda: honest(after=relisted(lambda v: v.replace("(", "(" + '"a" ' * 2300, 1))), 401, "signature_malformed"),
    # --- what a proved node may not say --------------------------------------------------------------------------------------
    "another node's event": (other_source, 403, "source_of_another_node"),
    "a content type that is not received": (
        lambda: honest(fields=(("Content-Type", "text/plain"), ("Content-Digest", content_digest(b"x"))), body=b"x"), 415, "content_type_unsupported",
    ),
    "a batch where one event is another's": (
        lambda: batch(json.dumps({"records": [{"headers": [["ce_source", "education"], ["ce_id", "a"]], "value": "e30="}]}).encode()),
        403, "source_of_another_node",
    ),
    "a batch that is no JSON": (lambda: batch(b"{"), 400, "records_malformed"),
    "a batch of nothing": (lambda: batch(b'{"records": []}'), 400, "records_malformed"),
    "a batch nested without end": (lambda: batch(b"[" * 100_000), 400, "records_malformed"),
    "an event that names no source": (
        lambda: batch(json.dumps({"records": [{"headers": [["ce_id", "a"]], "value": "e30="}]}).encode()), 400, "headers_malformed",
    ),
    "an event whose value is no JSON": (
        lambda: batch(json.dumps({"records": [{"headers": [["ce_source", "wifip"], ["ce_id", "a"]], "value": "AAAA"}]}).encode()),
        400, "value_malformed",
    ),
    "a sealed body of another node": (
        lambda: batch(json.dumps({"records": [{"headers": [["node", "education"]], "value": "AAAA"}]}).encode(), path="/nodes/wifip/sealed"),
        403, "source_of_another_node",
    ),
    "a sealed body of two nodes": (
        lambda: batch(
            json.dumps({"records": [{"headers": [["node", "education"], ["node", "wifip"]], "value": "AAAA"}]}).encode(),
            path="/nodes/wifip/sealed",
        ), 403, "source_of_another_node",
    ),
    "a header's name that fills a record in bytes, and not in characters": (
        lambda: batch(
            json.dumps({"records": [{"headers": [["€" * 2_700_000, "x"]], "value": "AAAA"}]}, ensure_ascii=False).encode(),
            path="/nodes/wifip/sealed",
        ), 413, "record_too_large",
    ),
    "a header's name that no text can be": (
        lambda: batch(b'{"records": [{"headers": [["\\ud800", "x"]], "value": "AAAA"}]}', path="/nodes/wifip/sealed"), 400, "records_malformed",
    ),
    "a space that no text can be": (
        lambda: batch(json.dumps({"records": [{"headers": [["ce_source", "wifip"], ["ce_id", "a"]], "value": base64.b64encode(
            b'{"space": "\\ud800"}'
        ).decode()}]}).encode()), 400, "value_malformed",
    ),
    "a body that is declared too large": (
        lambda: honest(after=lambda s: s.plus("Content-Length", str(11 * 1024 * 1024))), 413, "body_too_large",
    ),
    "a record that no topic would take": (
        lambda: large(7 * 1024 * 1024), 413, "record_too_large",
    ),
    "a cursor that is none": (
        lambda: Letter(method="GET", path="/nodes/wifip/outbound?after=now", covered=ORDER[:3]), 400, "query_malformed",
    ),
    "a position in a partition that no node's topic has": (
        lambda: Letter(method="GET", path="/nodes/wifip/outbound?after=0:0&done=1:0&wait=0", covered=ORDER[:3]), 400, "query_malformed",
    ),
    "a parameter twice": (
        lambda: Letter(method="GET", path="/nodes/wifip/outbound?wait=0&wait=1", covered=ORDER[:3]), 400, "query_malformed",
    ),
    "a body under a GET that signs none": (
        lambda: Letter(method="GET", path="/nodes/wifip/outbound?wait=0", covered=ORDER[:3], after=lambda s: replace(s, body=b"x")),
        401, "digest_missing",
    ),
}  # fmt: skip
"""What is done to a valid request → what the door says: its status and its named reason."""


def large(size: int) -> Letter:
    event = honest()
    body = b'{"space": "salon", "text": "' + b"x" * size + b'"}'
    fields = tuple((name, content_digest(body) if name == "Content-Digest" else value) for name, value in event.fields)
    return replace(event, body=body, fields=fields)


def _raw(said: str) -> bytes:
    return base64.b64decode(said.removeprefix("sig1=:").removesuffix(":"))


def _said(raw: bytes) -> str:
    return f"sig1=:{base64.b64encode(raw).decode()}:"


def shortened(said: str) -> str:
    return _said(_raw(said)[:-1])


def one_bit(said: str) -> str:
    raw = _raw(said)
    return _said(bytes([raw[0] ^ 1]) + raw[1:])


def stray_bits(said: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(said[-4])
    return said[:-4] + alphabet[last | 1] + said[-3:]


def registry() -> bytes:
    """Four nodes, one with keys in every state."""
    moment = datetime.now(UTC)
    past, before = timestamp(moment - timedelta(days=9)), timestamp(moment - timedelta(days=1))
    dates = {
        "pending": {"activeFrom": timestamp(moment + timedelta(days=1))},
        "retired": {"activeFrom": past, "retiredAt": before},
        "revoked": {"activeFrom": past, "revokedAt": before},
    }

    def entry(name: str, key: SigningKey, grade: str = "full") -> dict[str, Any]:
        keys = [{"id": key.key_id, "publicKeyMultibase": key.public.multibase, "activeFrom": past}]
        if name == "wifip":
            keys += [
                {"id": STATES[state].key_id, "publicKeyMultibase": STATES[state].public.multibase, **said} for state, said in dates.items()
            ]
        return {"id": name, "organisation": "Ministère", "platform": "plain", "grade": grade, "keys": keys}

    document = {
        "type": "TraitDUnionRegistry", "version": 1, "issued": timestamp(moment), "expires": timestamp(moment + timedelta(days=1)),
        "hub": entry("hub", HUB),
        "nodes": [entry(name, key, name if name in {"suspended", "gone"} else "full") for name, key in KEYS.items()],
    }  # fmt: skip
    return issue(document, HUB, moment)


@dataclass
class Street:
    """The running door, and what stands on Kafka behind it."""

    url: str
    session: aiohttp.ClientSession
    reader: AIOKafkaConsumer

    async def knock(self, sent: Sent) -> tuple[int, dict[str, Any], CIMultiDictProxy[str]]:
        url = URL(self.url + sent.path, encoded=True)
        async with self.session.request(
            sent.method, url, data=io.BytesIO(sent.body) if sent.body else None, headers=sent.fields, skip_auto_headers=["content-type"]
        ) as answer:
            return answer.status, json.loads(await answer.read()), answer.headers

    async def kept(self) -> int:
        """How many records stand on Kafka behind the door."""
        return sum((await self.reader.end_offsets([TopicPartition(PREFIX + topic.name, 0) for topic in BEHIND])).values())


def counted(reason: str) -> float:
    """How many refusals of this name the metric tells."""
    [family] = Metric.door.collect()
    return sum(one.value for one in family.samples if one.name.endswith("_total") and one.labels["outcome"] == reason)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(kafka: Kafka) -> AsyncIterator[Street]:
    create_topics(kafka.bootstrap, *(PREFIX + topic.name for topic in (*BEHIND, topics.outbound("wifip"))))
    async with (
        door_at_work(kafka.bootstrap, PREFIX, registry, HUB.public.multibase, PUBLIC) as (url, _),
        aiohttp.ClientSession() as session,
        wire.consumer(KafkaSettings(bootstrap=kafka.bootstrap), group=None) as reader,
    ):
        yield Street(url, session, reader)


async def test_what_is_not_forged_is_kept(street: Street) -> None:
    before = await street.kept()
    status, said, _ = await street.knock(honest().sent())
    assert status == 202
    assert said["accepted"][0]["topic"] == PREFIX + topics.RSE_INBOUND.name
    assert await street.kept() == before + 1


async def test_a_replay_is_refused_by_its_name(street: Street) -> None:
    letter = honest().sent()
    assert (await street.knock(letter))[0] == 202
    before = await street.kept()
    status, problem, _ = await street.knock(letter)
    assert (status, problem["reason"]) == (401, "signature_replayed")
    assert await street.kept() == before


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_request_is_refused_by_its_name(street: Street, name: str) -> None:
    make, status, reason = FORGERIES[name]
    before, told = await street.kept(), counted(reason)
    letter = make().sent()
    said, problem, headers = await street.knock(letter)
    assert (said, problem["reason"]) == (status, reason), problem
    assert problem["type"] == f"urn:traitdunion:problem:{reason}"
    assert problem["title"]
    assert ("Accept-Signature" in headers) == (status == 401)
    assert status != 401 or ("content-digest" in headers["Accept-Signature"]) == (letter.method == "POST")
    assert await street.kept() == before
    assert counted(reason) == told + 1


async def test_every_refusal_of_the_door_has_a_status_and_a_sentence() -> None:
    said = {name for file in Path(answers.__file__).parent.glob("*.py") for name in re.findall(r'TurnedAway\("(\w+)"', file.read_text())}
    assert len(said) > 15
    assert said <= answers.STATUSES.keys()
    assert all(400 <= status < 600 and title for status, title in answers.STATUSES.values())
