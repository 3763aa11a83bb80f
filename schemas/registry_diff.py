"""What changed between two registries, in French, one line for each thing; and what a reader of one must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.manifest import KeyEntry, NodeEntry, PeerEntry, RegistryDocument

GRADES: Final[Mapping[str, str]] = {
    "candidate": "candidat", "observer": "observateur", "full": "admis", "suspended": "suspendu", "gone": "parti",
}  # fmt: skip
PEOPLE: Final[Mapping[str, str]] = {"person_named": "nommée pour approuver", "person_revoked": "n’approuve plus"}
DATES: Final[Mapping[str, str]] = {
    "active_from": "active dès", "retiring_from": "bientôt retirée dès", "retired_at": "retirée dès", "revoked_at": "révoquée le",
    "compromised_since": "compromise depuis",
}  # fmt: skip


def differences(before: RegistryDocument, after: RegistryDocument) -> list[str]:
    """Lines that say what the later registry says otherwise; empty where only its dates differ."""
    return [
        *_of_nodes({node.id: node for node in (before.hub, *before.nodes)}, {node.id: node for node in (after.hub, *after.nodes)}),
        *_of_peers({peer.authority: peer for peer in before.peers}, {peer.authority: peer for peer in after.peers}),
        *_of_keys({key.id: key for key in before.federation}, {key.id: key for key in after.federation}),
        *_of_people(before, after),
    ]


def _of_people(before: RegistryDocument, after: RegistryDocument) -> Iterator[str]:
    """Who came to approve, and who no longer does: whoever names two people may admit by them alone."""
    changes = [change for one in after.history if one.version > before.version for change in one.changes]
    yield from (f"{change.subject} : {PEOPLE[change.act]}" for change in changes if change.act in PEOPLE)


def _of_nodes(before: Mapping[str, NodeEntry], after: Mapping[str, NodeEntry]) -> Iterator[str]:
    yield from (f"nœud {name} : n’y est plus" for name in before if name not in after)
    for name, node in after.items():
        old = before.get(name)
        if old is None:
            yield f"nœud {name} : nouveau, {node.organisation}, {node.platform}, {GRADES[node.grade]}"
        else:
            yield from _words(f"nœud {name}", old, node, ("organisation", "platform"))
        yield from _of_keys({key.id: key for key in old.keys} if old else {}, {key.id: key for key in node.keys})


def _of_peers(before: Mapping[str, PeerEntry], after: Mapping[str, PeerEntry]) -> Iterator[str]:
    yield from (f"serveur pair {name} : n’y est plus" for name in before if name not in after)
    for name, peer in after.items():
        old = before.get(name)
        if old is None:
            yield f"serveur pair {name} : nouveau, {peer.name}, {peer.kind}, {GRADES[peer.grade]}"
        else:
            yield from _words(f"serveur pair {name}", old, peer, ("name", "kind", "cavage", "anchor"))


def _words(who: str, old: NodeEntry | PeerEntry, new: NodeEntry | PeerEntry, names: tuple[str, ...]) -> Iterator[str]:
    if old.grade is not new.grade:
        yield f"{who} : {GRADES[old.grade]} → {GRADES[new.grade]}"
    for name in names:
        if getattr(old, name) != getattr(new, name):
            yield f"{who} : {name} « {getattr(old, name)} » → « {getattr(new, name)} »"
    if old.manifest_expires != new.manifest_expires:
        yield f"{who} : manifeste valable {_until(new)} ({_until(old)} auparavant)"


def _until(entry: NodeEntry | PeerEntry) -> str:
    return f"jusqu’au {entry.manifest_expires:%Y-%m-%d %H:%M:%S}Z" if entry.manifest_expires else "sans fin"


def _of_keys(before: Mapping[str, KeyEntry], after: Mapping[str, KeyEntry]) -> Iterator[str]:
    yield from (f"clé {name} : n’y est plus" for name in before if name not in after)
    for name, key in after.items():
        old = before.get(name)
        said = [
            f"{words} {getattr(key, date):%Y-%m-%d %H:%M:%S}Z"
            for date, words in DATES.items()
            if getattr(key, date) is not None and (old is None or getattr(old, date) != getattr(key, date))
        ]
        if old is None or said:
            yield f"clé {name} : {'nouvelle' if old is None else 'changée'}{', ' if said else ''}{', '.join(said)}"
