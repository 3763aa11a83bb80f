"""What a running connector has seen, asked of its own metrics: how fast each RSE may be called, and how its payloads drift."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.settings import AdapterSettings

TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
CALLS, LIMITED = "traitdunion_rse_calls_total", "traitdunion_rse_limited_total"
WAITED, PACE = "traitdunion_rse_waited_seconds_total", "traitdunion_rse_pace"
DRIFT = "traitdunion_contract_drift_total"
FRENCH = {"field": "champ", "type": "type", "value": "valeur"}
Samples = dict[tuple[str, ...], float]


class GatewaySilent(ConnectionError):
    """No connector answers at the gateway's address."""


async def exposition(settings: AdapterSettings) -> str:
    """The metrics page of the running process. Raises GatewaySilent."""
    url = f"http://{settings.gateway_host}:{settings.gateway_port}/metrics"
    try:
        async with aiohttp.ClientSession(trust_env=False, timeout=TIMEOUT) as session, session.get(url) as response:
            return await response.text()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise GatewaySilent(url) from error


def paces(page: str) -> list[str]:
    """A line per instance and kind of call that was made."""
    calls, limited, waited, pace = (_samples(page, name, ("instance", "kind")) for name in (CALLS, LIMITED, WAITED, PACE))
    made = sorted(key for key, count in calls.items() if count)
    return [_pace(key, calls, limited, waited, pace) for key in made] or ["Aucun appel."]


def drifts(page: str) -> list[str]:
    """A line per thing that is not known, by platform and version; the most frequent first."""
    found = _samples(page, DRIFT, ("platform", "version", "what", "name"))
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [
        f"{platform} {version} : {FRENCH.get(what, what)} {name}, {count:.0f} fois" for (platform, version, what, name), count in ordered
    ] or ["Rien que nos modèles ne connaissent."]


def _pace(key: tuple[str, ...], calls: Samples, limited: Mapping[tuple[str, ...], float], waited: Samples, pace: Samples) -> str:
    instance, kind = key
    rate = pace.get(key, math.nan)
    felt = "aucune limite sentie" if math.isnan(rate) else f"{60 * rate:.1f} appels par minute"
    return (
        f"{instance} {kind} : {felt} ; {calls[key]:.0f} appels, {limited.get(key, 0):.0f} de trop "
        f"({1000 * limited.get(key, 0) / calls[key]:.1f} ‰), {waited.get(key, 0):.0f} s d'attente"
    )


def _samples(page: str, name: str, labels: tuple[str, ...]) -> Samples:
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }
