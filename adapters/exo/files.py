"""The documents of an activity, by reference, as its `templateParams` tell them. No I/O.

Source: `UIDocActivity` of exoplatform/ecms (DOCLINK, DOCNAME, mimeType; several parted by « |@| »). Of pictures and files that were uploaded
into the activity itself the API tells nothing: `attachments` is always empty (`EntityBuilder` of Meeds-io/social).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from adapters.files import media_type_of
from schemas.facts.message import LINK_LIMIT, Attachment

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 50
_PARTING = "|@|"


def files_of(params: Mapping[str, Any], home: str) -> tuple[Attachment, ...]:
    """Each document that has an address, as many as one message names."""
    links, names, types = (_values(params, name) for name in ("DOCLINK", "DOCNAME", "mimeType"))
    found = [_file(link, names[number : number + 1], types[number : number + 1], home) for number, link in enumerate(links[:LIMIT])]
    return tuple(file for file in found if file is not None)


def beyond(params: Mapping[str, Any]) -> str:
    """HTML that counts the documents of which no more is told, nothing where all are: they are read where they lie."""
    left = len(_values(params, "DOCLINK")) - LIMIT
    if left <= 0:
        return ""
    counted = "un autre document" if left == 1 else f"{left} autres documents"
    return f"<p><em>Et {counted}, à voir dans le message d’origine.</em></p>"


def _values(params: Mapping[str, Any], name: str) -> list[str]:
    found = params.get(name)
    return found.split(_PARTING) if isinstance(found, str) and found else []


def _file(link: str, names: list[str], types: list[str], home: str) -> Attachment | None:
    address = home + link if link.startswith("/") else link
    if not address.startswith(("https://", "http://")) or len(address) > LINK_LIMIT:
        return None
    name = (names[0] if names else "") or link.rpartition("/")[2] or "document"
    media_type = types[0] if types and types[0].isascii() and "/" in types[0] else None
    return Attachment(name=name[:255], link=quote(address, safe="%/:=&?~#+!$,;'@()*[]"), media_type=media_type or media_type_of(name))
