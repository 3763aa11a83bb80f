"""What a peer's answer means, when it is tried again, and by which signature: rules without I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.wire.destinations import Absence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Scheme(StrEnum):
    """How a request is signed, the best first."""

    ED25519 = "ed25519"
    RSA = "rsa-v1_5-sha256"
    CAVAGE = "cavage"


SCHEMES: Final = tuple(Scheme)
REMEMBERED: Final = timedelta(days=7)
"""After so long a peer is asked again whether it has learnt a better signature."""


class Trouble(StrEnum):
    """Why a delivery did not succeed; what the client itself refuses or does not reach bears the client's own name."""

    TOO_MANY = "peer_too_many_requests"
    SERVER_ERROR = "peer_server_error"
    UNAVAILABLE = "peer_unavailable"
    FAILS = "peer_fails_on_activity"
    REDIRECTED = "peer_redirects"
    SIGNATURE = "peer_refuses_signature"
    REFUSED = "peer_refuses_activity"
    TOO_LARGE = "peer_finds_it_too_large"
    INBOX_GONE = "peer_inbox_gone"
    INBOX_MISSING = "peer_inbox_missing"
    OBJECT_UNKNOWN = "peer_object_unknown"
    ACTOR_MISSING = "peer_actor_missing"
    EXPIRED = "peer_backlog_expired"
    BROKEN = "delivery_broken"


@dataclass(frozen=True, slots=True)
class Taken:
    """The peer has it."""

    scheme: Scheme


@dataclass(frozen=True, slots=True)
class Later:
    """It may take it another time; `wait` is what it asks for, in seconds."""

    reason: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Never:
    """It will not take this one, however often it is asked."""

    reason: str


@dataclass(frozen=True, slots=True)
class Spent:
    """It was tried often enough and long enough: set aside, so that what follows is brought."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such inbox any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Nowhere:
    """Nothing that could take it stands at the one address for which it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """It says that there is no such address, which is not believed yet."""

    reason: str


Outcome = Taken | Later | Never | Gone | Nowhere
UNSIGNED: Final = frozenset({400, 401, 403})
"""What servers answer to a signature that they do not understand: 401 by right, 400 and 403 by habit."""
HEALING: Final = frozenset({408, 421, 423, 425, 429})
AWAY: Final = frozenset({502, 503, 504})
"""What stands before a server says while that is away: nothing against what was brought."""


KEYS_KEPT: Final = timedelta(days=2)
"""Servers keep an actor's keys for a day without asking again (Mastodon, Lemmy); twice that, no server knows a pair that nobody shows any more."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When an activity by which a server fails each time, though it answers, is set aside: after so many answers, over so long."""

    attempts: int = 20
    span: timedelta = timedelta(days=1)

    def over(self, reason: str) -> timedelta:
        """Over how long: whose signature is not believed may have to wait until our keys are read again there."""
        return max(self.span, KEYS_KEPT) if reason == Trouble.SIGNATURE else self.span


def judge(status: int, wait: float | None, scheme: Scheme) -> Outcome:
    """What an answer means for one activity, whatever signature it had."""
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return Taken(scheme)
    if status in HEALING:
        return Later(Trouble.TOO_MANY, wait)
    if status in {404, 410}:
        return Gone(Trouble.INBOX_GONE if status == 410 else Trouble.INBOX_MISSING)  # noqa: PLR2004 - Gone
    if status == 401:  # noqa: PLR2004 - Unauthorized: it is who speaks that is not believed, and nothing is said against what was brought
        return Later(Trouble.SIGNATURE, wait)
    if status == 403:  # noqa: PLR2004 - Forbidden
        return Never(Trouble.SIGNATURE)
    if 400 <= status < 500:  # noqa: PLR2004 - the class of refusals
        return Never(Trouble.TOO_LARGE if status == 413 else Trouble.REFUSED)  # noqa: PLR2004 - Content Too Large
    if status in AWAY:
        return Later(Trouble.UNAVAILABLE, wait)
    return Later(Trouble.REDIRECTED if 300 <= status < 400 else Trouble.SERVER_ERROR, wait)  # noqa: PLR2004 - the class of redirections


def judge_asking(status: int, meant: Outcome) -> Outcome:
    """What an answer means to who asked for an actor: the same as to who brought something, but that she is not there."""
    return Nowhere(Trouble.ACTOR_MISSING) if status in {404, 410} else meant


def judge_unheralded(status: int, wait: float | None, scheme: Scheme) -> Outcome:
    """The same while our pair is one that no former one has named: what refuses in any way may be looking at keys of yesterday."""
    return Later(Trouble.SIGNATURE, wait) if status in UNSIGNED else judge(status, wait, scheme)


class State(StrEnum):
    """A peer's circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    PAUSED = "paused"
    GONE = "gone"


STEPS: Final[Mapping[State, frozenset[State]]] = {
    State.CLOSED: frozenset({State.CLOSED, State.OPEN, State.PAUSED, State.GONE}),
    State.OPEN: frozenset({State.OPEN, State.CLOSED, State.PAUSED, State.GONE}),
    State.PAUSED: frozenset({State.PAUSED, State.CLOSED}),
    State.GONE: frozenset({State.CLOSED}),
}
"""Open → open is one more failure; a try that succeeds closes it. Gone → closed is a peer that follows again."""

WEARYING: Final[Mapping[str, Trouble]] = {
    Trouble.SERVER_ERROR: Trouble.FAILS,
    Trouble.SIGNATURE: Trouble.SIGNATURE,
    Trouble.REDIRECTED: Trouble.REDIRECTED,
    Trouble.BROKEN: Trouble.BROKEN,
}
"""What a server says of an activity, or what it has break here, again and again, until it is set aside, and under which name."""
FIRST_WAIT: Final = timedelta(seconds=2)
LONGEST_WAIT: Final = timedelta(hours=6)
LONGEST_WISH: Final = timedelta(hours=24)
OURS: Final = timedelta(minutes=1)
"""For what is no fault of any server: all of them get what waits soon after our key signs again."""
TRIES: Final = 3
"""How often what a peer refuses is tried before that is believed."""
BRIEFLY: Final = timedelta(minutes=10)
"""Over how long one address must not be found, where no more hangs on it, before that is believed: who is restarted is back by then."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one peer stands: everything before `position` is done for it; while it is not `behind`, it is as far as all others.

    `tries` counts how often what stands at `position` was refused or found no inbox, `errors` how often the server failed over it or believed no
    signature; the first of all these was at `errors_since`; that it was away in between counts for nothing.
    """

    peer: str
    position: int
    state: State = State.CLOSED
    behind: bool = False
    failures: int = 0
    tries: int = 0
    next_try: datetime | None = None
    scheme: Scheme | None = None
    scheme_at: datetime | None = None
    last_success: datetime | None = None
    last_failure: datetime | None = None
    failing_since: datetime | None = None
    reason: str | None = None
    errors: int = 0
    errors_since: datetime | None = None

    def to(self, state: State) -> State:
        """Another state; raises ValueError for a step that is none."""
        if state not in STEPS[self.state]:
            raise ValueError(f"{self.state} → {state}")
        return state

    def ladder(self, now: datetime) -> tuple[Scheme, ...]:
        """Signatures to try in turn: first the one that it took, until that is forgotten."""
        if self.scheme is None or self.scheme_at is None or now - self.scheme_at > REMEMBERED:
            return SCHEMES
        return (self.scheme, *(one for one in SCHEMES if one is not self.scheme))

    def knows(self, scheme: Scheme, now: datetime) -> bool:
        """Whether it is remembered to take this signature."""
        return self.ladder(now)[0] is scheme and self.scheme is scheme

    def may_need(self, scheme: Scheme, now: datetime) -> bool:
        """Whether it may be that it takes no other signature."""
        return self.scheme is None or self.knows(scheme, now)

    def may_blame_signature(self, status: int) -> bool:
        """Whether an answer may mean that this signature was not understood, and another may be tried.

        Some fail over one that they have no reader for (500: inboxes made with Lemmy's library, unless who made them sees to it); that is
        believed of a server only until it has taken something.
        """
        return status in UNSIGNED or (status == 500 and self.scheme is None)  # noqa: PLR2004 - Internal Server Error

    def took(self, offset: int, scheme: Scheme, now: datetime) -> Standing:
        """It took the record at an offset."""
        kept = self.scheme_at if self.knows(scheme, now) else now
        return replace(
            self,
            state=self.to(State.CLOSED),
            position=offset + 1,
            failures=0,
            tries=0,
            errors=0,
            errors_since=None,
            next_try=None,
            scheme=scheme,
            scheme_at=kept,
            last_success=now,
            failing_since=None,
        )

    def passed(self, offset: int) -> Standing:
        """What stands at an offset is not for it, or is given up."""
        return replace(self, position=offset + 1, tries=0, errors=0, errors_since=None)

    def failed(self, outcome: Later | Never | Unsure, offset: int, now: datetime, chance: float) -> Standing:
        """Try again later, from this offset on; `chance` in [0, 1) spreads those that failed together."""
        tries = self.tries if isinstance(outcome, Later) else self.tries + 1
        wish = outcome.wait if isinstance(outcome, Later) else None
        failed_over_it = isinstance(outcome, Later) and outcome.reason in WEARYING
        since = self.errors_since or now if failed_over_it or not isinstance(outcome, Later) else self.errors_since
        longest = OURS if outcome.reason == Absence.OUR_KEY else LONGEST_WAIT
        wait = min(FIRST_WAIT * 2 ** min(self.failures, 30), longest) * (0.5 + chance / 2)
        if wish is not None:
            wait = min(max(wait, timedelta(seconds=wish)), LONGEST_WISH)
        return replace(
            self, state=self.to(State.OPEN), position=offset, behind=True, failures=self.failures + 1, tries=tries, next_try=now + wait,
            last_failure=now, failing_since=self.failing_since or now, reason=outcome.reason, errors=self.errors + failed_over_it, errors_since=since,
        )  # fmt: skip

    def weary(self, outcome: Outcome, patience: Patience, now: datetime) -> bool:
        """Whether this failure, one more over the same activity, is the last that is waited for."""
        if not isinstance(outcome, Later) or outcome.reason not in WEARYING or self.errors_since is None:
            return False
        return self.errors + 1 >= patience.attempts and now - self.errors_since >= patience.over(outcome.reason)

    def heard(self, times: int, span: timedelta, now: datetime) -> bool:
        """Whether a refusal, one more over the same activity, was heard so often, over so long."""
        return self.tries + 1 >= times and now - (self.errors_since or now) >= span

    def failing_for(self, now: datetime) -> timedelta:
        """How long it has taken nothing."""
        return now - self.failing_since if self.state is State.OPEN and self.failing_since else timedelta()

    def given_up(self, reason: str, offset: int, now: datetime) -> Standing:
        """What it refuses for ever is passed over, and said.

        What follows need not wait for it, however many in a row it refused: unless it believes nobody of ours, or has never taken anything.
        """
        failures = self.failures if self.scheme is None or reason == Trouble.SIGNATURE else 0
        return replace(self.passed(offset), failures=failures, last_failure=now, reason=reason)

    def set_aside(self, reason: str, offset: int, now: datetime) -> Standing:
        """What it will not take is passed over after a long wait; what follows need not wait as long."""
        return replace(self.given_up(reason, offset, now), failures=0, next_try=None)

    def left(self, reason: str, now: datetime) -> Standing:
        """None of its inboxes is there any more."""
        return replace(self, state=self.to(State.GONE), behind=True, next_try=None, last_failure=now, reason=reason)

    def caught_up(self) -> Standing:
        """As far as all others again."""
        return replace(self, behind=False)

    def fell_behind(self, offset: int) -> Standing:
        """Slower than the others can wait: it goes on alone from this offset."""
        return replace(self, position=offset, behind=True)

    def paused(self) -> Standing:
        """An operator has it wait."""
        return replace(self, state=self.to(State.PAUSED), behind=True, next_try=None)

    def released(self, now: datetime) -> Standing:
        """An operator has it tried now, whatever was to be waited for."""
        state = State.CLOSED if self.state in {State.PAUSED, State.GONE} else self.state
        return replace(self, state=self.to(state), behind=True, next_try=now, failures=0)
