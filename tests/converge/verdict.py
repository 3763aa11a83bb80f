"""The verdict on a story: what the hub's numbers define, told by the facts alone, against what each RSE shows its readers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from schemas.envelope import object_id
from tests.converge.rse import Original
from tests.converge.thread import DISCOURSE, EXO, MATRIX, PREFIX, thread_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.converge.rse import Shown
    from tests.converge.town import Town

HEARTS: Final = ("❤", "👍")


@dataclass(frozen=True)
class Said:
    """An event that a node published."""

    node: str
    kind: str
    native_id: str
    subject: str


def said(town: Town) -> list[Said]:
    """What the nodes published, each event once, in the order of its coming."""
    found: dict[str, Said] = {}
    for record in town.hub.said:
        heads = {name: (raw or b"").decode() for name, raw in record.headers}
        found.setdefault(
            heads["ce_id"], Said(heads["ce_source"], heads["ce_type"].removeprefix(PREFIX), heads["ce_nativeid"], heads["ce_subject"])
        )
    return list(found.values())


def verdict(town: Town) -> list[str]:
    """All that is not as it should be, in words."""
    judge = _Judge(town)
    return [*judge.numbering(), *judge.origins(), *judge.moderation(), *judge.everywhere(), *judge.people(), *judge.letters()]


class _Judge:
    def __init__(self, town: Town) -> None:
        self._town, self._book = town, town.book
        self._thread = thread_of(town.hub.facts, town.hub.community)
        self._thread.lift(town.person.lifted)
        self._subjects = {number: object_id(node, native) for number, (node, native) in self._book.said.items()}
        self._shown = {node: rse.shown() for node, rse in town.rses.items()}

    def numbering(self) -> Iterator[str]:
        """Every number once, in order; every event one number."""
        if self._thread.numbers != list(range(1, len(self._thread.numbers) + 1)):
            yield f"numbers {self._thread.numbers}"
        yield from (f"event {event} twice" for event, times in Counter(self._thread.events).items() if times > 1)

    def moderation(self) -> Iterator[str]:
        """Taken away is what somebody who may do so took away, and what came back says what its author said last."""
        person, taken = self._town.person, Counter(self._town.person.removed)
        hers = Counter(one.subject for one in said(self._town) if one.kind == "copy.withdrawn.v1" and one.node != EXO and person.entrusted)
        for subject, times in self._thread.times.items():
            if not taken[subject] <= times <= taken[subject] + hers[subject]:
                yield f"{subject} taken away {times} times, not {taken[subject]} to {taken[subject] + hers[subject]}"
        yield from (f"{subject}, withdrawn by a moderator, stays" for subject in hers.keys() - self._thread.ever_away)
        brought: dict[str, list[tuple[int, int] | None]] = {}
        for subject, words in person.brought:
            brought.setdefault(subject, []).append(words)
        if brought != self._thread.restored:
            yield f"brought back {self._thread.restored}, not {brought}"

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
        if own:
            yield from self._authors_will(node, number)
        if own and (subject in self._thread.times or self._under_what_is_lost(node, subject)):
            yield from self._original(node, number, here)
            return
        word = self._thread.stands(subject)
        orphans, here = [one for one in here if one.orphan], [one for one in here if not one.orphan]
        if len(here) > 1:
            yield f"shown {len(here)} times"
        if orphans and (word is None or (node, number) not in self._book.lost):
            yield f"{len(orphans)} parts of it stand alone"
        if word is None:
            yield from ("shown though deleted or moderated",) if here else ()
            return
        if not here:
            excused = (node, number) in self._book.lost or self._under_what_is_lost(node, subject)
            if own or not (excused or (node == EXO and subject in self._thread.history)):
                yield "not shown"
            return
        (message, *_) = here
        allowed = {word} | (self._thread.versions[subject] if self._town.rses[node].fixed and not own else set())
        if (number, message.version) not in allowed:
            yield f"shown in version {message.version}, numbered in {word[1]}"
        yield from self._quotation(node, subject, message)
        if not own and (node, number) not in self._book.disturbed | self._book.touched:
            yield from self._length(number, message)
        if subject not in self._thread.ever_away and (node, number) not in self._book.disturbed:
            yield from self._marks(node, subject, message, own=own)
            if not own:
                yield from self._place(node, subject, message)

    def _authors_will(self, node: str, number: int) -> Iterator[str]:
        """What its own people did last is what is numbered, whatever was moderated meanwhile; their edits once it stands again.

        What our hand has taken away for ever tells no edit that was not heard before; and an eXo not who took it away, where the connector
        does not know any more whether it had done so itself.
        """
        subject, lost = self._subjects[number], self._town.rses[node].original is Original.LOST
        word = self._thread.words.get(subject)
        unsure = node == EXO and lost and subject in self._thread.times and node in self._book.killed
        if (node, number) in self._book.lost and word is not None and not unsure:
            yield "taken back by its own people, and numbered as standing"
        late = subject in self._thread.moderated or (lost and subject in self._thread.times)
        if word is not None and word != (number, self._book.versions[number]) and not late:
            yield f"edited to {self._book.versions[number]}, numbered in {word[1]}"

    def _original(self, node: str, number: int, here: Sequence[Shown]) -> Iterator[str]:
        """What became in its own RSE of a message that was moderated, or that stood under one: as far as that RSE goes."""
        subject, original = self._subjects[number], self._town.rses[node].original
        standing = [one for one in here if not one.orphan]
        if self._thread.words.get(subject) is None or subject in self._thread.moderated:
            away = original is not Original.KEPT or self._thread.words.get(subject) is None
            yield from ("shown where it was taken away",) if standing and away else ()
        elif not standing and original is not Original.LOST and not self._under_what_is_lost(node, subject):
            yield "not shown where it was brought back"
        for message in standing if subject not in self._thread.moderated else ():
            if (number, message.version) != self._thread.words.get(subject):
                yield f"shown in version {message.version}, numbered in {self._thread.words.get(subject)}"

    def _under_what_is_lost(self, node: str, subject: str) -> bool:
        """An eXo that deletes a message deletes what stands under it; the newer one does so where it takes away what its own people wrote."""
        above, rse = self._thread.parents.get(subject), self._town.rses[node]
        if node != EXO or above is None:
            return False
        lost = (rse.sweeps and above in self._thread.ever_away) or (rse.original is Original.LOST and above in self._thread.times)
        return lost or self._under_what_is_lost(node, above)

    def _length(self, number: int, message: Shown) -> Iterator[str]:
        """All of its sentences, each once, in order."""
        wanted = self._book.lengths.get(number, {}).get(message.version, 0)
        if message.sentences != tuple((number, message.version, sentence) for sentence in range(wanted)):
            yield f"{len(message.sentences)} sentences, not {wanted}"

    def _quotation(self, node: str, subject: str, message: Shown) -> Iterator[str]:
        """What a copy repeats is what stands now, or nothing where nothing stands there any more."""
        above = self._thread.parents[subject]
        number = next((number for number, name in self._subjects.items() if name == above), 0)
        wanted = {self._thread.stands(above or "") or (0, 0)} | ({(0, 0)} if (node, number) in self._book.lost else set())
        if message.quotes is not None and message.quotes not in wanted:
            yield f"repeats {message.quotes}, where {wanted} stands"

    def _place(self, node: str, subject: str, message: Shown) -> Iterator[str]:
        """A copy stands under its parent's, where that never went away."""
        above = self._thread.parents[subject]
        number = next((number for number, name in self._subjects.items() if name == above), None)
        if above is not None and (above in self._thread.ever_away or (node, number or 0) in self._book.disturbed):
            return
        parent = next((one for one in self._shown[node] if one.number == number), None)
        wanted = parent.native_id if parent is not None else None
        deepest = self._town.rses[node].levels
        if deepest is not None and parent is not None and self._depth(node, parent) >= deepest:
            wanted = parent.parent
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
            if above in self._thread.ever_away or any((place, number) in self._book.disturbed for place in self._shown):
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
