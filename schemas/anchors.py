"""How one anchor of the registry follows another: a chain of successions, each signed by both keys, which a reader walks from its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from schemas import jcs
from schemas.documents import document_holds, sign_document
from schemas.keys import PublicKey
from schemas.moments import moment_of
from schemas.proof import timestamp
from schemas.registry_parts import KeyState, RegistryRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.keys import SigningKey
    from schemas.registry_parts import KeyEntry, NodeEntry

TYPE: Final = "TraitDUnionAnchorSuccession"
GRACE: Final = timedelta(minutes=5)
"""So long after its end an anchor may still have signed a document: the hub's processes settle, and their clocks differ."""
MOST: Final = 256
"""Successions of one document: each costs two verifications before the document itself is proved."""


@dataclass(frozen=True, slots=True)
class Succession:
    """From a moment on `new` signs the registry in place of `old`; both have said so. Made by `read` alone."""

    old: PublicKey
    new: PublicKey
    start: datetime
    document: Mapping[str, Any] = field(repr=False)


def succeed(old: SigningKey, new: SigningKey, start: datetime, now: datetime) -> dict[str, Any]:
    """The word of both: the new key signs first (it is held), the old one over that (it agrees). Moments are written to the millisecond."""
    said = {"type": TYPE, "hub": old.owner, "old": old.public.multibase, "new": new.public.multibase, "from": timestamp(start)}
    inner = sign_document({**said, "issued": timestamp(now)}, new, now)
    return sign_document({"type": TYPE, "succession": inner}, old, now)


@dataclass(frozen=True, slots=True)
class Chain:
    """The anchors of one hub, one after another, as a document tells them; none where its anchor never changed."""

    links: tuple[Succession, ...] = ()

    @classmethod
    def read(cls, unverified: object, hub: object) -> Self:
        """Check every succession: signed by both, where the one before ended, later than it; raises RegistryRefused."""
        if not isinstance(unverified, list | tuple) or len(unverified) > MOST:
            raise RegistryRefused("registry_malformed", "anchors")
        links = tuple(_read(one, hub) for one in unverified)
        for before, link in itertools.pairwise(links):
            if link.old != before.new:
                raise RegistryRefused("registry_anchor_forked", link.old.multibase)
            if link.start <= before.start:
                raise RegistryRefused("registry_anchor_dates", link.new.multibase)
        if len({link.new for link in links} | {link.old for link in links}) != len(links) + bool(links):
            raise RegistryRefused("registry_anchor_forked", "an anchor stands twice")
        return cls(links)

    @property
    def names(self) -> tuple[str, ...]:
        """The anchors, the oldest first; the last may be announced only."""
        return tuple(link.old.multibase for link in self.links[:1]) + tuple(link.new.multibase for link in self.links)

    def signer(self, held: PublicKey, said: str) -> PublicKey:
        """The key that must have signed a document that names `said`, for a reader that holds an anchor; raises RegistryRefused.

        From the anchor held one walks forward alone: who holds a newer one no longer believes those that it has followed.
        """
        names = self.names or (said or held.multibase,)
        if held.multibase not in names:
            raise RegistryRefused("registry_anchor_unknown", held.multibase)
        if said not in names:
            raise RegistryRefused("registry_signature_invalid")
        if names.index(said) < names.index(held.multibase):
            raise RegistryRefused("registry_anchor_rolled_back", said)
        return PublicKey.of(said)

    def before(self, anchor: str) -> tuple[str, ...]:
        """The anchors that this one has followed."""
        return self.names[: self.names.index(anchor)] if anchor in self.names else ()

    def judge(self, anchor: str, issued: datetime, hub: NodeEntry) -> None:
        """Make sure that this anchor was the one to sign at that moment, and that the hub's keys say the same; raises RegistryRefused."""
        if not self.links:
            return
        place = self.names.index(anchor)
        if place and issued < self.links[place - 1].start:
            raise RegistryRefused("registry_anchor_early", anchor)
        if place < len(self.links) and issued >= self.links[place].start + GRACE:
            raise RegistryRefused("registry_anchor_rolled_back", anchor)
        keys = {key.multibase: key for key in hub.keys}
        for link in self.links:
            entry = keys.get(link.new.multibase)
            if entry is None or entry.active_from != link.start or not _in_order(entry):
                raise RegistryRefused("registry_anchor_dates", link.new.multibase)
        if anchor not in keys or keys[anchor].state_at(issued) is KeyState.REVOKED:
            raise RegistryRefused("registry_anchor_revoked", anchor)

    def continues(self, seen: Chain, anchor: str, hub: NodeEntry) -> None:
        """Make sure that nothing of a chain seen before is told otherwise; raises RegistryRefused.

        `anchor` signed what was seen: a succession that was still to come then may be taken back, by the hub's calling its key revoked.
        """
        revoked = {key.multibase for key in hub.keys if key.revoked_at is not None}
        settled = len(seen.before(anchor))
        for place, link in enumerate(seen.links):
            told = self.links[place : place + 1]
            if told and told[0].document == link.document:
                continue
            if place < settled or link.new.multibase not in revoked:
                raise RegistryRefused("registry_anchor_forked", link.new.multibase)
            return


UNCHANGED: Final = Chain()


def named_signer(raw: Mapping[str, Any]) -> str:
    """The key (Multikey) that a document names as its signer, unproved; empty where it names none."""
    proof = raw.get("proof")
    said = proof.get("verificationMethod") if isinstance(proof, dict) else None
    return said.partition("#")[2] if isinstance(said, str) else ""


def _read(unverified: object, hub: object) -> Succession:
    inner = unverified.get("succession") if isinstance(unverified, dict) else None
    if not isinstance(unverified, dict) or not isinstance(inner, dict) or not (unverified.get("type") == inner.get("type") == TYPE):
        raise RegistryRefused("registry_malformed", "anchors")
    try:
        old, new, start = PublicKey.of(str(inner["old"])), PublicKey.of(str(inner["new"])), _start(inner["from"])
    except (KeyError, ValueError, OverflowError) as error:
        raise RegistryRefused("registry_malformed", "anchors") from error
    if inner.get("hub") != hub or not (_held(unverified, old, hub) and _held(inner, new, hub)):
        raise RegistryRefused("registry_anchor_unproved", new.multibase)
    return Succession(old, new, start, unverified)


def _start(said: object) -> datetime:
    """A moment in the one way in which we write it; raises ValueError or OverflowError."""
    start = moment_of(said)
    if start is None or timestamp(start) != said:
        raise ValueError(TYPE)
    return start


def _held(document: Any, key: PublicKey, hub: object) -> bool:
    try:
        return document["proof"]["verificationMethod"] == f"{hub}#{key.multibase}" and document_holds(document, key)
    except (jcs.JsonRefused, KeyError, TypeError):
        return False


def _in_order(entry: KeyEntry) -> bool:
    dates = [at for at in (entry.active_from, entry.retiring_from, entry.retired_at) if at is not None]
    return dates == sorted(dates)
