"""The hub's long-lived processes, each started with its settings."""

from __future__ import annotations

import asyncio
import sys

import structlog
import uvloop

from hub import bootstrap
from hub.settings import HubSettings
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.wire.telemetry import configure_logs

log = structlog.get_logger()


def run_worker(group: str) -> None:
    """Run one worker group until it is told to stop; ends with a non-zero code when its work is in doubt."""
    import faust

    from hub import worker

    settings, kafka_settings, names = HubSettings(), KafkaSettings(), TopicNames()
    configure_logs(f"worker.{group}", settings.log_level)
    asyncio.run(_resume(group, settings, kafka_settings, names))
    uvloop.install()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = worker.application(group, settings, kafka_settings, names)
    faust.Worker(app, loglevel="WARNING", loop=loop, override_logging=False, redirect_stdouts=False, quiet=True).execute_from_commandline()


def run_relay() -> None:
    """Run the relay until it is told to stop."""
    from hub import relay

    settings = HubSettings()
    configure_logs("relay", settings.log_level)
    uvloop.run(relay.run(settings, KafkaSettings(), TopicNames()))


def run_site() -> None:
    """Serve the pages of people and the doors of machines."""
    import uvicorn

    from hub import site

    settings = HubSettings()
    configure_logs("site", settings.log_level)
    app = site.application(settings, KafkaSettings(), TopicNames())
    uvicorn.run(
        app, host=settings.site_host, port=settings.site_port, log_config=None, access_log=False, server_header=False, proxy_headers=False
    )


async def _resume(group: str, settings: HubSettings, kafka_settings: KafkaSettings, names: TopicNames) -> None:
    from aiokafka.errors import KafkaError

    from hub.operations import groups
    from hub.storage import offsets

    if group == "fanout":
        return  # it keeps nothing in the database
    database = bootstrap.engine(settings)
    try:
        async with database.connect() as connection:
            wanted = await offsets.stored(connection, group)
        moved = await groups.rewind(kafka_settings, names.group(f"worker.{group}"), wanted)
    except KafkaError as error:
        log.info("offsets_left_alone", group=group, error=type(error).__name__)  # members are alive, and hold their places
    except OSError as error:
        sys.exit(f"la base de données ou le courtier ne répond pas : {error}")
    else:
        log.info("offsets_checked", group=group, moved=moved)
    finally:
        await database.dispose()
