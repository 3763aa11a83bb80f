"""The small closed vocabularies that every part of the product shares."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Audience(StrEnum):
    """Who can read a space or an object; `unknown` is never federated."""

    PUBLIC = "public"
    MEMBERS = "members"
    PRIVATE = "private"
    UNKNOWN = "unknown"


WIDTH = {Audience.PRIVATE: 0, Audience.MEMBERS: 1, Audience.PUBLIC: 2}


def fits(space: Audience, community: Audience) -> bool:
    """Tell whether what the community says may be shown in the space: never to more people than the community's own."""
    return space in WIDTH and community in WIDTH and WIDTH[space] <= WIDTH[community]


class Ground(StrEnum):
    """Why a moderator took a message away, in words that everybody is shown."""

    OFF_TOPIC = "off_topic"
    INSULTING = "insulting"
    PERSONAL_DATA = "personal_data"
    CONFIDENTIAL = "confidential"
    UNLAWFUL = "unlawful"
    ADVERTISING = "advertising"
    UNSTATED = "unstated"  # she deleted a copy in her own RSE, where nobody asks why


GROUND_WORDS: Final[Mapping[Ground, str]] = {
    Ground.OFF_TOPIC: "hors sujet", Ground.INSULTING: "propos injurieux", Ground.PERSONAL_DATA: "données personnelles",
    Ground.CONFIDENTIAL: "information confidentielle", Ground.UNLAWFUL: "contraire à la loi", Ground.ADVERTISING: "publicité",
    Ground.UNSTATED: "sans motif donné",
}  # fmt: skip


class Verdict(StrEnum):
    """What became of a delivery at a node's last door."""

    WRITTEN = "written"
    CONFIRMED = "confirmed"  # the node's own event, back with its sequence
    UNSUPPORTED = "unsupported"  # a type or an act that this RSE cannot hold
    SKIPPED = "skipped"  # it follows a record that was refused
    REFUSED = "refused"
