"""Actors of other servers, read out of their documents: who they are, and which keys they claim (FEP-fe34, FEP-521a). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeGuard
from urllib.parse import urlsplit

from schemas.actor_keys import ActorKey, KeyFault, actor_keys
from schemas.names import one_line
from schemas.origins import URI_LIMIT, origin_of, same_origin
from schemas.wire.destinations import Absence, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ACTORS: Final = frozenset({"Person", "Group", "Organization", "Service", "Application"})
NAME_LIMIT: Final = 500
ALIASES_LIMIT: Final = 50
KEYS_LIMIT: Final = 32
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
KEY_MEMBERS: Final = {"owner": "publicKey", "controller": "assertionMethod"}
"""How a key names its owner, and where that one names it (W3C security vocabulary; FEP-521a)."""


class Reason(StrEnum):
    """Why an actor, or a key, of another server is not believed; what is wrong with a key itself has the names of `KeyFault`."""

    KEY_ID = "key_id_malformed"
    KEY_GONE = "key_owner_gone"
    KEY_NOT_CLAIMED = "key_not_claimed"
    KEY_SAME = "key_unchanged"
    ACTOR_UNKNOWN = "actor_unknown"
    ACTOR_GONE = "actor_gone"
    ACTOR_MALFORMED = "actor_malformed"
    ACTOR_MISMATCH = "actor_id_mismatch"
    UNAVAILABLE = "peer_refuses_to_tell"
    NOT_ADMITTED = "peer_not_admitted"
    RATE = "fetches_rate_limited"
    UNWELL = "peer_server_error"
    BUSY = "peer_too_many_requests"


PASSING: Final[frozenset[StrEnum]] = frozenset({*Absence, Refusal.BUDGET, Reason.RATE, Reason.UNWELL, Reason.BUSY})
"""What may go otherwise another time: nothing is said of what was asked for. All else is an answer, or a rule of ours."""
LATER: Final = frozenset({408, 421, 423, 425, 429})


def passing(status: int) -> Reason | None:
    """Why a server did not answer this time, by its status; None where it did."""
    return Reason.BUSY if status in LATER else Reason.UNWELL if status >= 500 else None  # noqa: PLR2004 - the class of failures


@dataclass(frozen=True, slots=True)
class RemoteActor:
    """What its own server says of an actor; addresses are of that server, empty where it says none."""

    id: str
    kind: str
    name: str
    inbox: str
    shared_inbox: str = ""
    followers: str = ""
    outbox: str = ""
    username: str = ""
    also_known_as: tuple[str, ...] = ()
    keys: Mapping[str, ActorKey | KeyFault] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    """Keys that it names by their address alone: what they are stands there."""

    def key(self, key_id: str) -> ActorKey | StrEnum:
        """The key of this id, or why it is none of the actor's."""
        return self.keys.get(key_id, Reason.KEY_NOT_CLAIMED)


def authority_of(uri: str) -> str:
    """A server as the registry names it: its host, with the port where it is not the usual one; empty for what is no address."""
    found = origin_of(uri)
    parts = urlsplit(uri if found else "")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    return host if parts.port in {None, DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def read_actor(unverified: Mapping[str, Any], now: datetime) -> RemoteActor | Reason:
    """An actor's own document. Its addresses are of its own server, or not believed; it claims the keys that name it as their owner."""
    actor, kind = _address(unverified, "id"), _type(unverified)
    if origin_of(actor) is None or kind not in ACTORS:
        return Reason.ACTOR_MALFORMED
    endpoints = unverified.get("endpoints")
    told = {name: _address(unverified, name) for name in ("inbox", "followers", "outbox")}
    told["shared"] = _address(endpoints, "sharedInbox") if isinstance(endpoints, dict) else ""
    told = {name: uri if same_origin(uri, actor) else "" for name, uri in told.items()}
    aliases = unverified.get("alsoKnownAs", ())
    names = [one for one in (aliases if isinstance(aliases, list) else [aliases]) if _is_address(one)]
    return RemoteActor(
        actor, kind, one_line(_text(unverified, "name"), NAME_LIMIT), told["inbox"], told["shared"], told["followers"], told["outbox"],
        one_line(_text(unverified, "preferredUsername"), NAME_LIMIT), tuple(names[:ALIASES_LIMIT]), actor_keys(unverified, now),
        frozenset(entry for member in KEY_MEMBERS.values() for entry in _entries(unverified, member) if _is_address(entry)),
    )  # fmt: skip


def read_lone_key(unverified: Mapping[str, Any], key_id: str, now: datetime) -> ActorKey | StrEnum:
    """A key that has an address of its own: one side's word, until its owner says the same."""
    for whose, member in KEY_MEMBERS.items():
        if owner := _address(unverified, whose):
            return actor_keys({"id": owner, member: unverified}, now).get(key_id, Reason.KEY_NOT_CLAIMED)
    return KeyFault.MALFORMED


def is_actor(unverified: Mapping[str, Any]) -> bool:
    """Whether a document is an actor's, or a key's own."""
    return _type(unverified) in ACTORS


def _entries(unverified: Mapping[str, Any], member: str) -> list[Any]:
    held = unverified.get(member, [])
    return (held if isinstance(held, list) else [held])[:KEYS_LIMIT]


def _is_address(said: object) -> TypeGuard[str]:
    """What nobody could have written for an address would only fill the memory of who keeps it."""
    return isinstance(said, str) and len(said) <= URI_LIMIT


def _address(unverified: Mapping[str, Any], name: str) -> str:
    said = unverified.get(name, "")
    return said if _is_address(said) else ""


def _text(unverified: Mapping[str, Any], name: str) -> str:
    said = unverified.get(name, "")
    return said if isinstance(said, str) else ""


def _type(unverified: Mapping[str, Any]) -> str:
    said = unverified.get("type", "")
    first = said[0] if isinstance(said, list) and said else said
    return first if isinstance(first, str) else ""
