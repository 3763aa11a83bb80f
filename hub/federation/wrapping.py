"""What our actors say to a community's followers, wrapped for the way: the Group's Announce around an activity's own text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hub.federation.note import PUBLIC, addressing, followers
from hub.federation.parcel import Parcel
from schemas.facts import TakenBack
from schemas.proof import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from hub.federation.addresses import Addresses
    from hub.federation.parcel import Form
    from hub.federation.reach import Bearing
    from schemas.envelope import CanonicalEvent
    from schemas.facts.base import Fact

ACTIVITYSTREAMS: Final = "https://www.w3.org/ns/activitystreams"


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its place in a community: when it was admitted, and what it bears on for strangers."""

    event: CanonicalEvent
    fact: Fact
    community: str
    admitted_at: datetime
    bearing: Bearing


def context(addresses: Addresses) -> list[str]:
    """The JSON-LD contexts of what we say."""
    return [ACTIVITYSTREAMS, addresses.base + "/ns/v1"]


def announcing(numbered: Numbered, addresses: Addresses, kind: str, inner: str, public: str) -> str:
    """The Group's Announce around the text of an activity, which is set in as it stands."""
    group, readers = addresses.group(numbered.community), followers(addresses, numbered.community)
    head = {
        "@context": context(addresses),
        "id": f"{addresses.activity(numbered.event.envelope.id)}#{kind}",
        "type": "Announce",
        "actor": group,
        "to": [public] if public else [readers],
        "cc": [readers] if public else [PUBLIC],
        "published": timestamp(numbered.admitted_at),
    }
    return f'{text(head)[:-1]},"object":{inner}}}'


def act(numbered: Numbered, addresses: Addresses, kind: str, of: dict[str, Any]) -> dict[str, Any]:
    """An act of this kind by the actor of whose node the event is."""
    envelope = numbered.event.envelope
    return {
        "id": addresses.activity(envelope.id),
        "type": kind,
        "actor": addresses.node(envelope.source),
        **addressing(numbered.community, addresses),
        "object": of,
    }


def parcel(numbered: Numbered, actor: str, form: Form, body: str, correlation: str) -> Parcel:
    """An activity of ours on its way to a community's followers."""
    forgets = isinstance(numbered.fact, TakenBack)
    event = numbered.event.envelope.id
    return Parcel(numbered.community, event, actor, form, body.encode(), forgets, correlation=correlation)


def text(value: Any) -> str:
    """As it is written."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
