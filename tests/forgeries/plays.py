"""All that is tried at the peers' inboxes: each table against each valid request on which it makes sense."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.forgeries import authorship, inbox, older, receipts, said, signatures
from tests.forgeries.drafts import signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.forgeries.abroad import World
    from tests.forgeries.drafts import Base, Wire
    from tests.forgeries.signatures import Forgery


@dataclass(frozen=True)
class Play:
    """One attempt, ready to be sent; `reason` is what it is refused by, empty where it is none."""

    name: str
    reason: str
    make: Callable[[], Wire]
    needs: frozenset[str] = frozenset()


def valid(world: World) -> list[Play]:
    """What passes as it stands."""
    made = [Play(base.name, "", partial(_signed, base)) for base in inbox.bases(world)]
    return made + [Play(one.name, "", partial(one.make, world)) for one in inbox.VALID]


def forged(world: World) -> list[Play]:
    """What does not."""
    return [
        *_by_rfc9421(world),
        *_by_cavage(world),
        *(Play(row.name, row.reason, partial(row.make, world), row.needs) for row in (*said.TABLE, *authorship.TABLE, *receipts.TABLE)),
    ]


def _signed(base: Base) -> Wire:
    return signed(base.make())


def _by_rfc9421(world: World) -> list[Play]:
    def played(base: Base, row: Forgery) -> Play:
        return Play(f"{base.name}: {row.name}", row.reason, lambda: row.alter(base.make(), world.cast), row.needs)

    return [played(base, row) for base, row in signatures.against(inbox.bases(world))]


def _by_cavage(world: World) -> list[Play]:
    def played(row: older.OlderForgery) -> Play:
        return Play(f"draft-cavage: {row.name}", row.reason, lambda: row.alter(inbox.older_base(world), world))

    return [played(row) for row in older.TABLE]


def _relabelled(wire: Wire) -> Wire:
    return _both(wire, lambda said: said.replace("sig1=", "autre=", 1))


def _both(wire: Wire, change: Callable[[str], str]) -> Wire:
    return wire.but("signature-input", change(wire.value("signature-input"))).but("signature", change(wire.value("signature")))


def _older(change: Callable[[str], str]) -> Callable[[Wire], Wire]:
    return lambda wire: wire.but("signature", change(wire.value("signature")))


def _in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds


REWRITINGS: Final[Mapping[str, Callable[[Wire], Wire]]] = {
    "under another label": _relabelled,
    "with a label behind it": lambda wire: wire.but("signature-input", wire.value("signature-input") + ', b=("@method")').but("signature", wire.value("signature") + ", b=:AAAA:"),
    "with a label before it": lambda wire: wire.but("signature-input", 'b=("@method"), ' + wire.value("signature-input")).but("signature", "b=:AAAA:, " + wire.value("signature")),
    "with more space": lambda wire: wire.but("signature-input", wire.value("signature-input").replace('" "', '"  "')),
    "with its fields beside another one": lambda wire: wire.also("x-again", "1"),
}  # fmt: skip
OLDER_REWRITINGS: Final[Mapping[str, Callable[[Wire], Wire]]] = {
    "with more space": _older(lambda said: said.replace(",", " , ")),
    "by another algorithm's name": _older(lambda said: said.replace("rsa-sha256", "hs2019")),
    "without an algorithm's name": _older(lambda said: said.replace(',algorithm="rsa-sha256"', "")),
    "with a parameter more": _older(lambda said: said + ',again="1"'),
    "with its parameters turned round": _older(lambda said: ",".join(reversed(said.split(",")))),
    "with what it covers in capitals": _older(lambda said: said.replace("host date", "Host Date")),
    "with a parameter out of its quotes": _older(lambda said: said.replace('"rsa-sha256"', "rsa-sha256")),
    "with an end that it does not cover": _older(lambda said: f"{said},expires={_in_seconds(60)}"),
    "with a beginning that it does not cover": _older(lambda said: f"{said},created={_in_seconds(-120)}"),
    "with a beginning and an end that it does not cover": _older(lambda said: f"{said},created={_in_seconds(-120)},expires={_in_seconds(60)}"),
}  # fmt: skip
"""Other writings of one signature, which nobody needs a key for: what was taken once is not taken again."""


def rewritten(world: World) -> list[tuple[str, Wire, Wire]]:
    """The name of a writing, a valid request, and the same written so."""

    def once(change: Callable[[Wire], Wire], wire: Wire) -> tuple[Wire, Wire]:
        return wire, change(wire)

    def lean() -> Wire:
        return signed(inbox.as_mastodon_signs(inbox.signed_by(world, world.alice, world.creates(world.alice, path=inbox.path()))))

    made = [(name, *once(change, lean())) for name, change in REWRITINGS.items()]
    return made + [
        (f"draft-cavage: {name}", *once(change, older.signed(inbox.older_base(world)))) for name, change in OLDER_REWRITINGS.items()
    ]
