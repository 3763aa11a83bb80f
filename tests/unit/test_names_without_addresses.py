"""Names of people leave a ministry; e-mail addresses do not, though many accounts are called by theirs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.discourse.payload import Like, Post
from adapters.discourse.reading import read_like, read_post
from adapters.exo.payload import Liker
from adapters.exo.reading import comment_of, entry_of, members_of, outcome_of, sightings_of
from adapters.gateway import named
from adapters.matrix.rooms import people_of
from adapters.mentions import introduced
from adapters.people import Member, author_of, chosen_name
from adapters.port import Act, Change
from schemas.names import ANYBODY, LONGEST, public_name
from tests.fakes_discourse import instance, post
from tests.fakes_exo import activity, comment, exo_instance, old_activity, old_comment
from tests.fakes_matrix import PERSON, matrix_instance, only_change, room_event
from tests.fakes_plain import PlainRse, change_of

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = "camille.roux@interieur.example"
ADDRESSES = re.compile(r"[\w.+%-]+[@＠﹫][\w-]+(?:[.。．｡][\w-]+)+")
SHAPES = st.sampled_from(
    ["{}", "{} <{}>", "<{}>", "{} ({})", "{}, {}", "mailto:{}", '"{}" [{}]', "{}/{}", "{} - {}", "«{}»", "@{}", "{}\t{}"]
)
MAILBOXES = st.builds(
    "{}{}{}.{}".format, st.from_regex(r"[a-z][a-z.+_-]{0,9}[a-z0-9]", fullmatch=True), st.sampled_from("@＠﹫"),
    st.from_regex(r"[a-z][a-z0-9-]{0,7}[a-z]", fullmatch=True), st.from_regex(r"[a-z]{2,6}", fullmatch=True),
)  # fmt: skip
WORDS = st.text(max_size=20) | MAILBOXES | st.sampled_from(["Camille Roux", "L'agent", "DGFiP @ Paris", "@camille:tchap.example"])


class Named(PlainRse):
    """An RSE that shows everybody by one name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    async def display_name(self, actor: str) -> str | None:
        del actor
        return self.name


@pytest.mark.parametrize(
    ("told", "public"),
    [
        ((ADDRESS,), ANYBODY),
        ((ADDRESS, "camille"), "camille"),
        ((ADDRESS, "camille@rse.example"), ANYBODY),
        ((f"Camille Roux <{ADDRESS}>",), "Camille Roux"),
        ((f"Camille Roux ({ADDRESS})",), "Camille Roux"),
        ((f"{ADDRESS} - Camille Roux",), "Camille Roux"),
        ((f"mailto:{ADDRESS}",), ANYBODY),
        ((f"@{ADDRESS}",), ANYBODY),
        (("camille＠interieur．example",), ANYBODY),
        (("Camille Roux", "camille"), "Camille Roux"),
        (("Camille @ Intérieur",), "Camille @ Intérieur"),
        (("@camille:tchap.example",), "@camille:tchap.example"),
        (("R@phaël",), "R@phaël"),
        (("  ", None, ""), ""),
        (("x" * 150 + " camille.roux@" + "i" * 36,), "x" * 150),
    ],
)
def test_what_is_left_of_a_name_without_the_addresses_in_it(told: tuple[str | None, ...], public: str) -> None:
    assert public_name(*told) == public


@given(st.lists(st.tuples(SHAPES, WORDS, WORDS).map(lambda one: one[0].format(one[1], one[2])), max_size=3))
@example(["a@@b.example"])
@example([f"{ADDRESS}@{ADDRESS}"])
def test_no_address_is_left_in_any_name(told: list[str]) -> None:
    public = public_name(*told)
    assert not ADDRESSES.search(public)
    assert bool(public) == any(one.strip() for one in told)
    assert not ADDRESSES.search(author_of("Intérieur", public[:200]).name)


def test_a_name_of_any_length_is_read_in_no_time() -> None:
    assert public_name("a@" * 1_000_000) == ANYBODY or len(public_name("a@" * 1_000_000)) <= LONGEST


def discourse() -> list[Change]:
    known = instance()
    said = Post.model_validate(post(name=ADDRESS, username="camille"))
    liked = Like.model_validate({"post": post(), "user": {"id": 7, "name": ADDRESS, "username": "camille@rse.example"}})
    return [found for found in (read_post(said, "post_created", known), read_like(liked, known)) if isinstance(found, Change)]


def exo() -> list[Change]:
    known, found = exo_instance(), list[Change]()
    who = {"id": "7", "remoteId": "camille", "profile": {"fullname": ADDRESS, "fullName": ADDRESS}}
    entries = [
        entry_of(activity(identity=who)), comment_of(comment(identity=who), "42"), entry_of(old_activity(posterIdentity=who)),
        comment_of(old_comment(posterIdentity=who), "42"),
    ]  # fmt: skip
    for entry in entries:
        outcome = outcome_of(entry, "12", known)  # type: ignore[arg-type]  # all can be read
        found += [outcome] if isinstance(outcome, Change) else []
    return found


@pytest.mark.parametrize("changes", [discourse, exo])
def test_who_writes_and_who_likes_leave_without_their_addresses_and_user_names(changes: Callable[[], list[Change]]) -> None:
    found = changes()
    assert len(found) > 1
    assert [one.author.name for one in found if one.author is not None] == [ANYBODY] * len(found)
    assert not any(ADDRESSES.search(repr(one.author)) for one in found)


def test_an_exos_likers_and_members_leave_without_their_addresses() -> None:
    known, ada = exo_instance(), {"id": "8", "username": "ada", "fullname": ADDRESS}
    (seen,) = sightings_of([entry_of(activity(likes=[ada], likesCount="1"))], "12", known)
    assert [one.author.name for one in seen.likes] == [ANYBODY]
    (member,) = members_of([Liker.model_validate(ada)], known)
    assert member.name == ADDRESS  # told to nobody yet: the rosters say what leaves
    assert public_name(member.name) == ANYBODY


def test_who_takes_part_in_a_space_is_told_without_her_user_name() -> None:
    (member,) = members_of([Liker.model_validate({"id": "8", "username": "ada"})], exo_instance())
    assert member.name == ""
    seen = sightings_of([entry_of(activity(likes=[{"id": "8", "username": "ada"}], likesCount="1"))], "12", exo_instance())
    assert [one.author.name for one in seen[0].likes] == [""]  # still to be asked for


async def test_who_is_named_by_her_homeserver_leaves_without_her_address() -> None:
    written = only_change(room_event(content={"msgtype": "m.text", "body": "Bonjour"}))
    told = await named(Named(f"Camille Roux <{ADDRESS}>"), written)
    assert isinstance(told, Change)
    assert told.author is not None
    assert told.author.name == "Camille Roux"
    for nameless in (ADDRESS, ""):
        nobody = await named(Named(nameless), written)
        assert isinstance(nobody, Change)
        assert nobody.author is not None
        assert nobody.author.name == ANYBODY


@pytest.mark.parametrize(
    ("told", "account", "name"),
    [
        ("jean.martin-finances.example", "@jean.martin-finances.example:tchap.example", ""),
        ("Jean.Martin-Finances.Example ", "@jean.martin-finances.example:tchap.example", ""),
        ("@jean.martin-finances.example:tchap.example", "@jean.martin-finances.example:tchap.example", ""),
        ("@jean.martin-finances.example", "@jean.martin-finances.example:tchap.example:8448", ""),
        ("camille", "username:Camille", ""),
        ("camille", "camille", ""),
        ("Jean Martin", "@jean.martin-finances.example:tchap.example", "Jean Martin"),
        ("Camille", None, "Camille"),
        (None, "camille", ""),
        ("  ", "camille", ""),
    ],
)
def test_a_name_that_is_the_accounts_own_was_given_by_nobody(told: str | None, account: str | None, name: str) -> None:
    assert chosen_name(told, account) == name


def test_who_takes_part_in_a_room_under_her_local_part_alone_has_no_name() -> None:
    joined = {PERSON: {"display_name": PERSON[1:].partition(":")[0]}, "@omar:tchap.example": {"display_name": "@omar:tchap.example"}}
    assert people_of(joined, matrix_instance()) == (Member(PERSON, ""), Member("@omar:tchap.example", ""))


def test_who_writes_or_likes_in_a_discourse_under_her_user_name_alone_is_an_agent() -> None:
    said = read_post(Post.model_validate(post(name="Camille", username="camille")), "post_created", instance())
    liked = read_like(Like.model_validate({"post": post(), "user": {"id": 7, "name": "leo.petit", "username": "leo.petit"}}), instance())
    assert [one.author.name for one in (said, liked) if isinstance(one, Change) and one.author is not None] == [ANYBODY, ANYBODY]
    system = read_post(Post.model_validate(post(name="system", username="system", user_id=-1)), "post_created", instance())
    assert isinstance(system, Change)
    assert system.author == author_of("Finances", "system", "system")  # no person's


def test_who_writes_likes_or_takes_part_in_an_exo_under_her_user_name_alone_has_no_name() -> None:
    who, ada = {"id": "7", "remoteId": "camille", "profile": {"fullname": "camille"}}, {"id": "8", "username": "ada", "fullname": "Ada"}
    (seen,) = sightings_of([entry_of(activity(identity=who, likes=[ada], likesCount="1"))], "12", exo_instance())
    assert isinstance(seen.outcome, Change)
    assert [one.name for one in (seen.outcome.author, *(like.author for like in seen.likes)) if one is not None] == [
        "",
        "",
    ]  # not asked yet
    assert members_of([Liker.model_validate(ada)], exo_instance()) == (Member("identity:8", ""),)


async def test_who_is_called_under_her_user_name_alone_is_an_agent() -> None:
    said: dict[str, Any] = {"what": "post", "id": "p1", "text": '<span data-mention="0">@camille</span> merci'}
    told = await introduced(Named("Camille"), replace(change_of(said, instance()), called=("username:camille",)))
    assert [one.name for one in told.mentions] == [ANYBODY]
    assert told.content is not None
    assert told.content.text == f"@{ANYBODY} merci"


@pytest.mark.parametrize("name", [ADDRESS, f"{ADDRESS} (Intérieur)"])
async def test_who_is_called_leaves_without_her_address_in_the_text_too(name: str) -> None:
    said: dict[str, Any] = {"what": "post", "id": "p1", "text": '<span data-mention="0">@camille</span> merci'}
    called = change_of(said, instance())
    told = await introduced(Named(name), Change(**{**_members(called), "called": ("username:camille",)}))
    assert [one.name for one in told.mentions] == [ANYBODY]
    assert told.content is not None
    assert not ADDRESSES.search(told.content.html + told.content.text)


def _members(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in Change.__dataclass_fields__}


def test_words_that_people_wrote_stay_as_they_are() -> None:
    (change, *_) = discourse()
    assert change.act is Act.POSTED
    written = only_change(room_event(content={"msgtype": "m.text", "body": f"Écrivez à {ADDRESS}"}))
    assert written.content is not None
    assert ADDRESS in written.content.text
