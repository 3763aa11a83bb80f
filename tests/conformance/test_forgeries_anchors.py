"""Every forged registry, and change of its anchor, shown over HTTP to a connector, is refused by name and changes nothing; and no check there is idle."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from adapters.registry import Trust, fetch
from schemas import anchors, manifest
from schemas.manifest import Registry
from tests.forgeries import registries
from tests.forgeries.anchors import ANNOUNCED, BEFORE, DAY, FIRST, FOLLOWED, NOW, SECOND, Row
from tests.forgeries.anchors import TABLE as OF_ANCHORS
from tests.forgeries.checks import Check, checks_of, switched_off

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TABLE: Final = (*OF_ANCHORS, *registries.TABLE)
OTHERS: Final = {
    "Registry.standing": "says how much of its life is left, and refuses nothing",
    "Registry.key_at": "is asked for a key when the registry is believed: `test_forgeries_worth.py`",
    "Registry.door_key_at": "is asked for a key when the registry is believed: `tests/unit/test_schemas_manifest.py`",
    "read_unchecked": "is for comparing, never for believing",
}
"""What of these rooms judges no document."""
CHECKS: Final = [check for check in checks_of(anchors, manifest) if check.where not in OTHERS]
BEHIND: Final = {
    "anchors.Chain.read: registry_malformed": "it bounds what a reader spends; such a chain leads nowhere",
    "anchors.Chain.read: registry_anchor_forked (1)": "who stands twice is judged by its first place",
    "anchors.Chain.signer: registry_anchor_unknown": "what is not in the chain has no place in it",
    "anchors.Chain.signer: registry_signature_invalid": "as above",
    "manifest.Registry.believed: registry_signature_invalid": "what is no object names no signer",
    "manifest.Registry.believed: registry_anchor_rolled_back": "who holds the newer anchor walks forward from it alone",
}
"""Checks behind which another one stands: off, what they refuse is refused by another name."""
PROVED: Final = [check for check in CHECKS if check.name not in BEHIND]


class Shelf:
    """The ledger's shelf, in memory."""

    def __init__(self, kept: bytes | None) -> None:
        self.kept = kept

    async def last(self, anchor: str) -> tuple[int, bytes] | None:
        del anchor
        return (0, self.kept) if self.kept is not None else None

    async def keep(self, anchor: str, version: int, document: bytes) -> None:
        del anchor, version
        self.kept = document


class Served:
    """The hub's address, and what somebody has put there."""

    def __init__(self) -> None:
        self.body = b""

    async def answer(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self.body, content_type="application/json")


@pytest.fixture
async def served() -> AsyncIterator[tuple[Served, str]]:
    place = Served()
    app = web.Application()
    app.router.add_get("/registry", place.answer)
    async with TestServer(app) as server:
        yield place, str(server.make_url("/registry"))


def connector(row: Row, url: str) -> tuple[Trust, Shelf]:
    shelf = Shelf(row.seen)
    return Trust(row.anchor.public.multibase, lambda: fetch(url), shelf, lambda: NOW), shelf


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_a_forged_change_is_refused_by_its_name(row: Row, served: tuple[Served, str]) -> None:
    place, url = served
    place.body = row.make()
    trust, shelf = connector(row, url)
    await trust.load()
    before = trust.current()
    with capture_logs() as logs:
        await trust.refresh()
    assert [one["reason"] for one in logs if one["event"] == "registry_refused"] == [row.reason]
    assert trust.current() is before
    assert shelf.kept == row.seen


@pytest.mark.parametrize("seen", [None, BEFORE, FOLLOWED], ids=["a new reader", "one who was away", "one who saw it"])
async def test_the_true_change_is_followed_and_kept(seen: bytes | None, served: tuple[Served, str]) -> None:
    place, url = served
    place.body = FOLLOWED
    trust, shelf = connector(Row("", "", lambda: b"", seen=seen), url)
    await trust.load()
    await trust.refresh()
    current = trust.current()
    assert current is not None
    assert (current.anchor, shelf.kept) == (SECOND.public.multibase, FOLLOWED)
    again = Trust(FIRST.public.multibase, lambda: fetch(url), shelf, lambda: NOW)
    await again.load()
    place.body = TABLE[0].make()
    await again.refresh()
    still = again.current()
    assert still is not None
    assert still.anchor == SECOND.public.multibase


async def test_what_is_announced_changes_nothing_yet(served: tuple[Served, str]) -> None:
    place, url = served
    place.body = ANNOUNCED
    trust, _ = connector(Row("", "", lambda: b""), url)
    await trust.refresh()
    current = trust.current()
    assert current is not None
    assert current.anchor == FIRST.public.multibase


def passes() -> str | None:
    """The first forgery that a reader takes."""
    for row in TABLE:
        try:
            seen = Registry.believed(row.seen, row.anchor.public.multibase) if row.seen is not None else None
            Registry.open(row.make(), row.anchor.public.multibase, NOW, seen)
        except (KeyError, AttributeError, TypeError, ValueError):
            continue
        return row.name
    return None


def test_no_forgery_passes_while_every_check_stands() -> None:
    assert passes() is None


@pytest.mark.parametrize("check", PROVED, ids=lambda check: check.name)
def test_with_this_check_off_a_forgery_passes(check: Check) -> None:
    with switched_off(check):
        assert passes() is not None


@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in BEHIND], ids=lambda check: check.name)
def test_behind_this_check_stands_another(check: Check) -> None:
    with switched_off(check):
        assert passes() is None


def test_the_lists_of_exceptions_name_what_there_is() -> None:
    assert BEHIND.keys() <= {check.name for check in CHECKS}
    assert OTHERS.keys() <= {check.where for check in checks_of(anchors, manifest)}


def test_the_former_anchor_is_given_a_moment_to_fall_silent() -> None:
    assert timedelta(minutes=1) <= anchors.GRACE < DAY
