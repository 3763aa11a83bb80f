"""What exists is written down: every topic, setting, route, event type, metric, command and lifecycle stands in a README."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from fastapi.routing import APIRoute
from prometheus_client.metrics import MetricWrapperBase
from starlette.routing import Route

from adapters.commands import app as connector
from adapters.settings import AdapterSettings
from hub import commands
from hub.__main__ import app as command_line
from hub.door import node_door
from hub.federation.inbox import InboxParts
from hub.federation.inbox import routes as inboxes
from hub.node_door.parts import Parts
from hub.operations.drawing import LIFECYCLES
from hub.settings import HubSettings, PersonSettings
from hub.site import site
from hub.storage.engine import engine_for
from schemas import topics
from schemas.facts import FACTS
from schemas.wire.egress import EgressSettings
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.wire.telemetry import Metric
from tests.fakes_hub import NOW, FakeStreams
from tests.fakes_published import InMemory
from tests.fakes_published import door as peers_door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_settings import BaseSettings

CLONE = Path(__file__).resolve().parents[2]
HUB = CLONE / "hub" / "README.md"
READMES = (CLONE / "README.md", *(CLONE / folder / "README.md" for folder in ("schemas", "adapters", "hub", "deploy")))
PAGES = sorted(
    str(path.relative_to(CLONE))
    for path in (
        *CLONE.glob("*.md"),
        *(found for folder in ("adapters", "deploy", "hub", "schemas") for found in (CLONE / folder).glob("*.md")),
    )
)
WRITTEN = "\n".join(path.read_text(encoding="utf-8") for path in READMES if path.exists())
SETTINGS: tuple[type[BaseSettings], ...] = (HubSettings, PersonSettings, AdapterSettings, KafkaSettings, TopicNames, EgressSettings)


def event_topics() -> Iterator[str]:
    yield from (topic.name for topic in topics.STATIC)
    yield from (topic.name for topic in topics.of_node("<id>"))


def variables() -> Iterator[str]:
    for settings in SETTINGS:
        prefix = str(settings.model_config["env_prefix"])
        yield from (prefix + name.upper() for name in settings.model_fields)


def routes() -> Iterator[str]:
    app = site(engine_for("postgresql://nobody@127.0.0.1:1/none"), HubSettings(), lambda: NOW, FakeStreams())
    yield from {route.path.replace(":path", "") for route in app.routes if isinstance(route, APIRoute)}
    door = node_door(Parts(None, None, None))  # type: ignore[arg-type]  # its routes are looked at, not used
    yield from {route.path for route in door.routes if isinstance(route, Route)}
    yield from (route.path for route in inboxes(InboxParts(None, None, None, None)))  # type: ignore[arg-type]  # as above
    yield from {route.path for route in peers_door(InMemory()).routes if isinstance(route, Route)}


def metrics() -> Iterator[str]:
    for metric in vars(Metric).values():
        if isinstance(metric, MetricWrapperBase):
            yield from (family.name for family in metric.describe())


def words_of(command: Any, name: str) -> Iterator[str]:
    """The whole names of the commands below a group; typer brings a click of its own, so its type has no name here."""
    children = getattr(command, "commands", {})
    if not children:
        yield name
    for child, below in children.items():
        yield from words_of(below, f"{name} {child}".strip())


def hub_commands() -> Iterator[str]:
    app = typer.Typer()
    commands.add_to(app)
    yield from words_of(typer.main.get_command(command_line), "")
    yield from words_of(typer.main.get_command(app), "")


def connector_commands() -> Iterator[str]:
    yield from words_of(typer.main.get_command(connector), "")


@pytest.mark.parametrize("topic", sorted(event_topics()))
def test_every_topic_is_written_down(topic: str) -> None:
    assert f"`{topic}`" in WRITTEN


@pytest.mark.parametrize("variable", sorted(set(variables())))
def test_every_setting_is_written_down(variable: str) -> None:
    """By its whole name, or without the prefix that all settings share."""
    assert f"`{variable}`" in WRITTEN or f"`{variable.removeprefix('TRAITDUNION_')}`" in WRITTEN


@pytest.mark.parametrize("route", sorted(routes()))
def test_every_route_is_written_down(route: str) -> None:
    assert re.search(rf"(?:GET|POST) {re.escape(route)}`", WRITTEN)


@pytest.mark.parametrize("event_type", sorted(FACTS))
def test_every_event_type_is_written_down(event_type: str) -> None:
    assert f"`{event_type}`" in WRITTEN


@pytest.mark.parametrize("metric", sorted(metrics()))
def test_every_metric_is_written_down(metric: str) -> None:
    assert re.search(rf"`{metric}(_total)?`", WRITTEN)


@pytest.mark.parametrize("command", sorted(hub_commands()))
def test_every_command_of_the_hub_is_written_down(command: str) -> None:
    assert re.search(rf"`traitdunion {command}[` ]", WRITTEN)


@pytest.mark.parametrize("command", sorted(connector_commands()))
def test_every_command_of_the_connectors_is_written_down(command: str) -> None:
    assert re.search(rf"`(traitdunion connector )?{command}[` ]", WRITTEN)


@pytest.mark.parametrize("name", sorted(LIFECYCLES))
def test_every_lifecycle_is_drawn_as_its_data_says(name: str) -> None:
    assert LIFECYCLES[name] in HUB.read_text(encoding="utf-8")


def test_readmes_end_with_dated_decisions() -> None:
    for path in READMES[1:]:
        last = path.read_text(encoding="utf-8").rpartition("\n## ")[2]
        assert re.search(r"\d{4}-\d{2}-\d{2}", last), path.parent.name


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_nothing_is_said_twice_as_a_merge_leaves_it(page: str) -> None:
    openings = Counter(line.strip()[:100] for line in (CLONE / page).read_text(encoding="utf-8").splitlines())
    assert [opening for opening, times in openings.items() if times > 1 and len(opening) == 100] == []


def test_no_threat_is_told_twice() -> None:
    threats = re.findall(r"^\| ([^|]+) \|", (CLONE / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(threats) == len(set(threats)), {one for one in threats if threats.count(one) > 1}
