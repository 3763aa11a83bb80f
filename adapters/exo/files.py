"""The documents of an activity, by reference, as its `templateParams` tell them. No I/O.

Source: `UIDocActivity` of exoplatform/ecms (DOCLINK, DOCNAME, mimeType; several parted by « |@| »). Of pictures and files that were uploaded
into the activity itself the API tells nothing: `attachments` is always empty (`EntityBuilder` of Meeds-io/social).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from adapters.files import media_type_of
from schemas.facts.message import Attachment

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 50
_PARTING = "|@|"
_LONGEST = 2000


def files_of(params: Mapping[str, Any], home: str) -> tuple[Attachment, ...]:
    """Each document that has an address."""
    links, names, types = (_values(params, name) for name in ("DOCLINK", "DOCNAME", "mimeType"))
    found = [_file(link, names[number : number + 1], types[number : number + 1], home) for number, link in enumerate(links[:LIMIT])]
    return tuple(file for file in found if file is not None)


def _values(params: Mapping[str, Any], name: str) -> list[str]:
    found = params.get(name)
    return found.split(_PARTING) if isinstance(found, str) and found else []


def _file(link: str, names: list[str], types: list[str], home: str) -> Attachment | None:
    address = home + link if link.startswith("/") else link
    if not address.startswith(("https://", "http://")) or len(address) > _LONGEST:
        return None
    name = (names[0] if names else "") or link.rpartition("/")[2] or "document"
    media_type = types[0] if types and types[0].isascii() and "/" in types[0] else None
    return Attachment(name=name[:255], link=quote(address, safe="%/:=&?~#+!$,;'@()*[]"), media_type=media_type or media_type_of(name))
