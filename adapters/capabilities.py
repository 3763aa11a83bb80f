"""What a connector can do, both ways: every feature answered by a yes with its form or a no with the platform's reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Feature(StrEnum):
    """What may travel, as the table names it."""

    MESSAGES = "messages"
    EDITS = "modifications"
    DELETIONS = "suppressions"
    MODERATION = "modération"
    REPLIES = "réponses"
    REACTIONS = "réactions"
    REACTIONS_REMOVED = "retraits de réaction"
    ANSWERS = "réponse retenue"
    FILES = "fichiers"
    MEMBERS = "membres"
    TITLES = "titres"
    NAMES = "noms des espaces"
    IDENTITY = "identité"
    NOTICE = "avis dans l’espace"
    PRIVATE_NOTICE = "avis privé"
    HISTORY = "historique d’avant le rattachement"


@dataclass(frozen=True, slots=True)
class Yes:
    """It travels; in which form."""

    form: str

    def __str__(self) -> str:
        """As the table says it."""
        return f"oui — {self.form}"


@dataclass(frozen=True, slots=True)
class No:
    """It does not travel; the platform's reason, or ours."""

    reason: str

    def __str__(self) -> str:
        """As the table says it."""
        return f"non — {self.reason}"


Ability = Yes | No


@dataclass(frozen=True, slots=True)
class BothWays:
    """Whether a feature is read out of the RSE, and written into it."""

    read: Ability
    write: Ability


class FeatureUnanswered(ValueError):
    """A connector says nothing of a feature."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """All that a connector says of itself; `retries` is how long its platform tries a webhook again, `outage` what brings back the rest. Raises FeatureUnanswered."""

    features: Mapping[Feature, BothWays]
    retries: str
    outage: str

    def __post_init__(self) -> None:
        """Leave no feature unanswered."""
        if missing := set(Feature) - set(self.features):
            raise FeatureUnanswered(", ".join(sorted(missing)))

    def reads(self, feature: Feature) -> bool:
        """Whether it is read out of the RSE."""
        return isinstance(self.features[feature].read, Yes)

    def writes(self, feature: Feature) -> bool:
        """Whether it is written into the RSE."""
        return isinstance(self.features[feature].write, Yes)


def table(known: Iterable[tuple[str, Capabilities]]) -> str:
    """All connectors side by side, as a Markdown table."""
    connectors = list(known)
    names = [f"{name} : {way}" for name, _ in connectors for way in ("lu", "écrit")]
    lines = [_row("", names), "|---" * (len(names) + 1) + "|"]
    for feature in Feature:
        both = [said.features[feature] for _, said in connectors]
        lines.append(_row(feature.value, [str(ability) for one in both for ability in (one.read, one.write)]))
    lines.append(_row("nouveaux essais d’un webhook", [cell for _, said in connectors for cell in (said.retries, "")]))
    lines.append(_row("après une panne", [cell for _, said in connectors for cell in (said.outage, "")]))
    return "\n".join(lines)


def _row(title: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join((title, *cells))} |".replace("  ", " ")
