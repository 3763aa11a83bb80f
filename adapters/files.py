"""Files by reference: what is told of each where readers of another ministry see its link, and what its name alone tells."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.markup import safe_html, spoken
from schemas.names import one_line
from schemas.words import Audience

if TYPE_CHECKING:
    from adapters.port import Order
    from schemas.facts.message import Attachment

NAME_LIMIT = 255
_SORTS = {"image": "image", "video": "vidéo", "audio": "son"}
_UNITS = ("octets", "Ko", "Mo", "Go", "To")
_STEP = 1024
_NO_BREAK = "\xa0"


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line about a file: its name leads to `link`, `told` says its kind, its size, and who cannot open it."""

    name: str
    link: str
    told: str

    @property
    def after(self) -> str:
        """What stands after the name."""
        return f" ({self.told})" if self.told else ""


def lines_of(order: Order) -> list[FileLine]:
    """The files of a message, for the readers of the RSE where it is to be written."""
    theirs = order.author.organisation if order.author is not None else ""
    return [
        FileLine(one_line(file.name, NAME_LIMIT) or "fichier", file.link, _told(file, theirs, order.organisation))
        for file in order.attachments
    ]


def body_of(order: Order) -> str:
    """The message's HTML; nothing where all that it says is the name of its one file."""
    html = order.content.html if order.content is not None else ""
    only = order.attachments[0].name if len(order.attachments) == 1 else None
    return "" if only is not None and spoken(safe_html(html)).strip() == only else html


def media_type_of(name: str) -> str | None:
    """What a file's name tells of its kind."""
    return mimetypes.guess_type(name)[0]


def _told(file: Attachment, theirs: str, ours: str) -> str:
    return " ; ".join(filter(None, (", ".join(filter(None, (_sort(file), _size(file.size)))), _warning(file.readers, theirs, ours))))


def _sort(file: Attachment) -> str:
    kind, _, precise = (file.media_type or media_type_of(file.name) or "").partition("/")
    if kind in _SORTS:
        return _SORTS[kind]
    ending = file.name.rpartition(".")[2] if "." in file.name else precise
    return ending.upper() if ending.isalnum() and len(ending) <= 5 else ""  # noqa: PLR2004 - an ending, and no word of a name


def _size(size: int | None) -> str:
    if size is None:
        return ""
    amount, unit = float(size), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    shown = f"{amount:.1f}".replace(".0", "").replace(".", ",") if amount < 10 else f"{amount:.0f}"  # noqa: PLR2004 - 9,5 but 95
    return f"{shown}{_NO_BREAK}{_UNITS[unit]}"


def _warning(readers: Audience | None, theirs: str, ours: str) -> str:
    """Who among the readers here cannot open it: a file stays in its ministry's RSE."""
    inside = readers in {Audience.MEMBERS, Audience.PRIVATE}
    if theirs and theirs == ours:
        return "lisible par les membres de son espace d’origine" if inside else ""
    account = f"avec un compte {theirs}" if theirs else "avec un compte de son réseau d’origine"
    return f"lisible seulement {account}" + (", par les membres de son espace" if inside else "")
