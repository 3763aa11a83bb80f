"""Strict JSON in, canonical JSON out (RFC 8785); the only two ways that signed JSON is read or written here."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

import rfc8785
from pydantic_core import PydanticSerializationError, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

DEPTH_LIMIT = 64


class JsonRefused(ValueError):
    """A body that is not the JSON that we accept; `reason` is machine-readable."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason beside a sentence for people."""
        super().__init__(detail)
        self.reason = reason


def parse(unverified: bytes, parts: float = math.inf) -> Any:
    """Parse UTF-8 JSON, refusing duplicate names, NaN, numbers past a double, lone surrogates and more than 64 levels (RFC 7493, I-JSON).

    `parts` is how many objects and lists it may hold, brackets in its texts counted: to read a small object takes as long as to read a page.
    Raises JsonRefused with `invalid_utf8`, `json_too_deep`, `json_too_many_parts`, `json_duplicate_name` or `json_malformed`.
    """
    try:
        text = unverified.decode()
    except UnicodeDecodeError as error:
        reason = "invalid_utf8"
        raise JsonRefused(reason, "the body is not UTF-8") from error
    held = text.count("[") + text.count("{")
    if held > parts:
        raise JsonRefused("json_too_many_parts", f"the JSON holds more than {parts} objects and lists")
    if held > DEPTH_LIMIT and _depth(text) > DEPTH_LIMIT:
        raise JsonRefused("json_too_deep", f"the JSON is nested deeper than {DEPTH_LIMIT} levels")
    try:
        value = _DECODER.decode(text)
    except JsonRefused:
        raise
    except ValueError as error:
        raise JsonRefused("json_malformed", "the body is not JSON") from error
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def canonical(value: Mapping[str, object]) -> bytes:
    """RFC 8785 bytes of a JSON object; raises JsonRefused where it has none (a NaN, an integer past 2^53)."""
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # its own recursive type is narrower than Mapping
    except rfc8785.CanonicalizationError as error:
        raise JsonRefused("json_not_canonicalisable", str(error)) from error


def canonical_parsed(value: Mapping[str, object]) -> bytes:
    """The same for an object that `parse` has read, in a tenth of the time.

    Python's own writer, compact and sorted, gives the same bytes but for three things, which are looked for in what it wrote: numbers that
    are no short integers, names that UTF-16 sorts otherwise than code points do, and lone surrogates. A text that looks like one of them
    costs the longer way and changes nothing (proved by a property test).
    """
    text = _ENCODER.encode(value)
    return canonical(value) if _unsure(text) else text.encode()


def canonical_strings(attributes: Mapping[str, str]) -> bytes:
    """RFC 8785 bytes of a flat object of strings with ASCII names: the envelope's case, twenty times faster.

    For such objects pydantic's writer, given them in order, gives the same bytes (proved by a property test).
    """
    try:
        return to_json({name: attributes[name] for name in sorted(attributes)})
    except PydanticSerializationError as error:
        raise JsonRefused("json_not_canonicalisable", "a lone surrogate has no UTF-8") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonRefused("json_duplicate_name", "a name stands twice in one JSON object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise JsonRefused("json_malformed", f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # 1e999 would come back out as something that is not JSON
        raise JsonRefused("json_malformed", "a number is past what a double holds")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Made once: `json.loads` and `json.dumps` would make another at each call, which costs as much as reading a small fact."""
_WIDE = re.compile("[\ud800-\U0010ffff]")
_NUMBER_ENDS = re.compile(r"[0-9Ny][,\]}]")
_NUMBER = re.compile(r"[:,\[]-?(?:[0-9]+(?:\.[0-9]+)?e[-+]?[0-9]+|[0-9]+\.[0-9]+|[0-9]{16,}|NaN|Infinity)[,\]}]")


def _unsure(text: str) -> bool:
    """Whether something in it may be written otherwise. Few activities hold a number: what could end one is looked for first, at a tenth of the cost."""
    if not text.isascii() and _WIDE.search(text):
        return True
    return _NUMBER_ENDS.search(text) is not None and _NUMBER.search(text) is not None


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        reason = "invalid_utf8"
        raise JsonRefused(reason, "a lone surrogate is not Unicode text") from error


def _depth(text: str) -> int:
    """Deepest nesting, brackets inside strings left out; linear, so that no parser is asked to recurse first."""
    deepest = level = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            level += 1
            deepest = max(deepest, level)
            if deepest > DEPTH_LIMIT:
                return deepest
        elif char in "]}":
            level -= 1
    return deepest
