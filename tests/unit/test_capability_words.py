"""What the capability table promises is what the code does, exceptions and delays too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from adapters.capabilities import Feature, No
from adapters.looks import RE_READ, WINDOW_ROOTS
from adapters.platforms import MODULES, platform
from adapters.poller import IDLE_EVERY
from adapters.settings import Instance

if TYPE_CHECKING:
    from adapters.capabilities import BothWays

NUMBERS = {3: "trois"}


def said(kind: str, feature: Feature) -> BothWays:
    return platform(kind).capabilities.features[feature]


def test_the_one_deletion_that_exo_tells_by_an_absence_is_said() -> None:
    cell = str(said("exo", Feature.DELETIONS).read)
    assert "v1-alpha3" in cell
    assert "liste complète" in cell


def test_how_late_an_edit_of_a_comment_may_be_seen_is_said() -> None:
    """Nothing in eXo announces it: activities are read again in turn."""
    cell = str(said("exo", Feature.EDITS).read)
    assert f"{NUMBERS[RE_READ]} activités par relevé" in cell
    looks = -(-WINDOW_ROOTS // RE_READ)
    told = re.search(r"(\d+) minutes, une heure dans un espace calme", cell)
    assert told is not None
    assert looks * Instance.model_fields["poll_seconds"].default <= int(told[1]) * 60
    assert looks * IDLE_EVERY.total_seconds() <= 3600
    assert "aussi tard que leurs modifications" in str(said("exo", Feature.REACTIONS).read)


@pytest.mark.parametrize("kind", MODULES)
def test_that_no_name_of_a_space_is_written_is_a_no_with_its_reason(kind: str) -> None:
    cell = said(kind, Feature.NAMES).write
    assert isinstance(cell, No)
    assert "à son ministère" in cell.reason


@pytest.mark.parametrize("kind", ["exo", "matrix"])
def test_where_a_message_has_no_title_none_is_said_to_be_read(kind: str) -> None:
    assert isinstance(said(kind, Feature.TITLES).read, No)


def test_that_nobody_comes_into_a_room_because_she_joined_elsewhere_is_said() -> None:
    assert "jamais parce que la personne participe ailleurs" in str(said("matrix", Feature.MEMBERS).write)
