"""Registries by which somebody would lead a reader to another anchor, or back to a former one: each with the name of its refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.anchors import TYPE, succeed
from schemas.documents import sign_document
from schemas.keys import SigningKey
from schemas.manifest import issue
from schemas.proof import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DAY: Final = timedelta(days=1)
NOW: Final = datetime.now(UTC).replace(microsecond=0)
CHANGED: Final = NOW - 10 * DAY
"""When the second key followed the first."""
FIRST, SECOND, THIRD, THIEF = (
    SigningKey("hub", Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))
    for name in ("first", "second", "third", "thief")
)
Link = dict[str, Any]
LINK: Final = succeed(FIRST, SECOND, CHANGED, CHANGED - DAY)
TO_COME: Final = succeed(FIRST, SECOND, NOW + DAY, NOW)


def entry(key: SigningKey, start: datetime | None = None, **dates: datetime) -> dict[str, str]:
    """A key of the hub, active from its moment on."""
    said = {"activeFrom": start or NOW - 1000 * DAY, **dates}
    return {"id": key.key_id, "publicKeyMultibase": key.public.multibase, **{name: timestamp(at) for name, at in said.items()}}


def document(
    signer: SigningKey, links: Sequence[Any] = (), keys: Sequence[dict[str, str]] = (), version: int = 6, **changes: Any
) -> bytes:  # fmt: skip
    """A registry under somebody's key; `keys` are the hub's beside its first."""
    hub = {"id": "hub", "organisation": "Trait d’union", "platform": "traitdunion", "grade": "full", "keys": [entry(FIRST), *keys]}
    said = {
        "type": "TraitDUnionRegistry", "version": version, "issued": timestamp(NOW), "expires": timestamp(NOW + 7 * DAY), "hub": hub,
        "nodes": [], "anchors": list(links),
    }  # fmt: skip
    return issue({**said, **changes}, signer, NOW)


BEFORE: Final = document(FIRST, version=5, issued=timestamp(CHANGED - DAY))
ANNOUNCED: Final = document(FIRST, [TO_COME], [entry(SECOND, NOW + DAY)], version=5)
FOLLOWED: Final = document(SECOND, [LINK], [entry(SECOND, CHANGED)])


@dataclass(frozen=True)
class Row:
    """A forgery: for a reader to whom an anchor was handed over, and who may have `seen` a document before."""

    name: str
    reason: str
    make: Callable[[], bytes] = field(repr=False)
    anchor: SigningKey = FIRST
    seen: bytes | None = field(default=None, repr=False)


def by_two(outer: SigningKey, inner: SigningKey, **changes: Any) -> Link:
    """A succession from the first key to the second, signed by whom one likes, in their names."""
    named = {"hub": "hub", "old": FIRST.public.multibase, "new": SECOND.public.multibase, "from": timestamp(CHANGED)} | changes
    told = sign_document({"type": TYPE, **named, "issued": timestamp(CHANGED)}, inner, CHANGED)
    told["proof"]["verificationMethod"] = f"hub#{named['new']}" if inner is THIEF else told["proof"]["verificationMethod"]
    whole = sign_document({"type": TYPE, "succession": told}, outer, CHANGED)
    whole["proof"]["verificationMethod"] = f"hub#{named['old']}" if outer is THIEF else whole["proof"]["verificationMethod"]
    return whole


def altered(**changes: Any) -> Link:
    """A good succession that says something else than what was signed."""
    told = {**LINK["succession"], **changes}
    return {**LINK, "succession": told}


def of(*links: Any, keys: Sequence[dict[str, str]] = (entry(SECOND, CHANGED),), signer: SigningKey = SECOND) -> Callable[[], bytes]:
    """A document with these successions."""
    return lambda: document(signer, links, keys)


def impersonated() -> bytes:
    """Signed by a thief in the name of the key that signs."""
    thief = SigningKey.generate("hub")
    thief.key_id = SECOND.key_id
    return document(thief, [LINK], [entry(SECOND, CHANGED)])


LATER, THIRD_LATER = CHANGED + DAY, entry(THIRD, CHANGED + DAY)
TABLE: Final = (
    Row("the former anchor signs alone again", "registry_anchor_rolled_back", lambda: document(FIRST, version=7), seen=FOLLOWED),
    Row("a version of before the change is shown again", "registry_anchor_rolled_back", lambda: BEFORE, seen=FOLLOWED),
    Row("the change is put off again by the former anchor", "registry_anchor_rolled_back",
        lambda: document(FIRST, [TO_COME], [entry(SECOND, NOW + DAY)], 7), SECOND),
    Row("the former anchor signs on, long after", "registry_anchor_rolled_back", of(LINK, signer=FIRST)),
    Row("a succession by the new key alone", "registry_anchor_unproved", of(by_two(SECOND, SECOND))),
    Row("a succession by the old key alone", "registry_anchor_unproved", of(by_two(FIRST, FIRST))),
    Row("a succession by a thief in the old key's name", "registry_anchor_unproved", of(by_two(THIEF, SECOND))),
    Row("a succession by a thief in the new key's name", "registry_anchor_unproved", of(by_two(FIRST, THIEF))),
    Row("a succession of another moment than was signed", "registry_anchor_unproved", of(altered(**{"from": timestamp(LATER)}))),
    Row("a succession to another key than was signed", "registry_anchor_unproved",
        of(altered(new=THIEF.public.multibase), keys=[entry(THIEF, CHANGED)], signer=THIEF)),
    Row("a succession of another hub", "registry_anchor_unproved", of(by_two(FIRST, SECOND, hub="elsewhere"))),
    Row("two keys that follow one", "registry_anchor_forked",
        of(LINK, succeed(FIRST, THIRD, LATER, CHANGED), keys=[entry(SECOND, CHANGED), THIRD_LATER], signer=THIRD)),
    Row("a chain that turns back", "registry_anchor_forked", of(LINK, succeed(SECOND, FIRST, LATER, CHANGED), signer=FIRST)),
    Row("a chain with a gap", "registry_anchor_forked",
        of(LINK, succeed(THIEF, THIRD, LATER, CHANGED), keys=[entry(SECOND, CHANGED), THIRD_LATER], signer=THIRD)),
    Row("another successor than the one announced", "registry_anchor_forked",
        lambda: document(THIRD, [succeed(FIRST, THIRD, CHANGED, CHANGED)], [entry(THIRD, CHANGED)]), seen=ANNOUNCED),
    Row("a succession that is told otherwise afterwards", "registry_anchor_forked",
        lambda: document(SECOND, [succeed(FIRST, SECOND, LATER, CHANGED)], [entry(SECOND, LATER)], 7), seen=FOLLOWED),
    Row("a succession that is no longer told", "registry_anchor_forked", lambda: document(SECOND, (), [entry(SECOND, CHANGED)], 7), seen=FOLLOWED),
    Row("a key that follows before the one before it", "registry_anchor_dates",
        of(LINK, succeed(SECOND, THIRD, CHANGED - DAY, CHANGED), keys=[entry(SECOND, CHANGED), entry(THIRD, CHANGED - DAY)], signer=THIRD)),
    Row("a next anchor that ends before it begins", "registry_anchor_dates", of(LINK, keys=[entry(SECOND, CHANGED, retiredAt=CHANGED - DAY)])),
    Row("a key that is active at another moment than it follows", "registry_anchor_dates", of(LINK, keys=[entry(SECOND, LATER)])),
    Row("a key that follows and is none of the hub's", "registry_anchor_dates", of(LINK, keys=[])),
    Row("the next anchor signs before its moment", "registry_anchor_early", of(TO_COME, keys=[entry(SECOND, NOW + DAY)])),
    Row("signed by a key that it calls revoked", "registry_anchor_revoked", of(LINK, keys=[entry(SECOND, CHANGED, revokedAt=NOW - DAY)])),
    Row("a change in a document that has expired", "registry_expired",
        lambda: document(SECOND, [LINK], [entry(SECOND, CHANGED)], expires=timestamp(NOW - DAY)), seen=BEFORE),
    Row("a thief's own chain", "registry_anchor_unknown",
        of(succeed(THIEF, THIRD, CHANGED, CHANGED), keys=[entry(THIRD, CHANGED)], signer=THIRD)),
    Row("no chain, and another key", "registry_anchor_unknown", of(keys=[entry(THIEF)], signer=THIEF)),
    Row("a good chain, under a key that it does not name", "registry_signature_invalid", of(LINK, signer=THIEF)),
    Row("a good chain, signed by a thief in the right name", "registry_signature_invalid", impersonated),
    Row("more successions than anybody needs", "registry_malformed", of(*[LINK] * 257)),
    Row("successions that are no list", "registry_malformed", lambda: document(FIRST, anchors={"0": LINK})),
    Row("a succession that is a word", "registry_malformed", of("SECOND")),
    Row("a succession of another type", "registry_malformed", of({**LINK, "type": "Other"})),
    Row("a word of both keys for something else", "registry_malformed", of(by_two(FIRST, SECOND, type="TraitDUnionKeyRotation"))),
    Row("a succession without its moment", "registry_malformed", of(altered(**{"from": None}))),
    Row("a succession at another writing of its moment", "registry_malformed", of(by_two(FIRST, SECOND, **{"from": CHANGED.isoformat()}))),
)  # fmt: skip
