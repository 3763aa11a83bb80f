"""How often strangers may apply: what they bring is read under a lock, and kept for people to read."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.registry import admission
from hub.registry.admission_work import ApplicationTooSoon

if TYPE_CHECKING:
    from hub.registry.admission_work import Work
    from schemas.application_faults import SignedManifest

PACE: Final = timedelta(minutes=1)
"""Between two manifests under one name; the same one again is answered at once."""


async def apply_from_outside(signed: SignedManifest, work: Work) -> bool:
    """Take a stranger's manifest, as `admission.apply` does; who comes too soon after the last one is told so before anything is locked.

    Raises ApplicationTooSoon, and what `admission.apply` raises.
    """
    last = await work.applications.last(signed.manifest.subject)
    if last is not None and last.digest != signed.digest and (left := last.applied_at + PACE - work.clock()) > timedelta():
        raise ApplicationTooSoon(math.ceil(left.total_seconds()))
    return await admission.apply(signed, work)
