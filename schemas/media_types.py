"""Which content types hold an activity (ActivityPub § 7, Activity Streams 2.0 § 3)."""

from __future__ import annotations

import re
from typing import Final

ACTIVITY_JSON: Final = "application/activity+json"
LD_JSON: Final = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
PROFILE: Final = "https://www.w3.org/ns/activitystreams"
LIMIT: Final = 512
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE: Final = re.compile(rf"({_WORD}/{_WORD})((?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|\"[^\"\\]*\"))*)")
_PARAMETER: Final = re.compile(rf";[ \t]*({_WORD})=(?:({_WORD})|\"([^\"\\]*)\")")


def holds_activity(content_type: str) -> bool:
    """Tell whether a Content-Type is one of ActivityPub's: parameters in any order, `profile` a list of addresses, JSON in UTF-8.

    `application/json` is none: whoever lets people upload files serves them as such, and an upload would speak for its server.
    """
    found = _TYPE.fullmatch(content_type.strip(" \t")) if len(content_type) <= LIMIT else None
    if found is None:
        return False
    said = [(name.lower(), bare or quoted) for name, bare, quoted in _PARAMETER.findall(found[2])]
    parameters = dict(said)
    if len(parameters) != len(said) or parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        return False
    match found[1].lower():
        case "application/activity+json":
            return True
        case "application/ld+json":
            return PROFILE in parameters.get("profile", "").split()
        case _:
            return False
