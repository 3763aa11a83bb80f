"""The hub's long-lived processes, each started with its settings."""

from __future__ import annotations

import asyncio
import sys

import structlog
import uvloop

from hub.settings import HubSettings
from schemas.wire import at_rest, collector
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.wire.telemetry import configure_logs

log = structlog.get_logger()
LOST = 70  # exit code of a process that lost its database or broker, or does not find them: its supervisor starts it again
WITHOUT_DATABASE = ("fanout",)


def run_worker(group: str) -> None:
    """Run one worker group until it is told to stop; ends with a non-zero code when its work is in doubt."""
    collector.begin_to_load()
    from hub import worker

    settings, kafka_settings, names = HubSettings(), KafkaSettings(), TopicNames()
    configure_logs(f"worker.{group}", settings.log_level)
    at_rest.tell("kafka", kafka_settings.key_file)
    if group == "peers" and not (settings.federation_url and settings.federation_anchor):
        log.error("start_refused", missing="TRAITDUNION_FEDERATION_URL, TRAITDUNION_FEDERATION_ANCHOR")
        sys.exit(LOST)
    if group not in WITHOUT_DATABASE:
        _tell_of_the_hub(settings)
        asyncio.run(_resume(group, settings, kafka_settings, names))
    collector.loaded()
    uvloop.install()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = worker.application(group, settings, kafka_settings, names)
    try:
        worker.run(app, loop)
    except Exception as error:  # noqa: BLE001 - whatever ended the stream, what was not acknowledged is taken again
        log.error("worker_ends", error=type(error).__name__)  # noqa: TRY400 - no content in traces
        sys.exit(LOST)


def run_relay() -> None:
    """Run the relay until it is told to stop."""
    from hub import relay

    settings, kafka_settings = HubSettings(), KafkaSettings()
    configure_logs("relay", settings.log_level)
    at_rest.tell("kafka", kafka_settings.key_file)
    _tell_of_the_hub(settings)
    try:
        uvloop.run(relay.run(settings, kafka_settings, TopicNames()))
    except Exception as error:  # noqa: BLE001 - every error has the same answer: what was not marked is published again
        log.error("relay_ends", error=type(error).__name__)  # noqa: TRY400 - no content in traces
        sys.exit(LOST)


def run_site() -> None:
    """Serve the pages of people and the doors of machines."""
    import uvicorn

    from hub import site

    settings, kafka_settings = HubSettings(), KafkaSettings()
    configure_logs("site", settings.log_level)
    at_rest.tell("kafka", kafka_settings.key_file)
    _tell_of_the_hub(settings)
    app = site.application(settings, kafka_settings, TopicNames())
    uvicorn.run(
        app, host=settings.site_host, port=settings.site_port, log_config=None, access_log=False, server_header=False, proxy_headers=False
    )


def run_door() -> None:
    """Serve ministries without Kafka until told to stop."""
    from hub import door

    settings, kafka_settings = HubSettings(), KafkaSettings()
    configure_logs("door", settings.log_level)
    at_rest.tell("kafka", kafka_settings.key_file)
    if not settings.registry_anchor:
        log.error("start_refused", missing="TRAITDUNION_REGISTRY_ANCHOR")  # it never falls back on the private key
        sys.exit(LOST)
    collector.loaded()
    try:
        uvloop.run(door.run(settings, kafka_settings, TopicNames()))
    except Exception as error:  # noqa: BLE001 - whatever ended it, what was not acknowledged is sent again
        log.error("door_ends", error=type(error).__name__)  # noqa: TRY400 - no content in traces
        sys.exit(LOST)


def run_courier() -> None:
    """Bring activities to peers until told to stop."""
    from hub import courier

    settings, kafka_settings = HubSettings(), KafkaSettings()
    configure_logs("courier", settings.log_level)
    if not settings.federation_url:
        log.error("start_refused", missing="TRAITDUNION_FEDERATION_URL")
        sys.exit(LOST)
    _tell_of_the_federation(settings, kafka_settings)
    try:
        uvloop.run(courier.run(settings, kafka_settings, TopicNames()))
    except Exception as error:  # noqa: BLE001 - whatever ended it, what was not noted as done is posted again
        log.error("courier_ends", error=_named(error))  # noqa: TRY400 - no content in traces
        sys.exit(LOST)


def _named(error: Exception) -> str:
    """The error's type; of several that ended together, the first one's."""
    return _named(error.exceptions[0]) if isinstance(error, ExceptionGroup) else type(error).__name__


def run_peer_door() -> None:
    """Serve other servers until told to stop."""
    from hub import peer_door
    from schemas.keys import KeyMalformed

    settings, kafka_settings = HubSettings(), KafkaSettings()
    configure_logs("peer-door", settings.log_level)
    if not settings.federation_url:
        log.error("start_refused", missing="TRAITDUNION_FEDERATION_URL")
        sys.exit(LOST)
    _tell_of_the_federation(settings, kafka_settings)
    try:
        ring = peer_door.our_ring(settings)
    except (OSError, KeyMalformed) as error:
        log.error("start_refused", missing="TRAITDUNION_FEDERATION_KEY", error=type(error).__name__)  # noqa: TRY400 - as below
        sys.exit(LOST)
    collector.loaded()
    try:
        uvloop.run(peer_door.run(settings, ring, kafka_settings, TopicNames()))
    except Exception as error:  # noqa: BLE001 - whatever ended it, what was not acknowledged is sent again
        log.error("peer_door_ends", error=_named(error))  # noqa: TRY400 - no content in traces
        sys.exit(LOST)


def _tell_of_the_hub(settings: HubSettings) -> None:
    """Whether the hub's own key, or the one that follows it, lies in clear."""
    from hub import bootstrap

    files = bootstrap.hub_files(settings)
    at_rest.tell("hub", files.now, files.next)


def _tell_of_the_federation(settings: HubSettings, kafka_settings: KafkaSettings) -> None:
    """The same for the pair by which we sign for other servers, and for the key of our certificate."""
    from hub.federation.pair_files import PairFiles
    from schemas.wire.egress import EgressSettings

    files = PairFiles.of(settings)
    at_rest.tell("kafka", kafka_settings.key_file)
    at_rest.tell("egress", EgressSettings().key_file)
    at_rest.tell("federation", files.ed25519, files.rsa, files.next_ed25519, files.next_rsa)


async def _resume(group: str, settings: HubSettings, kafka_settings: KafkaSettings, names: TopicNames) -> None:
    """Bring the group back to where its database is; ends the process where database or broker cannot tell."""
    from aiokafka.errors import KafkaError
    from sqlalchemy.exc import SQLAlchemyError

    from hub import bootstrap
    from hub.operations import groups
    from hub.storage import offsets

    database = bootstrap.engine(settings)

    async def stored() -> dict[tuple[str, int], int]:
        async with database.connect() as connection:
            return await offsets.stored(connection, group)

    try:
        moved = await groups.rewind(kafka_settings, names.group(f"worker.{group}"), stored)
    except (OSError, TimeoutError, SQLAlchemyError, KafkaError, groups.GroupInUse) as error:
        log.error("start_refused", group=group, error=type(error).__name__)  # noqa: TRY400 - no content in traces
        sys.exit(LOST)
    else:
        log.info("offsets_checked", group=group, moved=moved)
    finally:
        await database.dispose()
