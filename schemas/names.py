"""What people call themselves and their spaces, as one visible line: names come from outside, and end up in pages, rooms and titles."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""They show nothing by themselves and join what stands beside them: a family of emoji, letters of other scripts."""
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
