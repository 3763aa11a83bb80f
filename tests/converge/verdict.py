"""The verdict on a story: what the hub's numbers define, told by the facts alone, against what each RSE shows its readers."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from schemas.envelope import object_id
from tests.converge.rse import word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.ports import Record
    from tests.converge.rse import Shown
    from tests.converge.town import Town

MATRIX, DISCOURSE, EXO = "education", "wifip", "diplomatie"
PREFIX: Final = "fr.gouv.rse."
HEARTS: Final = ("❤", "👍")


@dataclass
class Thread:
    """What the numbers define: words by object, None where it is deleted; parents; what is set on them."""

    words: dict[str, tuple[int, int] | None] = field(default_factory=dict)
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
            thread.words[subject] = word_of(fact["content"]["text"]) or (0, 0)
        case "message.deleted.v1":
            thread.parents.setdefault(subject, None)
            thread.words[subject] = None
            thread.ever_deleted.add(subject)
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


@dataclass(frozen=True)
class Said:
    """An event that a node published."""

    node: str
    kind: str
    native_id: str


def said(town: Town) -> list[Said]:
    """What the nodes published, each event once, in the order of its coming."""
    found: dict[str, Said] = {}
    for record in town.hub.said:
        heads = {name: (raw or b"").decode() for name, raw in record.headers}
        found.setdefault(heads["ce_id"], Said(heads["ce_source"], heads["ce_type"].removeprefix(PREFIX), heads["ce_nativeid"]))
    return list(found.values())


def verdict(town: Town) -> list[str]:
    """All that is not as it should be, in words."""
    judge = _Judge(town)
    return [*judge.numbering(), *judge.origins(), *judge.everywhere(), *judge.people(), *judge.letters()]


class _Judge:
    def __init__(self, town: Town) -> None:
        self._town, self._book = town, town.book
        self._thread = thread_of(town.hub.facts, town.hub.community)
        self._subjects = {number: object_id(node, native) for number, (node, native) in self._book.said.items()}
        self._shown = {node: rse.shown() for node, rse in town.rses.items()}

    def numbering(self) -> Iterator[str]:
        """Every number once, in order; every event one number."""
        if self._thread.numbers != list(range(1, len(self._thread.numbers) + 1)):
            yield f"numbers {self._thread.numbers}"
        yield from (f"event {event} twice" for event, times in Counter(self._thread.events).items() if times > 1)

    def everywhere(self) -> Iterator[str]:
        """Every RSE shows what the numbers define."""
        for node, shown in self._shown.items():
            by_number: dict[int, list[Shown]] = {}
            for one in shown:
                by_number.setdefault(one.number, []).append(one)
            if strange := [one.native_id for one in shown if one.number not in self._book.said]:
                yield f"{node} shows what nobody wrote: {strange}"
            for number, (origin, native) in self._book.said.items():
                yield from (
                    f"{node}, message {number} of {origin} ({native}): {fault}"
                    for fault in self._message(node, number, by_number.get(number, []))
                )

    def people(self) -> Iterator[str]:
        """The community counts in each RSE those who take part there, each once."""
        for node, rse in self._town.rses.items():
            counted = sorted(name for source, name in self._thread.members.values() if source == node)
            if counted != rse.members():
                yield f"{node} counts {counted}, where {rse.members()} take part"

    def _message(self, node: str, number: int, here: Sequence[Shown]) -> Iterator[str]:
        subject, own = self._subjects[number], self._book.said[number][0] == node
        word = self._thread.words.get(subject)
        orphans, here = [one for one in here if one.orphan], [one for one in here if not one.orphan]
        if len(here) > 1:
            yield f"shown {len(here)} times"
        if orphans and (word is None or (node, number) not in self._book.lost):
            yield f"{len(orphans)} parts of it stand alone"
        if word is None:
            yield from ("shown though deleted",) if here else ()
            return
        if not here:
            if own or ((node, number) not in self._book.lost and not (node == EXO and subject in self._thread.history)):
                yield "not shown"
            return
        (message, *_) = here
        if word != (number, message.version):
            yield f"shown in version {message.version}, numbered in {word[1]}"
        yield from self._quotation(node, subject, message)
        if not own and (node, number) not in self._book.disturbed | self._book.touched:
            yield from self._length(number, message)
        if subject not in self._thread.ever_deleted and (node, number) not in self._book.disturbed:
            yield from self._marks(node, subject, message, own=own)
            if not own:
                yield from self._place(node, subject, message)

    def _length(self, number: int, message: Shown) -> Iterator[str]:
        """All of its sentences, each once, in order."""
        wanted = self._book.lengths.get(number, {}).get(message.version, 0)
        if message.sentences != tuple((number, message.version, sentence) for sentence in range(wanted)):
            yield f"{len(message.sentences)} sentences, not {wanted}"

    def _quotation(self, node: str, subject: str, message: Shown) -> Iterator[str]:
        """What a copy repeats is what stands now, or nothing where nothing stands there any more."""
        above = self._thread.parents[subject]
        number = next((number for number, name in self._subjects.items() if name == above), 0)
        wanted = {self._thread.words.get(above or "") or (0, 0)} | ({(0, 0)} if (node, number) in self._book.lost else set())
        if message.quotes is not None and message.quotes not in wanted:
            yield f"repeats {message.quotes}, where {wanted} stands"

    def _place(self, node: str, subject: str, message: Shown) -> Iterator[str]:
        """A copy stands under its parent's, where that never went away."""
        above = self._thread.parents[subject]
        number = next((number for number, name in self._subjects.items() if name == above), None)
        if above is not None and (above in self._thread.ever_deleted or (node, number or 0) in self._book.disturbed):
            return
        parent = next((one for one in self._shown[node] if one.number == number), None)
        wanted = parent.native_id if parent is not None else None
        if node == EXO and parent is not None and self._depth(node, parent) > 1:
            wanted = parent.parent  # two levels only
        if message.parent != wanted:
            yield f"stands under {message.parent}, not {wanted}"

    def _depth(self, node: str, message: Shown) -> int:
        above = next((one for one in self._shown[node] if one.native_id == message.parent), None)
        return 0 if above is None else 1 + self._depth(node, above)

    def _marks(self, node: str, subject: str, message: Shown, *, own: bool) -> Iterator[str]:
        standing = [(source, name, emoji) for target, source, name, emoji in self._thread.reactions.values() if target == subject]
        if node == MATRIX:
            wanted = {f"{name} {emoji}" for _, name, emoji in standing}
            if message.liked != wanted:
                yield f"reactions {sorted(message.liked)}, not {sorted(wanted)}"
        if node == DISCOURSE and own:
            elsewhere = any(source != node and emoji.startswith(HEARTS) for source, _, emoji in standing)
            if ("traitdunion" in message.liked) is not elsewhere:
                yield f"liked by {sorted(message.liked)} though elsewhere {elsewhere}"
        if node != EXO and self._in_its_topic(node, subject):
            accepted = subject in self._thread.answers.values()
            if message.accepted is not accepted:
                yield f"accepted {message.accepted}, numbered {accepted}"

    def _in_its_topic(self, node: str, subject: str) -> bool:
        """In Discourse only an answer that stands in its question's topic can be marked."""
        del node
        while (above := self._thread.parents.get(subject)) is not None:
            number = next((number for number, name in self._subjects.items() if name == above), 0)
            if above in self._thread.ever_deleted or any((place, number) in self._book.disturbed for place in self._shown):
                return False
            subject = above
        return True

    def origins(self) -> Iterator[str]:
        """Every event of a node is something that its people did: none is an echo."""
        own = set(self._book.said.values())
        for event, times in Counter(said(self._town)).items():
            most = self._most(event.node, event.kind, event.native_id, own=(event.node, event.native_id) in own)
            if most is not None and times > most:
                yield f"{times} × {event.kind} of {event.native_id} from {event.node}, where people did {most}"

    def _most(self, node: str, kind: str, native: str, *, own: bool) -> int | None:
        """How many events of a kind people can have caused; None where that is not counted by object."""
        deeds = self._book.deeds
        edits, gone, back = (deeds[node, what, native] for what in ("edit", "gone", "back"))
        match kind:
            case "message.posted.v1":
                return int(own)
            case "message.edited.v1":
                return (edits + gone + 2 * back) if own else 0
            case "message.deleted.v1":
                return gone if own else 0
            case "copy.withdrawn.v1":
                return 0 if own else gone
            case "copy.edited.v1":
                return 0 if own else edits
            case "reaction.added.v1":
                return self._done(node, "react") if node != EXO else None
            case _:
                return None

    def _done(self, node: str, what: str) -> int:
        return sum(times for (place, deed, _), times in self._book.deeds.items() if (place, deed) == (node, what))

    def letters(self) -> Iterator[str]:
        """Nothing became a dead letter, at the hub or at a connector."""
        yield from (f"dead letter {reason}: {error}" for _, reason, error in self._town.hub.world.dead_letters.kept)
        for topic, records in self._town.hub.kafka.topics.items():
            for record in records if "dlq" in topic else ():
                heads = {name: (raw or b"").decode() for name, raw in record.headers}
                yield f"dead letter in {topic}: {heads.get('dlq_reason')} {heads.get('dlq_error')}"
