"""What may happen in a story, as data: what people do, what platforms, hub and connectors get round to, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hypothesis import strategies as st

from tests.hub_world import NODES


class Deed(StrEnum):
    """What somebody does to a message that she sees."""

    REPLY = "reply"
    EDIT = "edit"
    DELETE = "delete"
    MODERATE = "moderate"
    MEDDLE = "meddle"
    REACT = "react"
    UNREACT = "unreact"
    ACCEPT = "accept"
    UNACCEPT = "unaccept"


class How(StrEnum):
    """How a write into an RSE goes."""

    WELL = "well"
    ANSWER_LOST = "answer lost"
    KILLED_BEFORE = "killed before the call"
    KILLED_AFTER = "killed after the call"


@dataclass(frozen=True)
class Post:
    """Somebody writes; `long`: more than one write into most RSEs takes, and so in every second version."""

    node: str
    long: bool = False


@dataclass(frozen=True)
class Do:
    """Somebody does something to the message that is `pick` in her space."""

    deed: Deed
    node: str
    pick: int


@dataclass(frozen=True)
class Recover:
    """Somebody brings back what people took away."""

    node: str
    pick: int


@dataclass(frozen=True)
class Enter:
    """Somebody becomes a member of the space, if she is not."""

    node: str


@dataclass(frozen=True)
class Leave:
    """She is a member no longer."""

    node: str


@dataclass(frozen=True)
class Remove:
    """A person of the federation takes away from everybody the message that is `pick` in the community."""

    pick: int


@dataclass(frozen=True)
class Restore:
    """She brings back what a moderator took away."""

    pick: int


@dataclass(frozen=True)
class Rewrite:
    """She has a copy written again that people of its RSE edited or deleted."""

    pick: int


@dataclass(frozen=True)
class Law:
    """Who may do what in a story, from its beginning."""

    entrusted: bool = False
    """The moderators of the room and of the forum moderate the community too: a copy that they take away goes everywhere."""
    hands: bool = True
    """Our accounts may take away what people of a room or of an eXo wrote themselves; there it does not come back."""


@dataclass(frozen=True)
class Mail:
    """A webhook arrives, or a poll takes place; `again`: it will come once more."""

    node: str
    which: int
    again: bool


@dataclass(frozen=True)
class Number:
    """The hub takes in what came, numbers it and sends it on."""


@dataclass(frozen=True)
class Write:
    """A connector carries out the next record; `meanwhile` this happens between its call and its note."""

    node: str
    how: How
    meanwhile: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Restart:
    """A connector process is killed, and started again."""

    node: str


@dataclass(frozen=True)
class Miss:
    """A connector was away for longer than its topic remembers."""

    node: str


@dataclass(frozen=True)
class Silence:
    """Kafka acknowledges nothing to connectors, or does again."""

    on: bool


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: int


@dataclass(frozen=True)
class Settle:
    """All that is on its way arrives."""


Federation = Remove | Restore | Rewrite
Step = Post | Do | Recover | Federation | Enter | Leave | Mail | Number | Write | Restart | Miss | Silence | Wait | Settle

node = st.sampled_from(sorted(NODES))
pick = st.integers(0, 3)
LIVELY: Final = (
    Deed.REPLY,
    Deed.REPLY,
    Deed.EDIT,
    Deed.EDIT,
    Deed.DELETE,
    Deed.MODERATE,
    Deed.MODERATE,
    Deed.MEDDLE,
    Deed.REACT,
    Deed.REACT,
    Deed.UNREACT,
)
posts = st.builds(Post, node, st.sampled_from([False, False, False, True]))
deeds = st.builds(Do, st.sampled_from(LIVELY), node, pick)
solutions = st.builds(Do, st.sampled_from([Deed.ACCEPT, Deed.ACCEPT, Deed.UNACCEPT]), st.just("wifip"), pick)
recoveries = st.builds(Recover, st.just("wifip"), pick)
goings = st.one_of(st.builds(Enter, node), st.builds(Leave, node))
federation = st.one_of(st.builds(Remove, pick), st.builds(Restore, pick), st.builds(Restore, pick), st.builds(Rewrite, pick))
acts = st.one_of(federation, federation, deeds, deeds, deeds, deeds, solutions, recoveries, recoveries, posts, goings)
mail = st.builds(Mail, node, pick, st.booleans())
meanwhile = st.lists(st.one_of(mail, deeds, recoveries, federation), max_size=2).map(tuple)
writes = st.builds(Write, node, st.sampled_from([How.WELL, *How]), meanwhile)
misses = st.builds(Miss, st.sampled_from(["wifip", "education"]))
"""Not in eXo, which would notify its people of what is history, and refuses it."""
faults = st.one_of(st.builds(Restart, node), misses, st.builds(Silence, st.booleans()), st.builds(Wait, st.sampled_from([31, 61])))
pumps = st.one_of(mail, mail, mail, st.just(Number()), st.just(Number()), writes, writes, faults)
rounds = st.tuples(st.lists(acts, min_size=1, max_size=3), st.lists(pumps, max_size=6), st.sampled_from([(), (Settle(),), (Settle(),)]))
pasts = st.sampled_from([(), (), ("wifip",), ("education",), ("education", "wifip")])
"""Whose space held something before it was tied. Not an eXo's, which would notify its people of it elsewhere, nor does it take it."""
laws = st.builds(Law, st.booleans(), st.booleans())
opening = [Post(one) for one in sorted(NODES)]
stories = st.lists(rounds, min_size=2, max_size=6).map(
    lambda said: [*opening, *(step for parts in said for part in parts for step in part)]
)
