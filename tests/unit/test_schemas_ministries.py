"""No node speaks for the people of another one's ministry, however it spells that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.facts.membership import MembershipJoined
from schemas.facts.message import Author, MessageDeleted
from schemas.facts.reaction import ReactionAdded
from schemas.keys import SigningKey
from schemas.ministries import of_another_node
from schemas.proof import own_event
from tests.fakes_schemas import EDUCATION, FINANCES, HUB, NOW, POSTED, node_entry, registry, signed

if TYPE_CHECKING:
    from schemas.facts.base import Fact

SECOND = SigningKey.generate("tresor")
NODES = [
    node_entry(FINANCES, organisation="Ministère de l’économie"),
    node_entry(EDUCATION, organisation="Éducation nationale"),
    node_entry(SECOND, organisation="Ministère de l’économie"),
]


def judged(fact: Fact, key: SigningKey = FINANCES) -> bool:
    return of_another_node(own_event(key, signed(fact, key), fact, NOW), registry(nodes=NODES))


def of(ministry: str) -> Author:
    return Author(name="Inès Morel", organisation=ministry)


@pytest.mark.parametrize(
    "ministry",
    [
        "Éducation nationale",
        "EDUCATION NATIONALE",
        " Éducation\u00a0 nationale\u200b",
        "E\u0301ducation natio\u200dnale",
        "Éducation\u034f\u3164 nationale\ufe0f",
    ],
)
@pytest.mark.parametrize("made", ["message", "reaction", "member"])
def test_another_nodes_ministry_is_refused_however_it_is_spelled(ministry: str, made: str) -> None:
    person = of(ministry)
    facts: dict[str, Fact] = {
        "message": POSTED.model_copy(update={"author": person}),
        "reaction": ReactionAdded(space="97", author=person, emoji="👍"),
        "member": MembershipJoined(space="97", member=person),
    }
    assert judged(facts[made])
    assert not judged(facts[made], EDUCATION)


@pytest.mark.parametrize("ministry", ["Ministère de l'économie", "Direction générale du Trésor", "agent.finances.tchap.example", ""])
def test_ones_own_ministry_and_what_no_node_is_called_pass(ministry: str) -> None:
    assert not judged(POSTED.model_copy(update={"author": of(ministry)}))


def test_two_nodes_of_one_ministry_both_name_it() -> None:
    assert not judged(POSTED.model_copy(update={"author": of("Ministère de l’économie")}), SECOND)


def test_what_names_nobody_and_what_the_hub_says_for_others_is_not_judged_here() -> None:
    assert not judged(MessageDeleted(space="97"))
    assert not judged(POSTED.model_copy(update={"author": of("Éducation nationale")}), HUB)
