"""HTML for people, ActivityStreams for machines, at one address: which of the two an `Accept` field wishes (RFC 9110 § 12.5.1)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from schemas.media_types import ACTIVITY_JSON, LD_JSON, PROFILE

LIMIT: Final = 1024
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE: Final = re.compile(rf"\s*({_WORD})/({_WORD})((?:\s*;\s*{_WORD}\s*=\s*(?:{_WORD}|\"(?:[^\"\\]|\\.)*\"))*)\s*(?:,|$)")
_PARAMETER: Final = re.compile(rf";\s*({_WORD})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|({_WORD}))")
_WEIGHT: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class Offer(StrEnum):
    """What we have to show; the first is what they get who wish nothing in particular."""

    ACTIVITY = ACTIVITY_JSON
    LINKED = LD_JSON
    PAGE = "text/html"


PROFILES: Final = {Offer.LINKED: PROFILE}


def wished(unverified_accept: str) -> Offer | None:
    """What is to be shown; None where nothing that we have is wished. What cannot be read wishes nothing in particular."""
    ranges = _ranges(unverified_accept) if unverified_accept.strip() else {("*", "*", ""): 1.0}
    if ranges is None:
        return Offer.ACTIVITY
    weights = {offer: _weight(offer, ranges) for offer in Offer}
    best = max(Offer, key=lambda offer: weights[offer])  # of equals, the one that is offered first
    return best if weights[best] > 0 else None


def _ranges(unverified: str) -> dict[tuple[str, str, str], float] | None:
    """(type, subtype, profile) → weight; None for what is no `Accept` field."""
    found: dict[tuple[str, str, str], float] = {}
    place = 0
    while place < len(unverified):
        one = _RANGE.match(unverified, place) if len(unverified) <= LIMIT else None
        if one is None:
            return None
        said = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(one[3])}
        weight = said.get("q", "1")
        if not _WEIGHT.fullmatch(weight):
            return None
        found[one[1].lower(), one[2].lower(), said.get("profile", "")] = float(weight)
        place = one.end()
    return found


def _weight(offer: Offer, ranges: dict[tuple[str, str, str], float]) -> float:
    """The weight of the most specific range that holds an offer."""
    kind, _, rest = offer.value.partition("/")
    subtype = rest.partition(";")[0]
    profile = PROFILES.get(offer, "")
    for holds in ((kind, subtype, profile), (kind, subtype, ""), (kind, "*", ""), ("*", "*", "")):
        if holds in ranges:
            return ranges[holds]
    return 0.0
