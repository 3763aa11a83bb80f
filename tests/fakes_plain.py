"""An RSE in memory, its adapter, and the instance that a connector serves it by."""

# ruff: noqa: ARG002, TC003 - fakes take what their Protocol gives; types are read when tests run
from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from adapters.capabilities import BothWays, Capabilities, Feature, Yes
from adapters.markup.division import divided
from adapters.parts import parts_of
from adapters.platforms import Platform
from adapters.port import (
    Act,
    Adapter,
    Ask,
    AuthenticRequest,
    Change,
    Closed,
    Incomplete,
    Later,
    Never,
    Nonsense,
    Order,
    Outcome,
    RosterAltered,
    RseClient,
    SpaceReport,
    Strange,
    Unused,
    UnverifiedRequest,
    WriteOutcome,
    Written,
)
from adapters.secret import accepted
from adapters.settings import Instance
from schemas.facts.message import Author, Content
from schemas.keys import SigningKey
from schemas.problem import Problem
from schemas.words import Audience

SECRET = "s3cret"
SPACE = "salon"


class PlainAdapter:
    """A platform of one JSON object per webhook, told by a shared token."""

    platform = "plain"
    space_field = "space"
    body_limit = 10_000

    def authenticate(self, unverified: UnverifiedRequest, instance: Instance) -> AuthenticRequest | Ask | Problem:
        if unverified.path == "ping":
            return Ask(200, b"pong", {"Content-Type": "text/plain"})
        if unverified.headers.get("x-token", "") not in accepted(instance.webhook_secret):
            return Problem(401, "signature_invalid", "Signature refusée.")
        return AuthenticRequest(unverified)

    def translate(self, authentic: AuthenticRequest, instance: Instance) -> Sequence[Outcome]:
        try:
            said: dict[str, Any] = json.loads(authentic.request.body)
        except ValueError:
            return (Nonsense("json_malformed"),)
        match said.get("what"):
            case "post" | "edit" | "delete" | "react" | "accept" | "unaccept":
                return (change_of(said, instance),)
            case "stub":
                return (Incomplete(said["id"], Act.POSTED),)
            case "touch":
                return (RosterAltered(said.get("space", "")),)
            case "crash":
                raise ZeroDivisionError
            case other:
                return (Unused(str(other)),)

    def strange(self, authentic: AuthenticRequest) -> Sequence[Strange]:
        return ()

    def accepted(self, outcomes: Sequence[Outcome]) -> tuple[bytes, str]:
        return b"{}", "application/json"

    def problem(self, problem: Problem) -> Problem:
        return problem

    def signed_request(self, payload: bytes, instance: Instance, event: str | None) -> UnverifiedRequest:
        return UnverifiedRequest("POST", "", {"x-token": instance.webhook_secret.get_secret_value()}, {}, payload)


def change_of(said: dict[str, Any], instance: Instance) -> Change:
    acts = {
        "post": Act.POSTED, "edit": Act.EDITED, "delete": Act.DELETED, "react": Act.REACTED, "accept": Act.ACCEPTED,
        "unaccept": Act.UNACCEPTED,
    }  # fmt: skip
    version = str(said.get("version", "1"))
    return Change(
        acts[said["what"]], said["id"], version, f"{said['what']}-{version}", said.get("space", SPACE), said.get("actor", "u1"),
        said.get("occurred_at", datetime(2026, 1, 1, tzinfo=UTC)), Author(name=said.get("name", "Ada"), organisation=instance.organisation),
        Content(html=f"<p>{said.get('text', 'Bonjour')}</p>", text=said.get("text", "Bonjour")), parent=said.get("parent"),
        locator=said.get("locator"), emoji=said.get("emoji"), by_us=said.get("by_us", False), handle=said.get("handle"),
    )  # fmt: skip


@dataclass
class PlainRse:
    """An RSE in memory: what was written, and what it shall answer next."""

    audience: Audience = Audience.MEMBERS
    written: list[Order] = field(default_factory=list)
    kept: dict[str, Written] = field(default_factory=dict)
    answers: list[Callable[[Order], Awaitable[WriteOutcome]]] = field(default_factory=list)
    completions: dict[str, Change | Unused | Nonsense | Later] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    reports: list[SpaceReport | Closed | Later | Never] = field(default_factory=list)
    found: int = 0
    room: int = 0
    """The longest HTML that it takes; 0 for any."""
    before: Callable[[Order], Awaitable[None]] | None = None

    async def turn(self, order: Order) -> None:
        return None

    async def write(self, order: Order) -> WriteOutcome:
        if self.before is not None:
            await self.before(order)
        if self.answers:
            return await self.answers.pop(0)(order)
        return await self.keep(order)

    async def keep(self, order: Order) -> WriteOutcome:
        self.written.append(order)
        native = order.native_id or f"copy:{len(self.written)}"
        self.kept[order.key] = Written(native, f"v{len(self.written)}")
        return self.kept[order.key]

    async def divided(self, order: Order) -> Sequence[Order]:
        html = order.content.html if order.content else ""
        return parts_of(order, divided(html, self.room, len)) if self.room else [order]

    async def find(self, order: Order) -> Written | Later | None:
        self.found += 1
        return self.kept.get(order.key)

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        return self.completions.get(incomplete.native_id, Later("not yet"))

    async def report_space(self, space: str) -> SpaceReport | Closed | Later | Never:
        return self.reports.pop(0) if self.reports else SpaceReport("Salon", self.audience, externals=False)

    async def display_name(self, actor: str) -> str | None:
        return self.names.get(actor)

    async def close(self) -> None:
        return None


def answering(outcome: WriteOutcome) -> Callable[[Order], Awaitable[WriteOutcome]]:
    async def answer(_: Order) -> WriteOutcome:
        return outcome

    return answer


def platform_of(rse: RseClient) -> Callable[[str], Platform]:
    adapter: Adapter = PlainAdapter()

    def find(name: str) -> Platform:
        both = BothWays(Yes("en mémoire"), Yes("en mémoire"))
        return Platform(name, adapter, lambda *_: rse, Capabilities(dict.fromkeys(Feature, both), retries="aucun", outage="rien"))

    return find


def an_instance(folder: Path, node: str = "wifip", **changes: Any) -> Instance:
    path = folder / f"{node}.pem"
    if not path.exists():
        SigningKey.generate(node).save(path)
    said: dict[str, Any] = {
        "node": node, "organisation": "Finances", "platform": "plain", "url": "http://rse.example", "webhook_secret": SecretStr(SECRET),
        "api_secret": SecretStr("x"), "signing_key": path, "spaces": frozenset({SPACE}),
    }  # fmt: skip
    return Instance(**(said | changes))
