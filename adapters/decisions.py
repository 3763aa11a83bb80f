"""What becomes of a change that a person made in the RSE: a pure decision over what the ledger knows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from adapters import own_hand
from adapters.before import Beginnings
from adapters.echoes import awaited, is_echo, moment, precedes
from adapters.gestures import GESTURES, Gestures, Moments
from adapters.internal import stays_inside
from adapters.memory import Kind, KnownObject
from adapters.port import ACCEPTANCES, Act, Incomplete, Nonsense, Standing
from adapters.threads import BEHIND, Threads
from adapters.ties import TieState
from adapters.verdicts import Doubt, Drop, Park, Publish
from schemas.envelope import object_id
from schemas.facts.copy import CopyEdited, CopyWithdrawn
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.memory import Known
    from adapters.port import Change
    from adapters.settings import Instance
    from adapters.ties import Tie
    from adapters.verdicts import Decision

UNKNOWN = Drop("unknown_object")


@dataclass(frozen=True, slots=True)
class Desk:
    """What stays the same from one decision of an instance to the next."""

    instance: Instance
    tie_of: Callable[[str], Tie | None]
    """The tie of a space, whatever its state."""
    threads: Threads = field(default_factory=Threads)
    beginnings: Beginnings = field(default_factory=Beginnings)

    def decide(self, change: Change, known: Known, received_at: datetime, now: datetime) -> Decision:
        """Decide one change; `known` grows by what is to be published."""
        here = known.natives.get(change.native_id)
        if here is None and _may_be_told_now(change, known):
            return Park()
        if change.act in GESTURES or (here is not None and here.kind is not Kind.MESSAGE):
            return self._of_gesture(change, Gestures(self.instance, self._tie).decide(change, here, known, Moments(received_at, now)))
        tie = self._tie(change, here)
        if isinstance(tie, Drop):
            return tie
        if here is not None and _may_restore(change, here):
            return _restored(change, here, known)
        if here is not None and here.is_copy and is_echo(change.version, here.versions):
            return Drop("echo")
        if here is not None and _under_way(change, known):  # however long it takes: neither may what we do pass for a local withdrawal
            return Drop("echo") if here.is_copy else Park()  # nor a moderator's act for the author's
        if not change.history and awaited(change, known.intents, received_at, now, known=here is not None):
            return Park()  # history is people's own, and what happens to it meanwhile waits behind it
        if here is not None and not here.is_copy and own_hand.did(change, here):
            return Drop("echo")
        decision = _of_copy(change, here, tie) if here is not None and here.is_copy else self._of_own(change, here, tie, known, now)
        if isinstance(decision, Publish | Drop) and decision.remembered is not None:
            known.add(decision.remembered)
        return decision

    def _tie(self, change: Change, here: KnownObject | None) -> Tie | Drop:
        """The tie under which a change speaks: the one under which its object was first published, wherever it lies now.

        What was written since in a space from which nothing may leave stays there, though its object was published from another.
        What was published is taken back whatever became of the tie since: a deletion is never kept inside.
        """
        tie = self.tie_of(here.space if here is not None else change.space)
        if change.act is Act.DELETED and here is not None and not here.is_copy and tie is not None:
            return replace(tie, community=here.community)
        closed = _closed(tie) if here is None or tie is None or tie.community == here.community else Drop("not_tied")
        if closed is None and change.act is not Act.DELETED:
            closed = _closed(self.tie_of(change.space))
        return closed or tie or Drop("not_tied")

    def _of_gesture(self, change: Change, decision: Decision) -> Decision:
        """What is set on a message of which the RSE must be asked waits behind it; an acceptance is asked for, as it stands then."""
        if decision != UNKNOWN or not self.threads.awaits(change) or change.parent is None:
            return decision
        if change.act in ACCEPTANCES:
            return Doubt(Incomplete(change.parent, change.act, BEHIND))
        return Doubt(Incomplete(change.native_id, change.act, BEHIND, otherwise=change))

    def references(self, change: Change) -> list[str]:
        """All by which the ledger is asked for what a change is about."""
        found = (change.native_id, change.locator, change.parent, self.threads.named(change), *change.quotes)
        return [reference for reference in found if reference is not None]

    def shut(self, incomplete: Incomplete) -> Drop | None:
        """Why an RSE need not be asked for what was written in a space, where nothing of it would leave anyway."""
        return _closed(self.tie_of(incomplete.space)) if incomplete.space and incomplete.act is not Act.DELETED else None

    def _of_own(self, change: Change, here: KnownObject | None, tie: Tie, known: Known, now: datetime) -> Decision:
        """What becomes of a message of this RSE. History is told once, as it stands: what the ledger knows was told, or taken back."""
        doubted = UNKNOWN if change.corrects and here is None else _doubted(change, here)
        if doubted is not None:
            return doubted
        marker = f"{change.marker} after {here.versions[-1]}" if here is not None and _overtaken(change, here) else None
        if change.history and ((here is not None and not _untold(change, here)) or change.act is not Act.POSTED):
            return Drop("known_already" if here is not None else "not_standing")
        subject = object_id(self.instance.node, change.native_id)
        if change.act is Act.DELETED and here is not None:
            gone = replace(here, deleted=True, versions=(change.version,))
            return Publish(MessageDeleted(space=here.space), here.subject, None, tie, gone, marker)
        if change.act is Act.DELETED:
            waits = self.threads.takes_back(change)
            behind = Incomplete(change.native_id, change.act, BEHIND, otherwise=change)
            return Doubt(behind) if waits else Drop("unknown_object", _tombstone(change, subject, tie))
        if change.by_us:
            return Drop("own_account")
        if change.content is None or change.author is None:
            return Nonsense("content_missing")
        if stays_inside(change, self.instance.mark):
            return Drop("kept_internal")
        early = self.beginnings.judge(change, here, tie, now)
        if early is not None:
            self.threads.wait([change.native_id] if isinstance(early, Doubt) else [])
            return early
        self.threads.learn(change, now)
        strays, repeats = self._strays(change, here, known), _repeats_the_unknown(change, known)
        if strays or repeats:
            self.threads.wait([change.native_id])
            proved = replace(change, answers=Standing(), asked=None) if not repeats else None  # what repeats nobody knows what is not told
            parent = change.parent if strays else None
            return Doubt(Incomplete(change.native_id, change.act, change.asked or "", otherwise=proved, parent=parent))
        remembered = KnownObject(change.native_id, subject, "own", change.locator, (change.version,), tie.space, tie.community)
        if here is not None:
            remembered = replace(remembered, moderated=here.moderated, settled=here.settled)
        coming = _coming(change, known, tie)
        parent = object_id(self.instance.node, coming) if coming is not None else self._parent(change, known, tie, now)
        return Publish(_message(change, tie), subject, parent, tie, remembered, marker, coming)

    def _strays(self, change: Change, here: KnownObject | None, known: Known) -> bool:
        """Whether a message names what it answers by a locator that nobody knows here: the webhook of that may still come, and the RSE must say.

        An edit of what was told is no news of a thread: that is settled.
        """
        if change.parent is None or change.answers is not None or change.history or _is_native(change.parent, change):
            return False
        if change.act is Act.EDITED and here is not None and not here.deleted:
            return False
        return known.find(change.parent) is None and change.parent not in known.coming and change.parent not in self.threads

    def _parent(self, change: Change, known: Known, tie: Tie, now: datetime) -> str | None:
        """The object that is answered, of the same community alone: another's readers must not learn of it.

        A locator that the ledger does not know leads where the RSE said, if to anything that others get; a native id names its object anyway.
        """
        if change.parent is None:
            return None
        found = known.find(change.parent) or known.find(self.threads.named(change) or "")
        if found is not None:
            return found.subject if found.community == tie.community else None
        native_id = change.parent if _is_native(change.parent, change) else self.threads.parent(change, tie, now)
        return object_id(self.instance.node, native_id) if native_id is not None else None


def _doubted(change: Change, here: KnownObject | None) -> Doubt | None:
    """The RSE is asked where our own hand, or a later state that was heard of, came between; what it says twice counts."""
    if here is None:
        return None
    if own_hand.overtook(change, here):
        return Doubt(Incomplete(change.native_id, Act.EDITED))
    if _overtaken(change, here) and change.asked != change.version:
        return Doubt(Incomplete(change.native_id, Act.EDITED, change.version if change.asked is not None else ""))
    if _raises(change, here) and change.asked != change.version:
        return Doubt(Incomplete(change.native_id, Act.EDITED, change.version, space=change.space))
    return None


def _repeats_the_unknown(change: Change, known: Known) -> bool:
    """Whether a message repeats words of what was never told: it may have been kept inside, and the RSE must say."""
    return change.asked is None and not change.history and any(known.find(place) is None for place in change.quotes)


def _may_be_told_now(change: Change, known: Known) -> bool:
    """Whether a change may be about what a back-fill is just asking for and telling: the answer may be older than the change, and lack it."""
    if change.history or change.by_us or not known.telling_in(change.space):
        return False
    if change.act in {Act.DELETED, Act.UNREACTED}:
        return True  # a reaction that is being told with its message, too
    about = [known.coming.get(reference) for reference in (change.native_id, change.parent) if reference is not None]
    return any(one is not None and one.telling for one in about)


def _coming(change: Change, known: Known, tie: Tie) -> str | None:
    """The native id of what a message answers, where a back-fill has found that and not brought it yet: the hub will wait for it."""
    coming = known.coming.get(change.parent or "")
    if coming is None or coming.community != tie.community or known.find(change.parent or "") is not None:
        return None
    return coming.native_id


def _under_way(change: Change, known: Known) -> bool:
    """Whether we are taking this very message away: a copy by its author's word, or one of people here by a moderator's."""
    return change.act is Act.DELETED and any(one.act == Act.DELETED and one.native_id == change.native_id for one in known.intents)


def _overtaken(change: Change, here: KnownObject) -> bool:
    """Tell whether an own object was heard of in a later state: a webhook that is tried again comes behind those that were not.

    Or the RSE's clock went back, or its staff undeleted the post, which raises no time: the RSE itself must say.
    """
    if not here.versions:
        return False
    last = here.versions[-1]
    return precedes(change.version, last) or (change.version == last and here.deleted and change.act is not Act.DELETED)


def _raises(change: Change, here: KnownObject) -> bool:
    """Whether an edit that was asked for may have stood before its message was deleted; where versions are no times nothing tells."""
    return here.deleted and change.act is Act.EDITED and change.asked is not None and moment(change.version) is None


def _untold(change: Change, here: KnownObject) -> bool:
    """Whether a message of before the tie may be known to the ledger alone: the process that told it did not live to see it kept."""
    return change.asked == change.version and not here.deleted and here.versions[-1:] == (change.version,)


def _tombstone(change: Change, subject: str, tie: Tie) -> KnownObject | None:
    """A deletion that came before what it deletes, where webhooks can come so; else there is nothing to remember."""
    if moment(change.version) is None:
        return None
    return KnownObject(change.native_id, subject, "own", None, (change.version,), tie.space, tie.community, deleted=True)


def _closed(tie: Tie | None) -> Drop | None:
    """Why nothing passes between a space and its community, if nothing does."""
    if tie is None or not tie.lives:
        return Drop("tie_suspended" if tie is not None and tie.state is TieState.SUSPENDED else "not_tied")
    return Drop("audience_unknown") if tie.audience is Audience.UNKNOWN else None


def _may_restore(change: Change, here: KnownObject) -> bool:
    """Whether a moderator may have brought back a copy that was taken away; only where versions are times anything comes back."""
    return here.withdrawn and change.act in {Act.POSTED, Act.EDITED} and moment(change.version) is not None


def _restored(change: Change, here: KnownObject, known: Known) -> Decision:
    """Late news of a time before the withdrawal look the same: the RSE itself must say. From then on the copy follows its author again."""
    if change.asked is None:
        return Doubt(Incomplete(change.native_id, Act.EDITED))
    known.add(replace(here, withdrawn=False))
    return Drop("copy_restored", known.natives[here.native_id])


def _of_copy(change: Change, here: KnownObject, tie: Tie) -> Decision:
    match change.act:
        case Act.DELETED if here.deleted:
            return Drop("echo")
        case Act.DELETED:  # of one withdrawn already, too: Kafka may have missed what the ledger kept, and a double dies by its id
            return Publish(CopyWithdrawn(space=here.space), here.subject, None, tie, replace(here, withdrawn=True))
        case Act.EDITED:
            return Publish(CopyEdited(space=here.space), here.subject, None, tie, here)
        case Act.POSTED:
            return Drop("echo")
        case Act.REACTED | Act.UNREACTED | Act.ACCEPTED | Act.UNACCEPTED:
            return Drop("taken_off_here")  # never asked: what is set on a message is decided apart


def _message(change: Change, tie: Tie) -> MessagePosted:
    if change.content is None or change.author is None:
        raise ValueError(change.native_id)
    kind = MessageEdited if change.act is Act.EDITED else MessagePosted
    return kind(
        space=tie.space,
        author=change.author,
        content=change.content,
        title=change.title,
        link=change.link,
        attachments=tuple(file.model_copy(update={"readers": file.readers or tie.audience}) for file in change.attachments),
        mentions=change.mentions,
    )


def _is_native(reference: str, change: Change) -> bool:
    """A reference of the same kind (`post:`) as the change's own native id; platforms without locators have native ids alone."""
    return change.locator is None or reference.partition(":")[0] == change.native_id.partition(":")[0]
