"""The tables of forgeries prove something: switch any single check of the peers' inboxes off, and a forgery passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest
from structlog.testing import capture_logs

from hub import access
from hub.access import PeerRight
from hub.federation import acknowledgements, actors, authority, inbox, ministries, registries, remote, verification
from schemas import actor_keys, cavage, documents
from schemas.manifest import Grade
from tests.fakes_peer_stage import door, stage
from tests.forgeries import plays
from tests.forgeries.checks import Check, checks_of, switched_off
from tests.forgeries.grades import read_worse
from tests.forgeries.post import deliver
from tests.forgeries.said import NETWORK

if TYPE_CHECKING:
    from tests.forgeries.drafts import Wire
    from tests.forgeries.plays import Play

WORLD: Final = stage()
CHECKS: Final = checks_of(
    verification, authority, ministries, acknowledgements, inbox, actors, remote, registries, cavage, documents, actor_keys
)
PLAYS: Final = [play for play in plays.forged(WORLD) if not play.needs & NETWORK]
"""Without those that only a socket shows: `test_forgeries_client_worth.py` brings them, and switches off the client that refuses them."""
HERE_ALONE: Final = [play for play in PLAYS if not play.name.startswith("Create ")]
"""Without the table of RFC 9421, whose checks the node door's tests switch off."""
BEHIND: Final[dict[str, str]] = {
    "verification.Verifier._admitted: Reason.PEER_NOT_ADMITTED": "who is not admitted has no rights, and is asked nothing",
    "verification.Verifier._prove_head.find: Reason.ACTOR_MISMATCH": "a request's claim is read once: the key is the one that was asked for",
    "verification.Verifier._believed: Reason.ACTOR_MISMATCH": "`authority.judge` compares them again",
    "verification.Verifier._document: Reason.PEER_NOT_ADMITTED": "nobody else is ever asked",
    "verification.Verifier._document: Reason.OBJECT_UNAVAILABLE": "what could not be had is no document",
    "verification.Verifier._proof: Reason.PEER_NOT_ADMITTED": "nobody else is ever asked",
    "verification.Verifier._proof.find: Reason.ACTOR_MISMATCH": "the same proof is chosen twice",
    "verification.Verifier._signed: renewed": "the signature does not hold under the key that is known",
    "verification.Verifier._heard: answer if self._waits(server, answer) else Reason.OBJECT_UNAVAILABLE": "what could not be had is no document, key or actor",
    "verification.Verifier._newer: ministries.Fault.REGISTRY_UNAVAILABLE": "what could not be had is no registry",
    "remote.passing: Reason.BUSY": "an answer without a document is none",
    "remote.passing: Reason.UNWELL": "an answer without a document is none",
    "verification.Verifier._ministry: proved": "a reason is no ministry",
    "verification.Verifier._moved_to: Reason.PEER_NOT_ADMITTED": "nobody else is ever asked",
    "verification._or_refused: found": "a reason is neither a key nor an actor",
    "verification._or_rejected: judged.reason": "a rejection tells nothing",
    "verification._or_rejected: Reason.OBJECT_UNAVAILABLE": "what is to be asked tells nothing yet",
    "authority.judge: Reason.ACTOR_MISMATCH": "the verifier compares them before",
    "authority.judge: Reason.ID_MISSING": "what is not there has no origin",
    "authority._passed_on: ProofReason.OWNER_MISMATCH": "a document of two owners, or by another's key, is no proof",
    "authority._passed_on: Reason.ACTIVITY_MALFORMED": "an address that is not there is at nobody's server",
    "authority._passed_on: Reason.OBJECT_OF_ANOTHER_ORIGIN": "its own server names another author",
    "authority.answered: Reason.NOT_OWNER": "the rule of the act finds the same",
    "authority.answered: Reason.OBJECT_MISMATCH (3)": "what is to be asked again is not believed",
    "ministries.proved: Fault.MALFORMED": "what cannot be read proves nothing",
    "ministries.proved: Fault.NOT_A_MESSAGE": "what is no message has no words to compare",
    "acknowledgements.opened: Fault.NOT_EXPECTED": "who gave us no key proves nothing",
    "actors.Actors.renewed: Reason.KEY_SAME": "the same key refuses the same signature again",
    "actors.Actors.document: Reason.UNAVAILABLE": "an answer without a document is no JSON",
    "actors.Actors.registry: Reason.UNAVAILABLE": "an answer without a registry is none",
    "actors.Actors._asked_key: Reason.KEY_ID": "a key of no address is at nobody's server",
    "actors.Actors._key_of_actor: KeyFault.OF_ANOTHER_ORIGIN": "the actor's own page is asked, and does not claim it",
    "actors.Actors._read: Reason.ACTOR_MISMATCH": "a key names its owner, who is compared too",
    "actors.Actors._ask: Reason.NOT_ADMITTED": "the verifier asks for nobody else",
    "remote.read_lone_key: KeyFault.MALFORMED": "what names no owner is no key",
    "cavage._read: Reason.MISSING": "a field that is not there cannot be read",
    "cavage._read: Reason.FIELD_REPEATED": "host and date are covered, and no covered field of that name may stand twice",
    "cavage._read: Reason.PARAMETER_MISSING": "without a key or a signature nothing holds",
    "cavage._parameters: Reason.MALFORMED (1)": "what fits no pattern has no parts",
    "cavage._check_dates: Reason.PARAMETER_MISSING": "what is covered must have a value",
    "cavage._check_dates: Reason.TOO_OLD": "nothing lives longer than its window",
    "cavage._date: Reason.FIELD_MALFORMED": "what fits no pattern has no parts",
    "cavage._check_key: key": "a reason verifies nothing",
    "cavage._value: Reason.COMPONENT_UNKNOWN": "what has no value cannot have been signed",
    "documents._chosen: Reason.MISSING": "nobody looks for a proof where there is none",
    "documents._chosen: Reason.SUITE_UNSUPPORTED": "no proof is chosen",
    "documents._check_options: Reason.OPTION_MISSING": "what is not there cannot be read",
    "documents._check_options: Reason.OPTION_MALFORMED": "nothing but text is a date, a key or a signature",
    "documents._check_options: Reason.OPTION_MALFORMED (1)": "what is no date cannot be compared with one",
    "documents._check_dates: Reason.OPTION_MALFORMED": "what is no date cannot be compared with one",
    "documents._named: Reason.OWNER_MISMATCH": "two owners are of no origin",
    "documents._key_id: Reason.ORIGIN_MISMATCH": "the key's owner is another",
    "documents._key: key": "a reason verifies nothing",
    "documents._key: Reason.KEY_UNSUITABLE": "an RSA signature is longer than a proof's value may be",
    "documents._context: Reason.CONTEXT_MISMATCH": "a context that is not there begins with nothing",
    "actor_keys._standing: KeyFault.OF_ANOTHER_ORIGIN": "its owner must claim it too, and be of the peer that sends",
    "actor_keys._standing: KeyFault.MALFORMED": "what is no date cannot be compared with one",
    "actor_keys.multikey_of: neither an Ed25519 nor an RSA Multikey": "what follows is no RSA key",
    "actor_keys._pem: KeyFault.MALFORMED": "nothing but text is a PEM",
}
"""Checks behind which another one stands: off, they let nothing through, and what is refused has another name."""
TOGETHER: Final = (
    ("authority._passed_on: ProofReason.OWNER_MISMATCH", "documents._owner: Reason.OWNER_MISMATCH"),
    ("authority._passed_on: ProofReason.OWNER_MISMATCH", "documents._key: Reason.OWNER_MISMATCH"),
)
"""Who has proved what a Group passes on is compared with its author twice, in two rooms: with both off somebody speaks in another's name."""
ANNOUNCED: Final = [play for play in HERE_ALONE if play.name.startswith("passes on ")]
ELSEWHERE: Final[dict[str, str]] = {
    "verification.Verifier._admitted: Reason.PEERS": "tests/unit/test_federation_inbox.py",
    "verification.Verifier._remember: Reason.MEMORY_FULL": "tests/unit/test_federation_inbox_limits.py",
    "inbox._Request._declared: Reason.HEADERS": "tests/unit/test_federation_inbox.py",
    "inbox._Request._declared: Reason.BODY_TOO_LARGE": "tests/unit/test_federation_inbox.py",
    "inbox._Request._body: Reason.BODY_TOO_SLOW": "tests/unit/test_federation_inbox_limits.py",
    "actors.Actors._ask: Reason.RATE": "tests/unit/test_federation_actors.py",
}
"""Limits of size, time and number, and servers that are away: no forgery is as large or as slow, and these tests try them."""
PROVED: Final = [check for check in CHECKS if check.name not in BEHIND | ELSEWHERE]
FRESH_SECONDS: Final = 20.0
"""What is signed serves for a minute: older, it would be refused for its age, and prove nothing of what else is wrong with it."""
READINGS: Final = read_worse("a server", access.PEER_RIGHTS, [grade for grade in Grade if grade is not Grade.FULL], frozenset(PeerRight))


class Requests:
    """What is sent, signed once for many doors: each of them sees it for the first time."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Wire, float]] = {}
        self._rewritten: list[tuple[str, Wire, Wire]] = []
        self._at = 0.0

    def rewritten(self) -> list[tuple[str, Wire, Wire]]:
        if not self._rewritten or time.monotonic() - self._at > FRESH_SECONDS:
            self._rewritten, self._at = plays.rewritten(WORLD), time.monotonic()
        return self._rewritten

    def of(self, play: Play) -> Wire:
        wire, at = self._made.get(play.name, (None, 0.0))
        if wire is None or time.monotonic() - at > FRESH_SECONDS:
            wire, at = play.make(), time.monotonic()
            self._made[play.name] = wire, at
        return wire


REQUESTS: Final = Requests()


def _likely(check: Check) -> list[Play]:
    """The attempts, those first that are refused by a name like this check's: one that passes is enough."""
    said = check.what.rpartition(".")[2].replace("_", "").lower()
    return sorted(HERE_ALONE, key=lambda play: said not in play.reason.replace("_", "") and play.reason.replace("_", "") not in said)


async def passes(tried: list[Play]) -> str | None:
    """The first forgery that is taken in."""
    app, _ = door(WORLD)
    with capture_logs():  # writing them would take longer than all the rest
        for play in tried:
            if (await deliver(app, REQUESTS.of(play))).status < 300:
                return play.name
        for name, wire, again in REQUESTS.rewritten():
            await deliver(app, wire)
            if (await deliver(app, again)).status < 300:
                return name
    return None


async def test_no_forgery_passes_while_every_check_stands_and_each_is_refused_by_its_name() -> None:
    app, kafka = door(WORLD)
    for play in plays.valid(WORLD):
        assert (play.name, (await deliver(app, play.make())).status) == (play.name, 202)
    taken = len(kafka.records)
    for play in PLAYS:
        assert (play.name, (await deliver(app, REQUESTS.of(play))).reason) == (play.name, play.reason)
    assert len(kafka.records) == taken
    assert await passes([]) is None


@pytest.mark.parametrize("check", PROVED, ids=lambda check: check.name)
async def test_with_this_check_off_a_forgery_passes(check: Check) -> None:
    with switched_off(check):
        assert await passes(_likely(check)) is not None


@pytest.mark.parametrize("name", READINGS)
async def test_with_this_read_worse_a_forgery_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(*READINGS[name])
    assert await passes(HERE_ALONE) is not None


@pytest.mark.parametrize("names", TOGETHER, ids=" + ".join)
async def test_with_both_of_these_off_a_group_puts_words_into_anybodys_mouth_and_with_one_of_them_on_it_does_not(
    names: tuple[str, str],
) -> None:
    found = {check.name: check for check in CHECKS if check.name in names}
    one, other = (found[name] for name in names)
    with switched_off(one):
        assert await passes(ANNOUNCED) is None
        with switched_off(other):
            assert await passes(ANNOUNCED) is not None
    with switched_off(other):
        assert await passes(ANNOUNCED) is None


@pytest.mark.long
@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in BEHIND], ids=lambda check: check.name)
async def test_behind_this_check_stands_another(check: Check) -> None:
    with switched_off(check):
        assert await passes(HERE_ALONE) is None


def test_the_lists_of_exceptions_name_what_there_is() -> None:
    assert BEHIND.keys() | ELSEWHERE.keys() <= {check.name for check in CHECKS}
