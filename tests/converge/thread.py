"""What the hub's numbers define, told by the facts alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.converge.rse import word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.ports import Record

MATRIX, DISCOURSE, EXO = "education", "wifip", "diplomatie"
PREFIX: Final = "fr.gouv.rse."


@dataclass
class Thread:
    """What the numbers define: words by object, None where it is deleted; parents; what is set on them."""

    words: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    versions: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    """All words that an object ever said."""
    parents: dict[str, str | None] = field(default_factory=dict)
    reactions: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    """Reaction → message, node, the name that is shown elsewhere, emoji."""
    answers: dict[str, str | None] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    ever_deleted: set[str] = field(default_factory=set)
    members: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Membership → node, name."""
    history: set[str] = field(default_factory=set)
    """Objects that were first said before their space was tied."""
    moderated: set[str] = field(default_factory=set)
    """What a moderator's word stands against."""
    times: Counter[str] = field(default_factory=Counter)
    """How often each was taken away by such a word."""
    restored: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """With which words each came back, each time."""

    @property
    def ever_away(self) -> set[str]:
        """What was ever deleted or moderated: what was set on it, or stood under it, may be lost."""
        return self.ever_deleted | set(self.times)

    def stands(self, subject: str) -> tuple[int, int] | None:
        """The words that everybody reads; None where nobody does."""
        return None if subject in self.moderated else self.words.get(subject)

    def lift(self, lifted: Counter[str]) -> None:
        """Nothing stands any more against what came back as often as it was taken away, though that was of no use to what its author took back."""
        ended = {subject: lifted[subject] + len(self.restored.get(subject, ())) for subject in lifted}
        self.moderated -= {subject for subject, times in ended.items() if times == self.times[subject]}

    def root(self, subject: str) -> str:
        """The message that began its thread."""
        while (above := self.parents.get(subject)) is not None:
            subject = above
        return subject


def thread_of(facts: Iterable[Record], community: str) -> Thread:
    """Fold a community's numbered facts, in the order of their coming."""
    thread = Thread()
    for record in facts:
        heads = {name: (raw or b"").decode() for name, raw in record.headers}
        if (record.key or b"").decode() == community and "hub_sequence" in heads:
            thread.numbers.append(int(heads["hub_sequence"]))
            thread.events.append(heads["ce_id"])
            _fold(thread, heads, json.loads(record.value or b"{}"))
    return thread


def _fold(thread: Thread, heads: Mapping[str, str], fact: Mapping[str, Any]) -> None:
    subject, parent = heads["ce_subject"], heads.get("ce_parent")
    match heads["ce_type"].removeprefix(PREFIX):
        case "message.posted.v1" | "message.edited.v1":
            thread.parents.setdefault(subject, parent if parent in thread.words else None)
            if "ce_history" in heads and subject not in thread.words:
                thread.history.add(subject)
            thread.words[subject] = word = word_of(fact["content"]["text"]) or (0, 0)
            thread.versions.setdefault(subject, set()).add(word)
        case "message.deleted.v1":
            thread.parents.setdefault(subject, None)
            thread.words[subject] = None
            thread.ever_deleted.add(subject)
        case "message.moderated.v1":
            thread.moderated.add(subject)
            thread.times[subject] += 1
        case "message.restored.v1":
            thread.moderated.discard(subject)
            thread.words[subject] = word = word_of(_restored(fact)) or (0, 0)
            thread.restored.setdefault(subject, []).append(word)
        case "reaction.added.v1":
            name, source = fact["author"]["name"], heads["ce_source"]
            shown = name if source == MATRIX else f"{name} ({fact['author']['organisation']})"
            thread.reactions[subject] = (parent or "", source, shown, fact["emoji"])
        case "reaction.removed.v1":
            thread.reactions.pop(subject, None)
        case "answer.accepted.v1":
            thread.answers[thread.root(parent or "")] = parent
        case "answer.withdrawn.v1":
            thread.answers[thread.root(parent or "")] = None
        case "membership.joined.v1":
            thread.members[subject] = (heads["ce_source"], fact["member"]["name"])
        case "membership.left.v1":
            thread.members.pop(subject, None)
        case _:
            return


def _restored(fact: Mapping[str, Any]) -> str:
    """The words that a restoration carries: its ministry's own, else the hub's."""
    said = json.loads(fact["said"]["value"]) if fact.get("said") else fact["words"]
    text: str = said["content"]["text"]
    return text


def last_said(records: Iterable[Record], subject: str) -> tuple[int, int] | None:
    """The words in which its own node last said a message; None where it took it back."""
    words = None
    for record in records:
        heads = {name: (raw or b"").decode() for name, raw in record.headers}
        if heads["ce_subject"] == subject:
            match heads["ce_type"].removeprefix(PREFIX):
                case "message.posted.v1" | "message.edited.v1":
                    words = word_of(json.loads(record.value or b"{}")["content"]["text"])
                case "message.deleted.v1":
                    words = None
                case _:
                    pass
    return words
