"""Events that are not as a ministry says them: each with the name of its refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from schemas.keys import SigningKey
from schemas.proof import AHEAD, Reason, UnverifiedEvent, content_digest, encode
from tests.fakes_schemas import EDUCATION, FINANCES, HUB, NOW, SALT, signed, signed_by_hand, unverified

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT: Final = signed()


def _with_a_short_salt() -> UnverifiedEvent:
    """Signed so: a salt that could be guessed."""
    salt = SALT[:1]
    return replace(signed_by_hand(contentdigest=content_digest(salt, EVENT.value)), salt=salt)


TABLE: Final[tuple[tuple[Callable[[], UnverifiedEvent], Reason], ...]] = (
    (lambda: UnverifiedEvent({}, b"", b""), Reason.ENVELOPE_MALFORMED),
    (lambda: unverified(EVENT, Proof="x"), Reason.ENVELOPE_MALFORMED),
    (lambda: unverified(EVENT, **{"": "x"}), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(nativeid="post:1\n"), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(futureattribute=""), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(datacontenttype=None), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(specversion=None), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(time="1772443800"), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(time="2026-03-02T09:30:00"), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(time="0001-01-01T00:00:00+14:00"), Reason.ENVELOPE_MALFORMED),
    (lambda: signed_by_hand(type="fr.gouv.rse.message.posted.v2"), Reason.MAJOR_UNKNOWN),
    (lambda: UnverifiedEvent(EVENT.attributes, EVENT.value, EVENT.salt[:31]), Reason.SALT_MALFORMED),
    (_with_a_short_salt, Reason.SALT_MALFORMED),
    (lambda: signed_by_hand(id="0" * 32), Reason.ID_MISMATCH),
    (lambda: unverified(signed(key=SigningKey.generate("culture"))), Reason.NODE_UNKNOWN),
    (lambda: unverified(EVENT, keyid=EDUCATION.key_id), Reason.KEY_OF_ANOTHER_NODE),
    (lambda: unverified(signed(key=EDUCATION), source="finances"), Reason.KEY_OF_ANOTHER_NODE),
    (lambda: unverified(EVENT, keyid=HUB.key_id), Reason.KEY_OF_ANOTHER_NODE),
    (lambda: unverified(signed(key=FINANCES), source="hub"), Reason.KEY_OF_ANOTHER_NODE),
    (lambda: unverified(signed(key=SigningKey.generate("finances"))), Reason.KEY_UNKNOWN),
    (lambda: unverified(EVENT, subject="altered"), Reason.PROOF_INVALID),
    (lambda: unverified(EVENT, audience="public"), Reason.PROOF_INVALID),
    (lambda: unverified(EVENT, futureattribute="added"), Reason.PROOF_INVALID),
    (lambda: unverified(EVENT, proof=encode(bytes(64))), Reason.PROOF_INVALID),
    (lambda: UnverifiedEvent(EVENT.attributes, b"{}", EVENT.salt), Reason.DIGEST_MISMATCH),
    (lambda: signed_by_hand(contentdigest="0" * 64), Reason.DIGEST_MISMATCH),
    (lambda: unverified(signed(time=NOW + AHEAD + AHEAD)), Reason.TIME_IN_FUTURE),
    (lambda: signed_by_hand(value=b"{}"), Reason.FACT_MALFORMED),
    (lambda: signed_by_hand(value=b'{"space":"a","space":"b"}'), Reason.FACT_MALFORMED),
    (lambda: signed_by_hand(value=b"[" * 9000), Reason.FACT_MALFORMED),
    (lambda: signed_by_hand(value=b"\xff"), Reason.FACT_MALFORMED),
)
