"""Which of our pairs signs, and which are shown: from the announcement of the next one to the end of the former."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hub.federation.delivery import KEYS_KEPT
from hub.federation.pair_files import PairFiles
from hub.federation.ring import NoPairSigns, Ring
from hub.registry import key_life
from hub.registry.federation_keys import EVER, Pair, entry
from hub.registry.pair_roles import MARGIN, Role, roles
from schemas.actor_keys import rsa_multikey
from schemas.keys import SigningKey
from schemas.rotation import read
from schemas.rsa_keys import RsaSigningKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hub.federation.keyring import Keys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LEAD, OVERLAP = timedelta(minutes=10), timedelta(hours=2)
ACTOR = "https://hub.example/actor"
OLD, NEW = (SigningKey.generate(ACTOR) for _ in range(2))
OLD_RSA, NEW_RSA = (RsaSigningKey.generate(ACTOR, 2048) for _ in range(2))
FIRST = Pair(entry(OLD.public.multibase, EVER))


def rotated() -> list[Pair]:
    """As the registry has them once the next pair is announced."""
    following = entry(NEW.public.multibase)
    old, new = key_life.rotated([FIRST.entry], following, NOW, NOW + LEAD, OVERLAP)
    return [Pair(old), Pair(new, rsa_multikey(NEW_RSA.public))]


class Place:
    """The files, and a clock that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.files = PairFiles("hub.example", folder / "federation.pem", folder / "federation-rsa.pem", None)
        OLD.save(self.files.ed25519)
        OLD_RSA.save(self.files.rsa)
        self.now = NOW

    def ring(self, pairs: Sequence[Pair] = (FIRST,)) -> Ring:
        made = Ring(self.files, ACTOR, lambda: self.now)
        made.know(pairs)
        return made

    def announce(self) -> None:
        NEW.save(self.files.next_ed25519)
        NEW_RSA.save(self.files.next_rsa)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def names(pairs: Sequence[Keys]) -> list[str]:
    """Which pairs; a half of one with a half of the other is neither."""
    known = {
        (OLD.public.multibase, OLD_RSA.public_pem): "old",
        (NEW.public.multibase, NEW_RSA.public_pem): "new",
    }
    return [known[keys.ed25519.public.multibase, keys.rsa.public_pem] for keys in pairs]


def test_before_anybody_announces_another_the_pair_of_the_settings_signs(place: Place) -> None:
    ring = place.ring()
    assert names(ring.believed()) == ["old"]
    assert [key.multibase for key in ring.shown().ed25519] == [OLD.public.multibase]
    assert ring.shown().pem == OLD_RSA.public_pem
    assert ring.held().owner == ring.owner == ACTOR


@pytest.mark.parametrize(
    ("after", "believed", "shown", "pem"),
    [
        (timedelta(0), ["old"], ["old", "new"], OLD_RSA),
        (LEAD - timedelta(seconds=1), ["old"], ["old", "new"], OLD_RSA),
        (LEAD + timedelta(seconds=1), ["old", "new"], ["old", "new"], OLD_RSA),
        (LEAD + timedelta(seconds=11), ["new", "old"], ["new", "old"], NEW_RSA),
        (LEAD + OVERLAP - timedelta(seconds=1), ["new", "old"], ["new", "old"], NEW_RSA),
        (LEAD + OVERLAP, ["new"], ["new"], NEW_RSA),
    ],
)
def test_the_next_pair_is_shown_before_it_signs_and_the_former_as_long_as_it_is_believed(
    place: Place, after: timedelta, believed: list[str], shown: list[str], pem: RsaSigningKey
) -> None:
    place.announce()
    place.now += after
    ring, marks = place.ring(rotated()), {OLD.public.multibase: "old", NEW.public.multibase: "new"}
    assert names(ring.believed()) == believed
    assert [marks[key.multibase] for key in ring.shown().ed25519] == shown
    assert {marks[key.multibase]: key.expires for key in ring.shown().ed25519} == {
        name: NOW + LEAD + OVERLAP if name == "old" else None for name in shown
    }
    assert ring.shown().pem == pem.public_pem


def test_a_process_that_runs_takes_the_files_up_when_the_registry_names_them(place: Place) -> None:
    ring = place.ring()
    place.announce()
    ring.know(rotated())
    place.now += LEAD + timedelta(minutes=1)
    ring.look()
    assert names(ring.believed()) == ["new", "old"]
    first, again = (ring.believed()[0] for _ in range(2))
    assert first is again  # what is kept by a pair is found again


def test_without_the_next_files_the_former_pair_goes_on_until_its_end_and_then_nothing_is_signed(place: Place) -> None:
    ring = place.ring(rotated())
    place.now += LEAD + OVERLAP - timedelta(seconds=1)
    ring.know(rotated())
    assert names(ring.believed()) == ["old"]
    place.now += timedelta(seconds=1)
    ring.know(rotated())
    assert not ring.ready
    with pytest.raises(NoPairSigns):
        ring.held()
    assert [key.multibase for key in ring.shown().ed25519] == [NEW.public.multibase]


def test_a_half_written_pair_is_read_again_until_it_is_whole(place: Place) -> None:
    NEW.save(place.files.next_ed25519)
    place.files.next_rsa.write_text("-----BEGIN PRIVATE KEY-----")
    ring = place.ring(rotated())
    place.now += LEAD + timedelta(minutes=1)
    ring.know(rotated())
    assert names(ring.believed()) == ["old"]
    place.announce()
    place.now += timedelta(seconds=3)
    ring.look()
    assert names(ring.believed()) == ["new", "old"]


def test_once_the_next_files_have_taken_the_place_of_the_former_a_new_start_signs_by_them(place: Place) -> None:
    place.announce()
    place.files.next_ed25519.rename(place.files.ed25519)
    place.files.next_rsa.rename(place.files.rsa)
    place.now += LEAD + OVERLAP
    ring = place.ring(rotated())
    assert names(ring.believed()) == ["new"]
    assert ring.shown().pem == NEW_RSA.public_pem


def test_a_process_started_between_two_moves_of_files_makes_no_pair_of_two_halves(place: Place) -> None:
    place.announce()
    place.files.next_ed25519.rename(place.files.ed25519)
    place.now += LEAD + timedelta(minutes=1)
    assert names(place.ring(rotated()).believed()) == ["new"]


def test_what_was_read_too_long_ago_lets_nobody_sign_what_came_in(place: Place) -> None:
    ring = place.ring()
    assert ring.ready
    place.now += timedelta(seconds=61)
    ring.look()
    assert not ring.ready


def test_a_revoked_pair_signs_nothing_and_the_next_does_not_wait_to_settle(place: Place) -> None:
    place.announce()
    old, new = rotated()
    place.now += LEAD + timedelta(seconds=1)
    ended = Pair(old.entry.model_copy(update={"revoked_at": place.now}))
    ring = place.ring([ended, new])
    assert names(ring.believed()) == ["new"]
    assert [key.multibase for key in ring.shown().ed25519] == [NEW.public.multibase]


def test_an_announcement_that_was_lost_is_made_again_for_the_same_pair(place: Place) -> None:
    first, again = (read(place.files.announce(NOW)) for _ in range(2))
    assert (first, first.node, first.old) == (again, "hub.example", OLD.public.multibase)
    assert first.rsa == rsa_multikey(RsaSigningKey.load(ACTOR, place.files.next_rsa).public)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (timedelta(0), [Role.SIGNING, Role.NEXT]),
        (LEAD + timedelta(seconds=1), [Role.SIGNING, Role.NEXT]),
        (LEAD + timedelta(minutes=1), [Role.FORMER, Role.SIGNING]),
        (LEAD + OVERLAP, [Role.ENDED, Role.SIGNING]),
    ],
)
def test_operators_are_told_what_each_pair_is(after: timedelta, said: list[Role]) -> None:
    assert [role for _, role in roles(rotated(), NOW + after)] == said


@pytest.mark.parametrize(
    ("after", "unheralded"),
    [
        (LEAD + timedelta(seconds=11), False),  # the former is believed beside it
        (LEAD + OVERLAP, True),
        (LEAD + KEYS_KEPT - timedelta(seconds=1), True),
        (LEAD + KEYS_KEPT, False),
    ],
)
def test_a_pair_that_stands_alone_is_unheralded_until_nobody_can_still_keep_the_former(
    place: Place, after: timedelta, *, unheralded: bool
) -> None:
    place.announce()
    place.now += after
    assert place.ring(rotated()).unheralded() is unheralded


def test_a_pair_that_replaced_another_without_its_word_is_unheralded_and_the_first_of_all_is_not(place: Place) -> None:
    assert not place.ring().unheralded()
    place.announce()
    (old,) = key_life.revoked([FIRST.entry], FIRST.entry.id, NOW)
    ring = place.ring([Pair(old), Pair(entry(NEW.public.multibase, NOW - MARGIN), rsa_multikey(NEW_RSA.public))])
    assert (names(ring.believed()), ring.unheralded()) == (["new"], True)
