"""Logs without content, and the metrics and health pages of every process."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

from schemas.wire.hushed import Hushed, JsonLines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from structlog.typing import Processor

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 3600)


class Metric:
    """Every metric's name, declared once."""

    webhooks = Counter("traitdunion_webhooks_total", "Webhooks by outcome.", ["instance", "outcome"])
    unused = Counter("traitdunion_unused_total", "Event types that we do not use.", ["platform", "type"])
    contract_drift = Counter(
        "traitdunion_contract_drift_total", "What a vendor's payloads hold that we do not know.", ["platform", "version", "what", "name"]
    )
    published = Counter("traitdunion_published_total", "Events published by an adapter.", ["instance", "type"])
    spooled = Gauge("traitdunion_spool_records", "Changes that wait in the ledger's spool.", ["instance"])
    echoes = Counter("traitdunion_echoes_total", "Own writes that came back and were dropped.", ["instance"])
    writes = Counter("traitdunion_writes_total", "Deliveries by verdict.", ["instance", "verdict"])
    attempts = Counter("traitdunion_write_attempts_total", "HTTP calls into an RSE by outcome.", ["instance", "outcome"])
    paused = Gauge("traitdunion_writer_paused", "1 while the writer waits for its RSE.", ["instance"])
    rse_calls = Counter("traitdunion_rse_calls_total", "HTTP calls that an RSE answered, by kind of call.", ["instance", "kind"])
    rse_limited = Counter("traitdunion_rse_limited_total", "HTTP calls that an RSE refused as too many.", ["instance", "kind"])
    rse_pace = Gauge(
        "traitdunion_rse_pace", "Calls per second that an RSE takes, as learned; NaN while no limit is felt.", ["instance", "kind"]
    )
    rse_waited = Counter("traitdunion_rse_waited_seconds_total", "Time that calls waited for their turn.", ["instance", "kind"])
    looks = Counter("traitdunion_looks_total", "Looks at polled spaces by outcome.", ["instance", "outcome"])
    recovered = Counter("traitdunion_recovered_total", "What a platform could not tell and was asked, by outcome.", ["instance", "outcome"])
    losses = Gauge("traitdunion_losses_waiting", "What a platform could not tell that is still to be asked for.", ["instance"])
    rosters = Counter(
        "traitdunion_rosters_total", "Times that an RSE was asked who takes part in a space, by outcome.", ["instance", "outcome"]
    )
    set_back = Gauge(
        "traitdunion_objects_set_back",
        "Objects on which an RSE fails while it answers for others; tried again later.",
        ["instance", "work"],
    )
    late = Gauge("traitdunion_poll_late_seconds", "How overdue the polled space is that was looked at longest ago.", ["instance"])
    ended = Counter("traitdunion_ties_ended_total", "Ties that the RSE ended, by reason.", ["node", "reason"])
    notices = Counter("traitdunion_notices_total", "Notices to the people of an RSE by kind and outcome.", ["instance", "kind", "outcome"])
    backfilled = Counter("traitdunion_backfilled_total", "Messages of before a tie by what became of them.", ["instance", "outcome"])
    to_backfill = Gauge("traitdunion_to_backfill_messages", "Messages of before a tie that are still to be brought.", ["instance"])
    resent = Counter("traitdunion_resent_total", "Numbers sent again to a node that missed them, by what was sent.", ["node", "what"])
    to_resend = Gauge("traitdunion_to_resend_numbers", "Numbers still to be sent again to a node that missed them.", ["node"])
    awaited = Gauge("traitdunion_resyncs_awaited", "Communities of which a node missed something and awaits it.", ["instance"])
    records = Counter("traitdunion_records_total", "Records by group, node and outcome.", ["group", "node", "outcome"])
    dead_letters = Counter("traitdunion_dead_letters_total", "Dead letters by topic and reason.", ["topic", "reason"])
    open_reports = Gauge("traitdunion_open_reports", "Reports of edited or withdrawn copies that nobody has closed yet.", ["community"])
    quarantined = Gauge("traitdunion_node_quarantined", "1 while a node is quarantined.", ["node"])
    peer_quarantined = Gauge("traitdunion_peer_quarantined", "1 while a peer is quarantined.", ["peer"])
    lag = Gauge("traitdunion_lag_records", "Records not yet consumed.", ["group", "topic"])
    oldest = Gauge("traitdunion_oldest_unprocessed_seconds", "Age of the oldest unprocessed event.", ["stage"])
    hop = Histogram("traitdunion_hop_seconds", "Time from an event's admission to a hop.", ["hop"], buckets=LATENCY_BUCKETS)
    door = Counter(
        "traitdunion_door_requests_total", "Requests at the node door by route, proved node and outcome.", ["route", "node", "outcome"]
    )
    manifest_expires = Gauge(
        "traitdunion_manifest_expires_days", "Days until a node's or peer's accepted manifest expires; negative once it has.", ["subject"]
    )
    registry_expires = Gauge("traitdunion_registry_expires_days", "Days until the registry in hand expires; negative once it has.")
    peer_registry_expires = Gauge(
        "traitdunion_peer_registry_expires_days",
        "Days until another Trait d'union's registry, as it was read last, expires; negative once it has.",
        ["peer"],
    )
    fetches = Counter("traitdunion_fetches_total", "Requests to other servers by method and outcome.", ["method", "outcome"])
    peer_keys = Counter("traitdunion_peer_keys_total", "Keys of other servers' actors that were asked for, by outcome.", ["outcome"])
    peer_door = Counter("traitdunion_peer_door_requests_total", "Requests at the peers' door by route and outcome.", ["route", "outcome"])
    inbox = Counter(
        "traitdunion_inbox_requests_total", "Activities at the peers' door by proved server, type and outcome.", ["peer", "type", "outcome"]
    )
    external = Counter(
        "traitdunion_external_total", "What became of peers' activities, by server, act and outcome.", ["peer", "act", "outcome"]
    )
    peer_posts = Counter("traitdunion_peer_posts_total", "Activities brought to a peer, by what became of them.", ["peer", "outcome"])
    peer_resent = Counter(
        "traitdunion_peer_resent_total",
        "Activities brought again to a peer that had not taken them, by what became of them.",
        ["peer", "outcome"],
    )
    peer_failing = Gauge("traitdunion_peer_failing_seconds", "How long a peer has taken nothing that is for it; 0 while it does.", ["peer"])
    peer_receipts = Counter(
        "traitdunion_peer_receipts_total", "Words of other Trait d'union on what became of an activity there, by fate.", ["peer", "fate"]
    )
    peer_unacknowledged = Gauge(
        "traitdunion_peer_unacknowledged_seconds",
        "Age of the oldest activity that a Trait d'union took within a day without a word; 0 if none.",
        ["peer"],
    )
    peer_silent = Gauge(
        "traitdunion_peer_silent_seconds",
        "Age of the oldest activity that a Trait d'union took more than a day ago without a word; 0 if none.",
        ["peer"],
    )
    peers_by_state = Gauge("traitdunion_peers", "Peers by state of their circuit breaker.", ["state"])
    peers_behind = Gauge("traitdunion_peers_behind", "Peers that catch up alone, or wait to.")
    federation_pairs = Gauge("traitdunion_federation_pairs", "Pairs by which we sign for other servers, by what each is now.", ["state"])
    federation_pairs_missing = Gauge("traitdunion_federation_pairs_missing", "Pairs that the registry names and our files do not hold.")
    doubtful = Gauge("traitdunion_doubtful_objects", "Messages and the like, signed or vouched for by a key that was in other hands.")
    hub_keys_missing = Gauge("traitdunion_hub_keys_missing", "Keys of the hub that the registry names and our files do not hold.")
    keys_in_clear = Gauge("traitdunion_keys_in_clear", "Files of private keys in clear among those that a process reads.", ["whose"])
    check_failing = Gauge("traitdunion_check_failing", "1 while a check of the process's /readyz fails.", ["check"])
    unknown_fields = Counter("traitdunion_unknown_fields_total", "Fields that our models do not know.", ["type"])


def _line_of(process: str) -> Processor:
    """One line of JSON, in one step: a door says one for each request. `json.dumps` would make an encoder for each."""

    def line(_: object, level: str, said: MutableMapping[str, Any]) -> str:
        said["process"], said["level"], said["timestamp"] = process, level, datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return _ENCODER.encode(said)

    return line


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr)


def configure_logs(process: str, level: str = "INFO") -> None:
    """JSON lines on standard error; no content, no name, no address of a person may be given to a logger."""
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            _line_of(process),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(JsonLines())
    libraries.addFilter(Hushed())
    logging.basicConfig(level=logging.WARNING, handlers=[libraries])


@dataclass
class Health:
    """Whether a process lives and can do its work; checks are named and answer True when well."""

    checks: dict[str, Callable[[], bool]] = field(default_factory=dict)

    def failing(self) -> list[str]:
        """Names of the checks that fail now."""
        return [name for name, well in self.checks.items() if not well()]

    def show(self) -> None:
        """Show by the metric how each check stands: Prometheus asks for the metrics alone, and no alert could see `/readyz`."""
        failing = self.failing()
        for name in self.checks:
            Metric.check_failing.labels(name).set(name in failing)


def exposition() -> tuple[bytes, str]:
    """The Prometheus page: body and content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


def pages(health: Health) -> Mapping[str, Any]:
    """`/metrics`, `/healthz` and `/readyz` as aiohttp handlers, for processes that serve no other page."""

    async def metrics(_: web.Request) -> web.Response:
        health.show()
        body, content_type = exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        failing = health.failing()
        return web.json_response({"status": "failing" if failing else "ok", "failing": failing}, status=503 if failing else 200)

    return {"/metrics": metrics, "/healthz": healthz, "/readyz": readyz}


async def serve(health: Health, host: str, port: int) -> web.AppRunner:
    """Serve the three pages; the caller cleans the runner up."""
    app = web.Application()
    app.add_routes([web.get(path, handler) for path, handler in pages(health).items()])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def address(runner: web.AppRunner) -> str:
    """Where the pages are served, `host:port`: with port 0 only the process itself knows."""
    host, port = runner.addresses[0][:2]
    return f"{host}:{port}"
