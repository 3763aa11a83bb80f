"""Which requests are webhooks, and what of their path the platform is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from adapters.gateway import Counter, application
from adapters.sorting import Stored
from schemas.wire.telemetry import Health
from tests.fakes_asgi import call
from tests.fakes_plain import SECRET, PlainAdapter, PlainRse, an_instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.port import AuthenticRequest, Outcome
    from adapters.settings import Instance


@dataclass
class Listening(PlainAdapter):
    """Keeps the paths that it is told."""

    paths: list[str] = field(default_factory=list)

    def translate(self, authentic: AuthenticRequest, instance: Instance) -> Sequence[Outcome]:
        self.paths.append(authentic.request.path)
        return super().translate(authentic, instance)


class Keeping:
    """Stores all that comes."""

    async def admit(self, *_: object) -> Stored:
        return Stored(("event=1",))


@dataclass
class Place:
    """A gateway with one RSE behind it."""

    app: Any
    adapter: Listening

    async def ask(self, path: str) -> int:
        return (await call(self.app, path, method="POST", headers={"x-token": SECRET}, body=b'{"what": "noise"}')).status


@pytest.fixture
def place(tmp_path: Path) -> Place:
    adapter = Listening()
    counter = Counter("rse", an_instance(tmp_path), adapter, PlainRse(), Keeping())  # type: ignore[arg-type]  # it only admits
    return Place(application({"rse": counter}, Health({})), adapter)


@pytest.mark.parametrize(
    ("path", "told"), [("/webhooks/rse", ""), ("/webhooks/rse/", ""), ("/webhooks/rse/a/b%20c", "a/b c"), ("/webhooks/rse//a", "/a")]
)
async def test_what_follows_the_instance_is_the_platforms(place: Place, path: str, told: str) -> None:
    assert (await place.ask(path), place.adapter.paths) == (200, [told])


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/", "/webhooks//rse", "/webhook/rse", "/x/webhooks/rse", "/rse", "/"])
async def test_what_names_no_instance_is_no_webhook(place: Place, path: str) -> None:
    assert (await place.ask(path), place.adapter.paths) == (404, [])


async def test_the_pages_are_there_beside_the_webhooks(place: Place) -> None:
    assert [(await call(place.app, path)).status for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
