"""Feeds the running gateway with payloads as their platform would send them, and tells what became of each."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

from adapters.ledger import Ledger
from adapters.platforms import platform
from adapters.settings import Instances

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from adapters.port import UnverifiedRequest
    from adapters.settings import AdapterSettings

TIMEOUT = aiohttp.ClientTimeout(total=30)
POLL_SECONDS = 0.25
REFUSED_FROM = 400
EVENT = re.compile(r"event=(?P<id>[0-9a-f]{32})@(?P<place>\S+)")
FRENCH = {
    "unused": "inutilisé",
    "altered": "à demander au RSE :",
    "nonsense": "refusé",
    "dropped": "écarté",
    "parked": "en attente d'une écriture",
    "incomplete": "à compléter",
}


class InstanceUnknown(LookupError):
    """The instances file names no such instance."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one asks of a feeding: the event that the platform would announce, a space to move the payloads to, seconds of patience."""

    event: str | None = None
    space: str | None = None
    wait: float = 0.0


async def feed(settings: AdapterSettings, name: str, files: Sequence[Path], wishes: Wishes, say: Callable[[str], None]) -> bool:
    """Post each file in order; False if any was refused. Raises InstanceUnknown."""
    instance = Instances.read(settings.instances).instances.get(name)
    if instance is None:
        raise InstanceUnknown(name)
    adapter, well = platform(instance.platform).adapter, True
    async with aiohttp.ClientSession(trust_env=False, timeout=TIMEOUT) as session:
        for file in files:
            payload = moved(file.read_bytes(), adapter.space_field, wishes.space)
            request = adapter.signed_request(payload, instance, wishes.event)
            status, outcome, reason = await _post(session, settings, name, request)
            well = well and status < REFUSED_FROM
            say(f"{file.name} : {status}")
            for line in told(outcome, reason):
                say(f"  {line}")
            for found in EVENT.finditer(outcome):
                for line in await arrivals(session, settings.hub_url, found["id"], wishes.wait):
                    say(f"    {line}")
    return well


def moved(payload: bytes, field: str, space: str | None) -> bytes:
    """The payload, said to be of another space wherever it tells its own; what is not JSON stays as it is."""
    if space is None:
        return payload
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return payload
    return json.dumps(_moved(document, field, space), ensure_ascii=False).encode()


def _moved(value: Any, field: str, space: str) -> Any:
    match value:
        case dict():
            return {name: _renamed(said, space) if name == field else _moved(said, field, space) for name, said in value.items()}
        case list():
            return [_moved(one, field, space) for one in value]
        case _:
            return value


def _renamed(said: Any, space: str) -> Any:
    return int(space) if isinstance(said, int) and space.isdecimal() else space


async def _post(session: aiohttp.ClientSession, settings: AdapterSettings, name: str, request: UnverifiedRequest) -> tuple[int, str, str]:
    path = request.path.lstrip("/")
    url = f"http://{settings.gateway_host}:{settings.gateway_port}/webhooks/{name}" + (f"/{path}" if path else "")
    url += f"?{urlencode(request.query)}" if request.query else ""
    async with session.request(request.method, url, data=request.body, headers=dict(request.headers)) as response:
        body: Any = await response.json(content_type=None) if response.status >= REFUSED_FROM else {}
        return (
            response.status,
            response.headers.get("X-Traitdunion-Outcome", ""),
            str(body.get("reason", "")) if isinstance(body, dict) else "",
        )


def told(outcome: str, reason: str) -> list[str]:
    """What became of a payload, in French, a line per outcome of the gateway's own header."""
    if reason:
        return [f"refusé {reason}"]
    return [_line(part) for part in outcome.split(";") if part] or ["rien à en tirer"]


def _line(part: str) -> str:
    found = EVENT.fullmatch(part)
    if found is not None:
        return f"événement {found['id']} ({found['place']})"
    word, _, detail = part.partition("=")
    return f"{FRENCH.get(word, word)} {detail}".strip()


async def arrivals(session: aiohttp.ClientSession, hub: str, event_id: str, wait: float = 0.0) -> list[str]:
    """Where the hub says that an event has arrived; « inconnu » when it does not say."""
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        deliveries = await _deliveries(session, f"{hub}/api/messages/{event_id}")
        answered = bool(deliveries) and all(one.get("verdict") for one in deliveries)
        if answered or asyncio.get_running_loop().time() >= deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
    if not deliveries:
        return ["arrivée : inconnu"]
    return [
        f"arrivé chez {one.get('node')} : {one.get('verdict') or 'en attente'} {one.get('native_id') or ''} {one.get('at') or ''}".rstrip()
        for one in deliveries
    ]


async def _deliveries(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    try:
        async with session.get(url) as response:
            found: Any = await response.json(content_type=None) if response.status == 200 else {}  # noqa: PLR2004 - HTTP's own number
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return []
    deliveries = found.get("deliveries", []) if isinstance(found, dict) else []
    return [one for one in deliveries if isinstance(one, dict)] if isinstance(deliveries, list) else []


async def what_waits(settings: AdapterSettings) -> list[str]:
    """What waits in the ledger, a line per instance and kind."""
    ledger = await Ledger.open(settings.ledger_url, size=1)
    try:
        async with ledger.connection() as connection:
            rows = await connection.fetch(
                "SELECT instance, kind, reason, count(*) AS n, min(stored_at) AS since FROM spool GROUP BY 1, 2, 3 "
                "UNION ALL SELECT instance, 'receipt', '', count(*), NULL FROM receipts GROUP BY 1 ORDER BY 1, 2"
            )
    finally:
        await ledger.close()
    lines = [
        f"{row['instance']} : {row['n']} {row['kind']} {row['reason']}" + (f" depuis {row['since']:%F %T}" if row["since"] else "")
        for row in rows
    ]
    return lines or ["Rien n'attend."]
