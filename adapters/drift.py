"""What a vendor's payloads hold that our models do not know: counted by platform and version, named once, never a value.

Who writes a payload may invent names without end (a room's member does, a plugin may): so few names and versions have a place of their
own in the metrics, and all others share one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog

from adapters.port import Nonsense, Strange, What
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic import BaseModel

    from adapters.port import Outcome

NAMES = 50
VERSIONS = 8
OTHER = "other"
UNTOLD = "?"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,79}")
_PRODUCT = re.compile(r"(?:Discourse|Synapse)/([0-9A-Za-z][0-9A-Za-z.+-]{0,30})")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,30}")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields that an object may have, and the shapes of those that are objects or lists of them."""

    fields: frozenset[str]
    inner: Mapping[str, Shape] = field(default_factory=dict)


def shape(model: type[BaseModel], unused: Iterable[str] = (), **inner: Shape) -> Shape:
    """What a model reads, what is known and not read, and the shapes of its parts."""
    read = (said.alias or name for name, said in model.model_fields.items())
    return Shape(frozenset((*read, *unused)), inner)


def unknown_fields(document: Any, known: Shape, where: str) -> Iterator[Strange]:
    """Fields of a payload, and of its parts, that no shape knows: `post.new_field`."""
    if not isinstance(document, dict):
        return
    for name in document.keys() - known.fields:
        yield Strange(What.FIELD, f"{where}.{name}")
    for name, inner in known.inner.items():
        found = document.get(name)
        for one in found if isinstance(found, list) else (found,):
            yield from unknown_fields(one, inner, f"{where}.{name}")


def changed_values(outcomes: Sequence[Outcome]) -> Iterator[Strange]:
    """Fields whose values were not of the type that our models read: such a payload is a dead letter besides."""
    for outcome in outcomes:
        if isinstance(outcome, Nonsense) and outcome.reason.endswith("_malformed"):
            for name in outcome.detail.split(", "):
                yield Strange(What.VALUE, f"{outcome.reason.removesuffix('_malformed')}.{name}")


def version_in(user_agent: str) -> str:
    """The version that a platform tells in its `User-Agent`: Discourse's webhooks and Synapse's transactions do."""
    found = _PRODUCT.match(user_agent)
    return found[1] if found else UNTOLD


class Drift:
    """What was strange in this process's life; each name is logged the first time that it comes."""

    def __init__(self, names: int = NAMES, versions: int = VERSIONS) -> None:
        self._most_names, self._most_versions = names, versions
        self._names: dict[tuple[str, What], set[str]] = {}
        self._versions: dict[str, set[str]] = {}

    def notice(self, platform: str, version: str, stranges: Iterable[Strange]) -> None:
        """Count what is strange in one payload."""
        for strange in stranges:
            name, told = self._name(platform, strange), self._version(platform, version)
            Metric.contract_drift.labels(platform, told, strange.what.value, name).inc()

    def _name(self, platform: str, strange: Strange) -> str:
        known = self._names.setdefault((platform, strange.what), set())
        name = strange.name if _NAME.fullmatch(strange.name) else OTHER
        if name not in known:
            name = name if len(known) < self._most_names else OTHER
            if name not in known:
                known.add(name)
                log.warning("contract_drift", platform=platform, what=strange.what.value, name=name)
        return name

    def _version(self, platform: str, version: str) -> str:
        known = self._versions.setdefault(platform, set())
        if version not in known:
            version = version if _VERSION.fullmatch(version) and len(known) < self._most_versions else UNTOLD
            known.add(version)
        return version


DRIFT: Final = Drift()
"""One for the process, as its metrics are."""
