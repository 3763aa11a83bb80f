"""Structured fields (RFC 9651): read strictly, written one way; whatever the bytes, the only error is our own."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import http_sf

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST: Final = 10**15 - 1
LIMIT: Final = 8 * 1024  # the parser copies what is left at each step: a field of megabytes would take minutes

Parameters = dict[str, Any]
Member = tuple[Any, Parameters]
"""A dictionary's member: an item or a list of (item, parameters), and its own parameters."""


_KEY = "[a-z][a-z0-9_.-]*"
_TEXT = r'"[ !#-\[\]-~]*"'
_NUMBER = "(?:0|[1-9][0-9]{0,14})"
_LIST = re.compile(rf"({_KEY})=\(({_TEXT}(?: {_TEXT})*)\)((?:;{_KEY}=(?:{_NUMBER}|{_TEXT}))*)")
_BYTES = re.compile(rf"({_KEY})=:((?:[A-Za-z0-9+/]{{4}})*(?:[A-Za-z0-9+/]{{2}}==|[A-Za-z0-9+/]{{3}}=)?):")
_PARAMETER = re.compile(rf";({_KEY})=(?:({_NUMBER})|({_TEXT}))")
_STRING = re.compile(_TEXT)
_NAME = re.compile(_KEY)
_PLAIN = re.compile(r"[ !#-\[\]-~]*")


class AsWritten(list[tuple[Any, Parameters]]):
    """A list of strings that came as `written` writes it, so that it need not be written again to know how; `text` stands behind `label=`."""

    __slots__ = ("names", "text")

    def __init__(self, names: tuple[str, ...], text: str) -> None:
        super().__init__([(name, {}) for name in names])
        self.names, self.text = names, text


class FieldMalformed(ValueError):
    """A field that is no dictionary of RFC 9651, or that says a key twice: which of the two was meant is nobody's guess."""


def dictionary(raw: str) -> dict[str, Member]:
    """Read a field as a dictionary; raises FieldMalformed."""
    if len(raw) > LIMIT:
        raise FieldMalformed(f"{len(raw)} characters")
    if (simple := _simple(raw)) is not None:
        return simple
    try:
        found: Any = http_sf.parse(raw.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_double)
    except (ValueError, IndexError, OverflowError, OSError) as error:  # IndexError: a list that is never closed; the others: dates
        raise FieldMalformed(type(error).__name__) from error
    return dict(found)


def written(label: str, member: Any, parameters: Mapping[str, Any] | None = None) -> str:
    """One member of a dictionary in its only writing, `label=value;parameters`; raises ValueError for what no field can hold."""
    found = _listed(label, member, parameters or {}) if type(member) is list else None
    return http_sf.ser({label: (member, dict(parameters or {}))}) if found is None else found


def written_bytes(label: str, raw: bytes) -> str:
    """One member that is a byte sequence, in its only writing."""
    return f"{label}=:{base64.b64encode(raw).decode()}:"


def _listed(label: str, member: list[Any], parameters: Mapping[str, Any]) -> str | None:
    """A list of strings, as signatures of ours are made of, in a tenth of the library's time; None for all else, and for what needs quoting."""
    names = tuple([name for name, said in member if type(name) is str and not said])
    raw = _begun(label, names, tuple(parameters)) if len(names) == len(member) else None
    if raw is None:
        return None
    for name, value in parameters.items():
        if type(value) is int and 0 <= value <= LARGEST:
            raw += f";{name}={value}"
        elif type(value) is str and _PLAIN.fullmatch(value):
            raw += f';{name}="{value}"'
        else:
            return None
    return raw


@lru_cache(maxsize=256)
def _begun(label: str, names: tuple[str, ...], parameters: tuple[str, ...]) -> str | None:
    """Such a list without its parameters; None where something in it, or a parameter's name, is not plain."""
    if not names or not _PLAIN.fullmatch("".join(names)) or not all(map(_NAME.fullmatch, (label, *parameters))):
        return None
    return f"{label}=(" + " ".join(f'"{name}"' for name in names) + ")"


def _simple(raw: str) -> dict[str, Member] | None:
    """One member that is bytes or a list of strings, in its only writing: what our servers send, in a tenth of the parser's time.

    None for all else, which the parser judges; a property test compares the two.
    """
    found = _BYTES.fullmatch(raw)
    if found is not None:
        return {found[1]: (base64.b64decode(found[2]), {})}
    found = _LIST.fullmatch(raw)
    if found is None:
        return None
    said = _PARAMETER.findall(found[3])
    parameters: Parameters = {name: int(number) if number else text[1:-1] for name, number, text in said}
    if len(parameters) != len(said):
        return None
    return {found[1]: (AsWritten(_names(found[2]), raw[found.start(2) - 1 :]), parameters)}


@lru_cache(maxsize=256)
def _names(listed: str) -> tuple[str, ...]:
    """The strings of a list: a server's software covers the same components in every request."""
    return tuple(item[1:-1] for item in _STRING.findall(listed))


def _refuse_double(key: str, context: str) -> None:
    raise ValueError(f"{context} {key}")
