"""The table of forgeries proves something: switch any single check of the webhooks' door off, and a forgery passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from structlog.testing import capture_logs

from adapters import crowd, gateway, secret
from adapters.discourse import translate as discourse
from adapters.exo import translate as exo
from adapters.gateway import application
from adapters.matrix import door as matrix
from adapters.secret import Rotating
from schemas.wire.telemetry import Health
from tests.fakes_counters import Kept, counters
from tests.forgeries import webhooks
from tests.forgeries.checks import Check, checks_of, switched_off
from tests.forgeries.post import deliver, deliver_broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHECKS: Final = checks_of(gateway, crowd, secret, discourse, matrix, exo)
BEHIND: Final = {
    "gateway.WebhookDoor._taken: instance_unknown": "a counter that is not there has nobody to ask",
    "translate._unsigned: signature_missing": "a signature that is not there cannot be compared",
    "door._routed: path_unknown": "what no address has read is no request",
}
"""Checks behind which another one stands: off, they let nothing through, and what is refused has another name."""
ELSEWHERE: Final = {
    "gateway._Taking._taken_in: reason": "tests/unit/test_adapters_admission.py",
    "gateway._Taking._body: declared": "tests/integration/test_gateway.py",
    "gateway._Taking._body: str(size)": "tests/integration/test_gateway.py",
    "crowd.Crowd.bytes_held.hold: bytes": "tests/integration/test_gateway_crowd.py",
    "crowd.Crowd.waiting: webhooks": "tests/integration/test_gateway_crowd.py",
}
"""Limits of size, time and number, and what could not be kept: no forgery is as large or as slow, and these tests try them."""
PROVED: Final = [check for check in CHECKS if check.name not in BEHIND | ELSEWHERE]


def _last(came: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode().lower(): said.decode("latin-1") for name, said in came}


def _first(came: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return _last(reversed(list(came)))


def _for_ever(rotating: Rotating) -> tuple[str, ...]:
    now, before = rotating.get_secret_value(), rotating._before
    return (now,) if before is None else (now, before)


def _as_told(rotating: Rotating) -> str:
    return rotating._told()


READINGS: Final[dict[str, tuple[object, str, Callable[..., Any]]]] = {
    "the last of two fields counts": (gateway, "_fields", _last),
    "the first of two fields counts": (gateway, "_fields", _first),
    "a secret that was replaced counts for ever": (Rotating, "accepted", _for_ever),
    "an empty secret is one": (Rotating, "get_secret_value", _as_told),
}
"""What guards the door and refuses nothing by itself, so that there is no refusal to be switched off: how a request and a secret are read, read worse."""


async def passes() -> str | None:
    """The first forgery that is taken in."""
    app = application(counters(Kept()), Health({}))
    with capture_logs():
        for base, table in webhooks.TABLE:
            for row in table:
                try:
                    answer = await deliver(app, row.alter(base()))
                except AttributeError:  # a server answers it 500
                    continue
                if answer.status < 300:
                    return f"{base.__name__}: {row.name}"
            if (await deliver_broken(app, base())).status < 300:
                return f"{base.__name__}: is broken off"
    return None


async def test_no_forgery_passes_while_every_check_stands() -> None:
    assert await passes() is None


@pytest.mark.parametrize("check", PROVED, ids=lambda check: check.name)
async def test_with_this_check_off_a_forgery_passes(check: Check) -> None:
    with switched_off(check):
        assert await passes() is not None


@pytest.mark.parametrize("name", READINGS)
async def test_with_this_read_worse_a_forgery_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*READINGS[name])
    assert await passes() is not None


@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in BEHIND], ids=lambda check: check.name)
async def test_behind_this_check_stands_another(check: Check) -> None:
    with switched_off(check):
        assert await passes() is None


def test_the_lists_of_exceptions_name_what_there_is() -> None:
    assert BEHIND.keys() | ELSEWHERE.keys() <= {check.name for check in CHECKS}
