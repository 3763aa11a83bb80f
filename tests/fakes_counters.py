"""A gateway's counters for forgers: of each platform one and another, one whose secret was replaced, one whose file was emptied, and what they admit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from adapters import discourse, exo, matrix
from adapters.gateway import Counter
from adapters.secret import Rotating
from adapters.sorting import Stored
from tests import fakes_discourse, fakes_exo, fakes_matrix
from tests.fakes_plain import PlainRse
from tests.forgeries.webhooks import FORMER_SECRET, OTHER_SECRET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.port import Adapter, Outcome
    from adapters.settings import Instance


@dataclass
class Kept:
    """Keeps what was admitted."""

    outcomes: list[Outcome] = field(default_factory=list)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def admit(self, outcomes: Sequence[Outcome], _body: bytes, _correlation: str) -> Stored:
        self.outcomes += outcomes
        return Stored(())


def counters(kept: Kept) -> dict[str, Counter]:
    forum, tchap = fakes_discourse.instance(), fakes_matrix.matrix_instance()
    return {
        "forum": _counter("forum", _with(forum, _replaced(fakes_discourse.SECRET)), discourse.ADAPTER, kept),
        "autre-forum": _counter("autre-forum", _with(forum, SecretStr(OTHER_SECRET)), discourse.ADAPTER, kept),
        "forum-vide": _counter("forum-vide", _with(forum, _emptied(fakes_discourse.SECRET)), discourse.ADAPTER, kept),
        "tchap": _counter("tchap", _with(tchap, _replaced(fakes_matrix.HS_TOKEN)), matrix.ADAPTER, kept),
        "autre-tchap": _counter("autre-tchap", _with(tchap, SecretStr(OTHER_SECRET)), matrix.ADAPTER, kept),
        "espace": _counter("espace", fakes_exo.exo_instance(), exo.ADAPTER, kept),
    }


def _counter(name: str, instance: Instance, adapter: Adapter, kept: Kept) -> Counter:
    return Counter(name, instance, adapter, PlainRse(), kept)  # type: ignore[arg-type]  # it only admits


def _with(instance: Instance, secret: SecretStr) -> Instance:
    return instance.model_copy(update={"webhook_secret": secret})


def _replaced(secret: str) -> Rotating:
    """The secret before this one is believed no more."""
    return Rotating(FORMER_SECRET, lambda: secret, "rse.webhook_secret", 0.0)


def _emptied(secret: str) -> Rotating:
    return Rotating(secret, lambda: "", "rse.webhook_secret", 0.0)
