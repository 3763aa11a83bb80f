"""What people call themselves and their spaces, as one visible line: names come from outside, and end up in pages, rooms and titles."""

from __future__ import annotations

import re
import unicodedata

JOINERS = "\u200c\u200d"
"""They show nothing by themselves and join what stands beside them: a family of emoji, letters of other scripts."""
ANYBODY = "un agent"
"""Who has no other name than her address."""
LONGEST = 2_000
"""Of a name, what is looked at."""
CUT = 200
"""A name as long as this may have been cut short, in the middle of an address too."""
_SEPARATORS = re.compile(r"([\s<>()\[\]{}«»\"',;|]+)")
_AROUND = " \t-–—:/\\<>()[]{}«»\"',;|"
_SIGNS = str.maketrans("＠﹫。．｡", "@@...")
EMOJI = ("\U0001f000", "\U0001faff")


def one_line(text: str, limit: int) -> str:
    """At most so many characters on one line, without controls, direction marks, lone surrogates and whatever else shows nothing.

    A direction mark would turn round the ministry that is written behind a name; a name of a hundred line feeds would fill a page.
    """
    visible = "".join(sign if _shows(sign) else " " for sign in text[: limit * 8])
    return " ".join(visible.split()).strip(JOINERS)[:limit].rstrip()


def _shows(sign: str) -> bool:
    """Emoji grow in number each year: an older Python has no category for the newest."""
    return sign in JOINERS or EMOJI[0] <= sign <= EMOJI[1] or not unicodedata.category(sign).startswith(("C", "Z"))


def public_name(*told: str | None) -> str:
    """The first of these names of a person that leaves one without the e-mail addresses in it; ANYBODY where all that is told are addresses, empty where nothing is.

    Many accounts are called by their mailbox, which may not leave a ministry.
    """
    said = [one[:LONGEST] for one in told if one and one.strip()]
    return next((rest for one in said if (rest := _without_mailboxes(one))), ANYBODY if said else "")


def _without_mailboxes(name: str) -> str:
    """What stands beside the addresses; the name as it is where there are none."""
    parts = _SEPARATORS.split(name)
    kept = ["" if _is_mailbox(one, cut=len(name) >= CUT and place == len(parts) - 1) else one for place, one in enumerate(parts)]
    if kept == parts:
        return name
    rest = " ".join("".join(kept).split()).strip(_AROUND)
    return rest if any(sign.isalnum() for sign in rest) else ""


def _is_mailbox(word: str, *, cut: bool) -> bool:
    """`camille@interieur.example`, also behind `mailto:`; the beginning of one at the end of a name that was cut."""
    local, at, domain = word.translate(_SIGNS).lstrip("@").partition("@")
    return bool(local and at) and (cut or "." in domain.strip("."))
