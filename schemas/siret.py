"""SIRET numbers: how the State names its own services and everybody else's."""

from __future__ import annotations

from typing import Final

DIGITS: Final = 14
SIREN_DIGITS: Final = 9
LA_POSTE: Final = "356000000"
"""Its establishments are too many for Luhn's formula: their digits' sum is a multiple of 5 instead (INSEE, Sirene's documentation)."""


def has_shape(said: str) -> bool:
    """Tell whether this is 14 ASCII digits."""
    return len(said) == DIGITS and said.isascii() and said.isdigit()


def holds(siret: str) -> bool:
    """Tell whether a SIRET's control digit holds: Luhn's formula (ISO/IEC 7812-1), or La Poste's own rule."""
    if not has_shape(siret):
        return False
    if _luhn(siret):
        return True
    return siret.startswith(LA_POSTE) and sum(map(int, siret)) % 5 == 0


def siren_of(siret: str) -> str:
    """The legal unit of an establishment."""
    return siret[:SIREN_DIGITS]


def _luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0  # noqa: PLR2004 - the digits of a sum are its value less 9
