"""The types of single values: times, counts, identifiers, prose; and what each refuses before it can do harm further on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

EXACT_INTEGERS: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps (RFC 7493 § 2.2); it also fits PostgreSQL's bigint."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})")


def _only_rfc3339(said: object) -> object:
    """Refuse what other readers would read otherwise or not at all: a Unix time in a string, a space for the T."""
    if isinstance(said, datetime) or (isinstance(said, str) and _RFC3339.fullmatch(said)):
        return said
    message = "not an RFC 3339 date and time"
    raise ValueError(message)


def _in_utc(moment: datetime) -> datetime:
    """Bring a time to UTC now, so that the year 1 at +14:00 is refused here and does not overflow in somebody's database driver."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        message = "no such time in UTC"
        raise ValueError(message) from error


def _without_nul(prose: str) -> str:
    """Drop U+0000, which means nothing to people and which PostgreSQL cannot store."""
    return prose.replace("\x00", "")


def _harmless(said: str) -> str:
    """Cut and cleaned, not refused: a receipt about a broken record must never be what breaks its writer."""
    return _CONTROL.sub("", said)[:512]


Moment = Annotated[AwareDatetime, BeforeValidator(_only_rfc3339), AfterValidator(_in_utc)]
Count = Annotated[int, Field(strict=True, ge=0, le=EXACT_INTEGERS)]
Partition = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
DROP_NUL: Final = AfterValidator(_without_nul)
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Claim = Annotated[str, AfterValidator(_harmless)]
Space = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
ReasonName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{2,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
