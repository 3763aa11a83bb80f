"""Requests before they are signed, and as they go over the wire; signed by lines of this folder's own, so that nothing is proved by itself."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Fields = tuple[tuple[str, str], ...]
WINDOW = 300
"""Seconds for which a signature may be used, by the design."""


@dataclass(frozen=True)
class Wire:
    """A request as it is sent: its fields in order, each as often as it stands there."""

    method: str
    target: str
    fields: Fields
    body: bytes = b""

    def value(self, name: str) -> str:
        """A field's first value."""
        return next(said for known, said in self.fields if known.lower() == name.lower())

    def without(self, name: str) -> Wire:
        return replace(self, fields=tuple(pair for pair in self.fields if pair[0].lower() != name.lower()))

    def also(self, name: str, said: str) -> Wire:
        return replace(self, fields=(*self.fields, (name, said)))

    def but(self, name: str, said: str) -> Wire:
        """With this value in the field's place."""
        return replace(self, fields=tuple((known, said if known.lower() == name.lower() else old) for known, old in self.fields))


@dataclass(frozen=True)
class Draft:
    """A request and how it is to be signed. Components and parameters are written out, so that no writing is impossible."""

    method: str
    url: str
    sign: Callable[[bytes], bytes]
    key_id: str
    now: float
    body: bytes | None = None
    content_type: str = "application/json"
    components: tuple[str, ...] = ("@method", "@target-uri", "@authority")
    parameters: tuple[tuple[str, str], ...] = ()
    fields: Fields = ()
    values: tuple[tuple[str, str], ...] = ()
    """Values that are signed in the place of the request's own."""
    label: str = "sig1"
    sent_to: str = ""
    """The target on the wire, where it is not the one that is signed."""
    sent_by: str = ""
    """The method on the wire, where it is not the one that is signed."""

    def parameter(self, name: str, written: str) -> Draft:
        """With this parameter, written so."""
        return replace(self, parameters=tuple((known, written if known == name else said) for known, said in self.parameters))

    def without(self, name: str) -> Draft:
        return replace(self, parameters=tuple(pair for pair in self.parameters if pair[0] != name))

    def covering(self, *components: str) -> Draft:
        return replace(self, components=components)


@dataclass(frozen=True)
class Base:
    """A valid request of one kind, made anew each time: a nonce serves once."""

    name: str
    make: Callable[[], Draft]
    accepted: int
    tags: frozenset[str] = field(default_factory=frozenset)


def drafted(draft: Draft, *, seconds: int = 60) -> Draft:
    """The draft with the parameters and the fields that a valid one has."""
    created = int(draft.now)
    parameters = (
        ("created", str(created)), ("expires", str(created + seconds)), ("nonce", f'"{secrets.token_urlsafe(18)}"'),
        ("keyid", f'"{draft.key_id}"'),
    )  # fmt: skip
    if draft.body is None:
        return replace(draft, parameters=parameters)
    said = (("content-type", draft.content_type), ("content-digest", digest_of(draft.body)))
    covered = (*draft.components, "content-type", "content-digest")
    return replace(draft, parameters=parameters, fields=(*said, *draft.fields), components=covered)


def digest_of(body: bytes, name: str = "sha-256") -> str:
    """`sha-256=:…:`."""
    return f"{name}=:{base64.b64encode(hashlib.new(name.replace('-', ''), body).digest()).decode()}:"


def signed(draft: Draft) -> Wire:
    """The request as it is sent."""
    inner = "(" + " ".join(_written(component) for component in draft.components) + ")"
    tail = inner + "".join(f";{name}={said}" for name, said in draft.parameters)
    lines = [f"{_written(component)}: {_value(draft, component)}" for component in draft.components]
    base = "\n".join([*lines, f'"@signature-params": {tail}'])
    signature = base64.b64encode(draft.sign(base.encode("latin-1"))).decode()
    parts = urlsplit(draft.url)
    target = draft.sent_to or (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = (*draft.fields, ("signature-input", f"{draft.label}={tail}"), ("signature", f"{draft.label}=:{signature}:"))
    return Wire(draft.sent_by or draft.method, target, (("host", parts.netloc), *fields), draft.body or b"")


def _written(component: str) -> str:
    """A bare name in quotes; what bears parameters or quotes already as it is."""
    return component if component.startswith('"') or not component else f'"{component}"'


def _value(draft: Draft, component: str) -> str:
    given = dict(draft.values)
    if component in given:
        return given[component]
    parts = urlsplit(draft.url)
    derived = {
        "@method": draft.method, "@target-uri": draft.url, "@authority": parts.netloc.lower(), "@scheme": parts.scheme,
        "@path": parts.path or "/", "@query": "?" + parts.query, "@request-target": parts.path + (f"?{parts.query}" if parts.query else ""),
    }  # fmt: skip
    found = [said.strip() for name, said in draft.fields if name.lower() == component.strip('"').lower()]
    return derived.get(component, ", ".join(found))
