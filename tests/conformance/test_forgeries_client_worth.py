"""What the one client that asks other servers refuses is worth something: switch any single check of it off, and what is forged at the door, or an address, passes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from structlog.testing import capture_logs

from schemas import jcs
from schemas.wire import destinations, egress, fetched, fetching
from schemas.wire.destinations import FetchFailed, Ground, destination, development_destination
from schemas.wire.egress import EgressSettings
from schemas.wire.fetched import Media
from schemas.wire.fetching import DevelopmentRules, GuardedClient, PublicRules
from tests.fakes_peer_stage import HERE, door_over
from tests.fakes_strangers import NamesInBook, publish, stranger
from tests.forgeries import plays
from tests.forgeries.abroad import INWARD, SERVERS, World
from tests.forgeries.addresses import DEVELOPMENT, REFUSED
from tests.forgeries.checks import Check, checks_of, switched_off
from tests.forgeries.post import deliver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette

    from schemas.wire.fetched import Budget, Fetched
    from tests.forgeries.plays import Play

CHECKS: Final = checks_of(destinations, egress, fetching, fetched, jcs)
BEHIND: Final[dict[str, str]] = {
    "destinations._parsed: Refusal.SCHEME": "no other scheme has a usual port",
    "egress.direct.checked: AddressRefused": "a name is judged by its addresses, and an address is no name",
    "egress._Grounded.resolve: errno.ENOENT": "of no address none is admitted",
    "egress._Grounded.resolve: Refusal.ADDRESS": "of the addresses that are left none is there",
    "fetching.GuardedClient._get: Refusal.REDIRECTS": "where an answer points to is no answer",
    "fetching._body: Refusal.TOO_LARGE": "what comes is counted too",
    "fetched.Fetched.document: Refusal.MALFORMED": "what is no object has no members",
}
"""Checks behind which another one stands: off, they let nothing through."""
ELSEWHERE: Final[dict[str, str]] = {
    "fetched.Budget.spend: Refusal.BUDGET": "tests/integration/test_guarded_client.py",
    "jcs.parse: json_too_many_parts": "tests/unit/test_schemas_jcs.py",
}
"""Limits of number: no forgery leads from place to place as often, and these tests try them."""
PROVED: Final = [check for check in CHECKS if check.name not in BEHIND | ELSEWHERE]
BROUGHT: Final = frozenset(destinations.Refusal)
"""Refusals of the client: the plays that end with one are tried here, over sockets."""


def _everywhere(ground: Ground, address: str) -> bool:
    del ground, address
    return True


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Asking:
    """The door's questions, by the guarded client itself."""

    client: GuardedClient

    async def get(self, url: str, accept: Media, budget: Budget) -> Fetched:
        return await self.client.get(url, accept=accept, budget=budget)


@asynccontextmanager
async def door() -> AsyncIterator[tuple[World, Starlette]]:
    """The inboxes, and the servers of others on sockets of their own."""
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(stranger()) for name in SERVERS}
        world = World(HERE, {name: one.url for name, one in servers.items()})
        publish(world.documents, servers.values())
        client = GuardedClient(EgressSettings(), DevelopmentRules(), "traitdunion/test", clock, NamesInBook(INWARD))
        app, _ = door_over(world, Asking(await stack.enter_async_context(client)))
        yield world, app


def _tried(world: World) -> list[Play]:
    return [play for play in plays.forged(world) if play.reason in BROUGHT and not play.name.startswith("Create ")]


def address_taken() -> str | None:
    """The first address that is asked and should not be."""
    for url in [url for url, _ in REFUSED]:
        try:
            return destination(url).url
        except (FetchFailed, KeyError):
            continue
    for url in DEVELOPMENT:
        try:
            return development_destination(url).url
        except (FetchFailed, KeyError):
            continue
    return None


async def led_down() -> str | None:
    """A redirect from https to this machine without it, where it is followed."""
    async with GuardedClient(EgressSettings(), DevelopmentRules(), "traitdunion/test", clock, NamesInBook({})) as client:
        try:
            return client._redirected(destination("https://peer.example/"), "http://127.0.0.1:9/", ()).url
        except FetchFailed:
            return None


async def led_inward() -> str | None:
    """A name that stands for this machine, or its own address, where a connection is made for it, or a proxy is asked for one."""
    came: list[str] = []

    async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append("a connection inward")
        writer.close()

    names = NamesInBook({"peer.example": [["127.0.0.1"]]})
    async with await asyncio.start_server(closes, "127.0.0.1", 0) as inside:
        port = inside.sockets[0].getsockname()[1]
        ways = (("peer.example", ""), ("127.0.0.1", ""), ("peer.example", f"http://127.0.0.1:{port}"))
        for host, proxy in ways:
            async with GuardedClient(EgressSettings(proxy=proxy), PublicRules(), "traitdunion/test", clock, names) as client:
                with pytest.raises((FetchFailed, RuntimeError)):  # who comes there is shown no certificate, nor let on
                    await client.get(f"https://{host}:{port}/", accept=Media.ACTIVITY, ports=[port])
    return came[0] if came else None


async def passes() -> str | None:
    """The first forgery that is taken in, or address that is asked."""
    if found := address_taken() or await led_down() or await led_inward():
        return found
    with capture_logs():
        async with door() as (world, app):
            for play in _tried(world):
                try:
                    got = await deliver(app, play.make())
                except (AttributeError, TypeError, RuntimeError):  # a server answers it 500
                    continue
                if got.status < 300:
                    return play.name
    return None


async def test_no_forgery_passes_while_every_check_stands_and_each_is_refused_by_its_name() -> None:
    assert await passes() is None
    async with door() as (world, app):
        tried = _tried(world)
        for play in tried:
            assert (play.name, (await deliver(app, play.make())).reason) == (play.name, play.reason)
        for play in plays.valid(world):
            assert (play.name, (await deliver(app, play.make())).status) == (play.name, 202)
    assert len(tried) > 15


@pytest.mark.parametrize("check", PROVED, ids=lambda check: check.name)
async def test_with_this_check_off_a_forgery_passes(check: Check) -> None:
    with switched_off(check):
        assert await passes() is not None


async def test_with_every_address_admitted_a_name_leads_inward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ground, "admits", _everywhere)
    assert await led_inward() is not None


async def test_an_address_of_ours_is_judged_as_it_is_written_and_again_where_its_socket_is_made() -> None:
    """With both off, this machine is asked; with one of them on it is not."""
    found = {check.name: check for check in CHECKS}
    written, made = found["destinations.destination: Refusal.HOST"], found["egress.direct.checked: AddressRefused"]
    with switched_off(written):
        assert await led_inward() is None
        with switched_off(made):
            assert await led_inward() is not None
    with switched_off(made):
        assert await led_inward() is None


@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in BEHIND], ids=lambda check: check.name)
async def test_behind_this_check_stands_another(check: Check) -> None:
    with switched_off(check):
        assert await passes() is None


def test_the_lists_of_exceptions_name_what_there_is() -> None:
    assert BEHIND.keys() | ELSEWHERE.keys() <= {check.name for check in CHECKS}
