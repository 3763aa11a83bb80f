"""The notice in a tied space: what it says, when it is changed, and that an RSE which cannot take it is left in peace."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from adapters import notice_text
from adapters.ledger import LedgerUnavailable
from adapters.notice_text import Telling
from adapters.notices import LEASE_SECONDS, ROUND_SECONDS, Noticer, Standing, digest_of, notice_key, notice_of
from adapters.port import Later, Never, Written
from adapters.settings import AdapterSettings
from adapters.ties import TieState
from schemas.keys import SigningKey
from schemas.manifest import Registry
from tests.fakes_adapters import COMMUNITY, Hub
from tests.fakes_plain import SPACE, an_instance

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.offers import Notice
    from adapters.port import WriteOutcome
    from adapters.settings import Instance

NAMES = {"wifip": "Finances", "education": "Éducation nationale", "diplomatie": "Affaires étrangères"}
LINK = "https://hub.example/comprendre"
TIED = Standing(SPACE, COMMUNITY, "Futurs Publics", TieState.CONFIRMED, None, "", ("diplomatie", "education", "wifip"))


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return an_instance(tmp_path)


def shown(one: Standing, instance: Instance) -> Notice:
    notice = notice_of(one, instance, NAMES, LINK)
    assert notice is not None
    return notice


@dataclass
class FakeBoard:
    standing: list[Standing]
    mine: bool = True
    down: bool = False

    async def standings(self) -> list[Standing]:
        if self.down:
            raise LedgerUnavailable
        return self.standing

    async def claim(self, one: Standing) -> bool:
        return self.mine and one in self.standing

    async def keep(self, one: Standing, native_id: str | None, said: str) -> None:
        self.standing = [dataclasses.replace(one, native_id=native_id, shown=said)]


@dataclass
class Wall:
    said: list[Notice] = field(default_factory=list)
    answers: list[WriteOutcome] = field(default_factory=list)

    async def show(self, notice: Notice) -> WriteOutcome:
        self.said.append(notice)
        return self.answers.pop(0) if self.answers else Written("post:1", "")


class Known:
    def __init__(self, hub: Hub) -> None:
        self._registry = Registry.open(hub.registry(), hub.key.public.multibase, datetime.now(UTC))

    def current(self) -> Registry:
        return self._registry


def at_work(board: FakeBoard, wall: Wall, instance: Instance, grade: str = "full") -> Noticer:
    hub = Hub(nodes={name: SigningKey.generate(name) for name in NAMES}, entries={instance.node: {"grade": grade}})
    client: Any = wall
    asked: Any = board
    trust: Any = Known(hub)
    return Noticer("rse", instance, client, asked, trust, LINK)


def test_the_notice_names_the_community_the_other_ministries_the_mark_and_where_more_is_said(instance: Instance) -> None:
    notice = shown(TIED, instance)
    assert "Futurs Publics" in notice.title
    assert "Affaires étrangères, Éducation nationale." in notice.content.text
    assert "Finances" not in notice.content.text
    assert "#interne" in notice.content.text
    assert LINK in notice.content.html
    assert notice.pinned


def test_names_that_hold_markup_are_shown_and_not_obeyed(instance: Instance) -> None:
    wild = dataclasses.replace(TIED, title="<b>Futurs</b>")
    assert "&lt;b&gt;Futurs&lt;/b&gt;" in shown(wild, instance).content.html


def test_a_crowd_of_ministries_is_counted_past_thirty() -> None:
    crowd = Telling("Futurs", [f"Ministère {number:02}" for number in range(33)], "#interne", "")
    text = notice_text.of_space(crowd, TieState.CONFIRMED).text
    assert "Ministère 29, 3 autres ministères." in text
    assert "Ministère 30" not in text


@pytest.mark.parametrize("ministries", [2, 33])
def test_a_public_community_is_said_to_be_read_by_anybody_however_many_ministries_there_are(ministries: int) -> None:
    heard = [notice_text.EVERYBODY, *(f"Universités {number:02}" for number in range(ministries))]
    text = notice_text.of_space(Telling("Futurs", heard, "#interne", ""), TieState.CONFIRMED).text
    assert "toute personne sur Internet (page publique) et des serveurs extérieurs admis." in text
    assert text.count("autres ministères") == (ministries > notice_text.MOST_NAMED)


def test_nothing_is_said_before_the_hub_agrees_and_tells_who_hears_the_community(instance: Instance) -> None:
    for state in (TieState.PROPOSED, TieState.ACCEPTED):
        assert notice_of(dataclasses.replace(TIED, state=state), instance, NAMES, LINK) is None
    assert notice_of(dataclasses.replace(TIED, nodes=None), instance, NAMES, LINK) is None


@pytest.mark.parametrize(("state", "words"), [(TieState.SUSPENDED, "suspendu"), (TieState.REFUSED, "plus relié")])
def test_a_tie_that_no_longer_lives_changes_the_notice_that_stands_and_unpins_it(instance: Instance, state: TieState, words: str) -> None:
    ended = dataclasses.replace(TIED, state=state)
    assert notice_of(ended, instance, NAMES, LINK) is None  # where none stands, none is put up to say that it is over
    notice = shown(dataclasses.replace(ended, native_id="post:1"), instance)
    assert words in notice.content.text
    assert "reste ici" in notice.content.text
    assert not notice.pinned


async def test_who_writes_where_her_ministry_observes_is_not_told_that_she_is_heard(instance: Instance) -> None:
    board, wall = FakeBoard([dataclasses.replace(TIED, native_id="post:1")]), Wall()
    noticer = at_work(board, wall, instance, grade="observer")
    await noticer.round()
    await at_work(board, wall, instance).round()
    observing, full = (notice.content.text for notice in wall.said)
    assert "reste ici" in observing
    assert "est lu aussi par" not in observing
    assert "La communauté réunit aussi : Ministère." in observing
    assert "est lu aussi par" in full


def test_the_key_is_one_per_space_and_community_and_fits_every_platform() -> None:
    keys = {notice_key("wifip", space, community) for space in ("a", "b") for community in ("c", "d")}
    assert len(keys) == 4
    assert all(len(key) <= 50 and key.replace("-", "").isalnum() for key in keys)


async def test_a_notice_is_shown_once_and_again_only_when_it_says_something_else(instance: Instance) -> None:
    board, wall = FakeBoard([TIED]), Wall()
    noticer = at_work(board, wall, instance)
    for _ in range(3):
        assert await noticer.round() == ROUND_SECONDS
    assert len(wall.said) == 1
    board.standing = [dataclasses.replace(board.standing[0], nodes=("wifip",))]
    await noticer.round()
    assert [one.native_id for one in wall.said] == [None, "post:1"]


async def test_what_another_process_has_in_hand_is_left_to_it(instance: Instance) -> None:
    board, wall = FakeBoard([TIED], mine=False), Wall()
    await at_work(board, wall, instance).round()
    assert not wall.said


async def test_an_rse_that_refuses_is_asked_again_only_when_there_is_something_else_to_say(instance: Instance) -> None:
    board, wall = FakeBoard([TIED]), Wall(answers=[Never("forbidden")])
    noticer = at_work(board, wall, instance)
    await noticer.round()
    await noticer.round()
    assert len(wall.said) == 1


@pytest.mark.parametrize(("wish", "seconds"), [(7.0, 7.0), (None, LEASE_SECONDS)])
async def test_an_rse_that_wants_to_be_left_alone_is_and_is_asked_again(instance: Instance, wish: float | None, seconds: float) -> None:
    board, wall = FakeBoard([TIED]), Wall(answers=[Later("rate_limited", wish)])
    noticer = at_work(board, wall, instance)
    assert await noticer.round() == seconds
    await noticer.round()
    assert len(wall.said) == 2
    assert board.standing[0].shown == digest_of(wall.said[-1])


async def test_neither_a_ledger_that_is_away_nor_a_client_that_fails_ends_the_process(instance: Instance) -> None:
    board, wall = FakeBoard([TIED], down=True), Wall(answers=[])
    slept: list[float] = []

    class Enough(Exception):
        """The test has seen what it came for."""

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise Enough
        board.down = False
        wall.answers = [None]  # type: ignore[list-item]  # what no client may answer

    with pytest.raises(Enough):
        await dataclasses.replace(at_work(board, wall, instance), sleep=sleep).run()
    assert slept[0] == LEASE_SECONDS


@pytest.mark.parametrize(
    ("settings", "link"),
    [
        ({"hub_url": "https://hub.example/"}, "https://hub.example/comprendre"),
        ({"hub_url": "http://127.0.0.1:8400"}, ""),
        ({"hub_url": "http://127.0.0.1:8400", "about_url": "https://intranet.example/qui-lit"}, "https://intranet.example/qui-lit"),
    ],
)
def test_a_notice_leads_nobody_to_the_loopback(settings: dict[str, str], link: str) -> None:
    assert AdapterSettings(**settings).about == link  # type: ignore[arg-type]  # settings given by name
