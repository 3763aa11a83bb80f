"""What Prometheus and Grafana ask for exists, and every metric that we declare stands on the dashboard."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from adapters.door import DoorTransport
from adapters.kafka_transport import KafkaTransport
from adapters.settings import AdapterSettings
from hub.__main__ import FEDERATION, GROUPS, PEERS
from hub.settings import HubSettings
from hub.supervisor import hub_children
from schemas.wire.telemetry import Metric
from schemas.words import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "traitdunion.json").read_text(encoding="utf-8"))
PROMETHEUS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))

SELECTED = re.compile(r"(?P<sample>\btraitdunion_\w+)(?:\{(?P<matchers>[^}]*)\})?")
TARGETS_OWN = {"job", "le"}  # what a scrape and a histogram's buckets add to the labels that we declare
COUNTED = re.compile(r"\b(?:rate|increase)\($")
COMPARED = re.compile(r"^ (?:unless traitdunion|offset \d)")  # with itself some time ago: how a series that has just appeared is found


@dataclass(frozen=True)
class Declared:
    """A sample that a process of ours exposes."""

    metric: str
    kind: str
    labels: frozenset[str]


def declared() -> dict[str, Declared]:
    """Sample name → what was declared; a histogram has three."""
    found: dict[str, Declared] = {}
    for metric in vars(Metric).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}[family.type]
            told = Declared(family.name, family.type, frozenset(metric._labelnames))
            found |= {family.name + ending: told for ending in endings}
    return found


SAMPLES = declared()


def rules() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def drawn() -> Iterator[tuple[str, str, str]]:
    """Where a query stands, the query, and its legend or sentence."""
    for panel in panels():
        yield from ((panel["title"], target["expr"], target["legendFormat"]) for target in panel["targets"])


def alerted() -> Iterator[tuple[str, str, str]]:
    yield from ((rule["alert"], rule["expr"], " ".join(rule["annotations"].values())) for rule in rules())


QUERIES = [*drawn(), *alerted()]
every_query = pytest.mark.parametrize(("query", "words"), [query[1:] for query in QUERIES], ids=[query[0] for query in QUERIES])


def kept(query: str) -> set[str] | None:
    """The labels that are left of an aggregation; None where nothing is aggregated."""
    by = re.findall(r"\bby \(([^)]*)\)", query)
    return {label.strip() for labels in by for label in labels.split(",")} if by or re.search(r"\b(sum|max|count)\(", query) else None


@every_query
def test_a_query_names_metrics_that_exist_and_labels_that_they_have(query: str, words: str) -> None:
    assert query.count("(") == query.count(")")
    labels: set[str] = set()
    for found in SELECTED.finditer(query):
        assert found["sample"] in SAMPLES, found["sample"]
        matched = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", found["matchers"] or ""))
        labels |= SAMPLES[found["sample"]].labels | TARGETS_OWN
        assert matched <= labels
    assert (kept(query) or set()) <= labels | TARGETS_OWN
    left = kept(query)
    told = set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", words))
    assert told <= ((labels or TARGETS_OWN) if left is None else left)


@every_query
def test_counters_are_read_as_rates_and_gauges_as_they_stand(query: str, words: str) -> None:
    assert words
    for found in SELECTED.finditer(query):
        counted = COUNTED.search(query[: found.start()]) or COMPARED.search(query[found.end() :])
        assert bool(counted) is (SAMPLES[found["sample"]].kind != "gauge"), found["sample"]


def test_the_first_event_of_a_kind_raises_its_alert() -> None:
    rising = [rule["expr"] for rule in rules() if "increase(" in rule["expr"]]
    assert rising
    for expr in rising:
        (sample, selected), *others = SELECTED.findall(expr)
        assert others == [(sample, selected)] * 2
        assert " unless " in expr


@pytest.mark.parametrize("metric", sorted({told.metric for told in SAMPLES.values()}))
def test_every_metric_stands_on_the_dashboard(metric: str) -> None:
    assert any(SAMPLES[found["sample"]].metric == metric for _, query, _ in drawn() for found in SELECTED.finditer(query))


def test_latency_is_drawn_for_the_median_and_the_slowest_hundredth_of_each_hop() -> None:
    quantiles = {found[1] for _, query, _ in drawn() if (found := re.match(r"histogram_quantile\(([\d.]+), sum by \(le, hop", query))}
    assert quantiles == {"0.5", "0.99"}


def test_every_panel_has_a_place_of_its_own_a_title_a_sentence_and_a_unit() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in panels())


def test_the_dashboard_asks_the_source_that_its_reader_chooses() -> None:
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "datasource"] == ["datasource"]
    sources = [panel["datasource"] for panel in panels()] + [target["datasource"] for panel in panels() for target in panel["targets"]]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_an_alert_has_a_name_of_its_own_a_severity_and_two_sentences() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    assert all(rule["labels"]["severity"] in {"page", "ticket"} for rule in rules())
    assert all(rule["annotations"].keys() == {"summary", "description"} for rule in rules())


def test_alerts_name_verdicts_that_exist() -> None:
    named = {verdict for rule in rules() for verdict in re.findall(r'verdict="(\w+)"', rule["expr"])}
    assert named
    assert named <= {verdict.value for verdict in Verdict}


def alert(name: str) -> str:
    return str(next(rule["expr"] for rule in rules() if rule["alert"] == name))


def test_a_slow_rse_calls_nobody_from_bed() -> None:
    for name in ("TraitdunionEventsWait", "TraitdunionHopSlow"):
        assert re.search(r'stage!~"writer\\\\\.\.\*"|hop!="written"', alert(name)), name


def test_a_process_that_is_restarted_without_end_calls_somebody() -> None:
    assert alert("TraitdunionProcessRestarts").startswith("changes(process_start_time_seconds{job=~")
    assert REGISTRY.get_sample_value("process_start_time_seconds")
    for name in ("TraitdunionNotReady", "TraitdunionEventsWait"):  # what begins anew with each start is never seen for minutes at a stretch
        assert "min_over_time(" in alert(name), name


def test_the_alert_explains_every_check_of_every_process() -> None:
    root = DEPLOY.parent
    checks = {"ledger", *(transport.name for transport in (KafkaTransport, DoorTransport))}
    for path in [*(root / "hub").glob("*.py"), root / "adapters" / "assembly.py"]:
        for said in re.findall(
            r"(?:Health\(\s*|health\.checks \|= )\{([^}]*)\}|health\.checks\[([^\]]*)\]", path.read_text(encoding="utf-8")
        ):
            checks |= set(re.findall(r'"(\w+)"', " ".join(said)))
    assert {"lock", "registry", "stream", "keys"} <= checks
    told = next(rule["annotations"]["description"] for rule in rules() if rule["alert"] == "TraitdunionNotReady")
    assert set(re.findall(r"« (\w+) »", told)) == checks


def test_whatever_the_gateway_answers_503_to_raises_an_alert() -> None:
    apart, gateway = ((DEPLOY.parent / "adapters" / name).read_text(encoding="utf-8") for name in ("apart.py", "gateway.py"))
    named = set(re.findall(r'NotStored\("(\w+)"\)|return "(ledger_\w+)"|FAILED: Final = "(\w+)"', apart)) | set(
        re.findall(r'Problem\(503, "(\w+)"()()', gateway)
    )
    reasons = {reason for found in named for reason in found if reason}
    assert reasons == {"spool_full", "ledger_unavailable", "admission_failed", "gateway_busy"}
    assert set(re.findall(r'outcome=~"([^"]+)"', alert("TraitdunionWebhooksNotStored"))[0].split("|")) == reasons


def test_who_does_not_federate_is_told_which_targets_to_take_away() -> None:
    told = (DEPLOY / "EXPLOITER.md").read_text(encoding="utf-8")
    ports = re.findall(r"127\.0\.0\.1:(\d+)\"\] # federation", (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert len(ports) == len(FEDERATION)
    assert all(port in told for port in ports)


def test_prometheus_asks_the_ports_that_up_gives_its_processes() -> None:
    targets = {
        job["job_name"]: [target for told in job["static_configs"] for target in told["targets"]] for job in PROMETHEUS["scrape_configs"]
    }
    first = int(targets["traitdunion-worker"][0].rpartition(":")[2])
    given = {
        child.name: f"127.0.0.1:{child.environment['TRAITDUNION_METRICS_PORT']}"
        for child in hub_children(GROUPS, first, FEDERATION)
        if child.environment
    }
    assert targets["traitdunion-worker"] == [given[f"worker-{group}"] for group in (*GROUPS, PEERS)]
    for name in ("relay", "door", "peer-door", "courier"):
        assert targets[f"traitdunion-{name}"] == [given[name]]
    assert targets["traitdunion-site"] == [f"127.0.0.1:{HubSettings.model_fields['site_port'].default}"]
    assert targets["traitdunion-gateway"] == [f"127.0.0.1:{AdapterSettings.model_fields['gateway_port'].default}"]
    assert f"TRAITDUNION_METRICS_PORT={first}" in (DEPLOY / "README.md").read_text(encoding="utf-8")


def test_up_leaves_each_process_its_free_port_where_none_is_named() -> None:
    assert not any(child.environment for child in hub_children(GROUPS, 0, FEDERATION))


def test_prometheus_reads_the_alerts_and_keeps_our_label_instance() -> None:
    assert [(DEPLOY / "prometheus" / name).is_file() for name in PROMETHEUS["rule_files"]] == [True]
    assert all(job["honor_labels"] is True for job in PROMETHEUS["scrape_configs"])
    assert all(
        target.startswith("127.0.0.1:")
        for job in PROMETHEUS["scrape_configs"]
        for told in job["static_configs"]
        for target in told["targets"]
    )
    jobs = {job["job_name"] for job in PROMETHEUS["scrape_configs"]}
    assert jobs == {f"traitdunion-{process}" for process in ("gateway", "site", "worker", "relay", "door", "peer-door", "courier")}
