"""What watches over docker-compose.yml's processes: health checks, Prometheus, Grafana, and the addresses they ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.routing import Route

from adapters.discourse.twin import server as discourse_twin
from adapters.exo.twin import server as exo_twin
from adapters.gateway import application as gateway
from adapters.matrix.twin import server as matrix_twin
from deploy.demo import cast
from hub.settings import HubSettings
from hub.site import site
from hub.storage.engine import engine_for
from schemas.wire.telemetry import Health, pages
from tests.fakes_compose import CLONE, Service, read, services
from tests.fakes_hub import NOW, FakeStreams

FILE = read()
ALL = services()
OURS = {name: found for name, found in ALL.items() if found.ours}
LASTING = {name: found for name, found in OURS.items() if not found.once}
PROMETHEUS: dict[str, Any] = yaml.safe_load((CLONE / "deploy" / "prometheus" / "compose.yml").read_text(encoding="utf-8"))


def targets() -> list[str]:
    return [target for job in PROMETHEUS["scrape_configs"] for told in job["static_configs"] for target in told["targets"]]


def routes(service: Service) -> set[str]:
    """The pages that the process of a service has."""
    match service.commands[0]:
        case ["traitdunion", "worker" | "relay" | "door" | "peer-door" | "courier", *_]:
            return set(pages(Health()))
        case ["traitdunion", "site"]:
            app = site(engine_for("postgresql://nobody@127.0.0.1:1/none"), HubSettings(), lambda: NOW, FakeStreams())
            return {route.path for route in app.routes if isinstance(route, Route)}
        case ["python", "-m", "adapters", "run"]:
            return {route.path for route in gateway({}, Health()).routes if isinstance(route, Route)}
        case ["python", "-m", "adapters.matrix.twin", *_]:
            return set(re.findall(r'web\.get\("([^"]+)"', Path(matrix_twin.__file__).read_text(encoding="utf-8")))
        case ["python", "-m", "adapters.discourse.twin", *_]:
            return set(re.findall(r'web\.get\("([^"]+)"', Path(discourse_twin.__file__).read_text(encoding="utf-8")))
        case ["python", "-m", "adapters.exo.twin", *_]:
            return set(re.findall(r'web\.get\("([^"]+)"', Path(exo_twin.__file__).read_text(encoding="utf-8")))
        case unknown:
            raise AssertionError(unknown)


def port(service: Service) -> str:
    """Where the process of a service listens, by what it is told."""
    words = dict(word.removeprefix("--").split("=", 1) for word in service.commands[0] if word.startswith("--") and "=" in word)
    ports = (service.environment.get(f"TRAITDUNION_{name}_PORT") for name in ("SITE", "GATEWAY", "METRICS"))
    return words.get("port") or next(told for told in ports if told)


@pytest.mark.parametrize("service", LASTING.values(), ids=LASTING.keys())
def test_a_health_check_asks_a_page_that_the_process_has_where_it_listens(service: Service) -> None:
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", service.health or "")
    assert found
    assert found[1] == port(service)
    assert found[2] in routes(service)


@pytest.mark.parametrize("service", LASTING.values(), ids=LASTING.keys())
def test_what_is_asked_from_another_container_listens_beyond_its_own_loopback(service: Service) -> None:
    told = [value for name, value in service.environment.items() if name.endswith("_HOST")]
    told += [word.partition("=")[2] for word in service.commands[0] if word.startswith("--host=")]
    assert told
    assert set(told) == {"0.0.0.0"}  # noqa: S104 - inside a container, whose port is published to the loopback at most


def test_addresses_name_services_that_listen_there_on_a_network_that_both_have() -> None:
    heard = {"kafka": {"9092"}, "postgres": {"5432"}} | {name: {port(service)} for name, service in LASTING.items()}
    for service in OURS.values():
        for text in [*service.environment.values(), *service.commands[0]]:
            for name, number in re.findall(r"(?<![\w-])([a-z][a-z-]+):(\d{4})\b", text):
                assert number in heard[name], (service.name, text)
                shared = set(service.said.get("networks", [])) & set(ALL[name].said["networks"])
                assert shared or service.name in {name, "vault"}, (service.name, name)


def test_a_notice_leads_people_to_a_page_that_their_browsers_reach() -> None:
    (published,) = ALL["site"].said["ports"]
    led = {service.environment.get("TRAITDUNION_ABOUT_URL") for name, service in OURS.items() if name.startswith("connector-")}
    assert led == {f"http://{published.rpartition(':')[0]}/comprendre"}
    assert "/comprendre" in routes(ALL["site"])


def test_the_vault_tells_each_connector_its_own_rse_and_each_rse_its_own_connector() -> None:
    words = ALL["vault"].commands[0]
    for ministry in cast.MINISTRIES:
        node = ministry.node
        assert f"--rse={node}=http://twin-{node}:{port(ALL[f'twin-{node}'])}" in words
        assert f"--gateway={node}=http://connector-{node}:{port(ALL[f'connector-{node}'])}" in words


def test_prometheus_asks_every_process_of_ours_but_the_twins_where_it_listens() -> None:
    asked = [name for name in LASTING if not name.startswith("twin-")]
    assert sorted(targets()) == sorted(f"{name}:{port(LASTING[name])}" for name in asked)
    networks = set(ALL["prometheus"].said["networks"])
    assert all(networks & set(LASTING[name].said["networks"]) for name in asked)
    assert all(job["honor_labels"] is True for job in PROMETHEUS["scrape_configs"])


def test_prometheus_asks_the_same_jobs_and_ports_in_containers_as_elsewhere() -> None:
    elsewhere = yaml.safe_load((CLONE / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))

    def ports(told: dict[str, Any]) -> dict[str, set[str]]:
        return {
            job["job_name"]: {target.rpartition(":")[2] for config in job["static_configs"] for target in config["targets"]}
            for job in told["scrape_configs"]
        }

    assert ports(PROMETHEUS) == ports(elsewhere)
    (shown,) = [job["authorization"]["credentials_file"] for job in PROMETHEUS["scrape_configs"] if "authorization" in job]
    assert shown.startswith(tuple(mount.target for mount in ALL["prometheus"].mounts))


def test_grafana_is_given_the_source_and_the_dashboard_that_are_there() -> None:
    folder = CLONE / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources.yml").read_text(encoding="utf-8"))["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards.yml").read_text(encoding="utf-8"))["providers"]
    name, _, number = source["url"].removeprefix("http://").partition(":")
    assert f":{number}/" in ALL[name].said["healthcheck"]["test"][-1]
    given = {config["source"]: config["target"] for config in ALL["grafana"].said["configs"]}
    assert given["dashboard"].startswith(provider["options"]["path"])
    assert FILE["configs"]["dashboard"]["file"] == "deploy/grafana/traitdunion.json"
