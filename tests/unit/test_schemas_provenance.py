"""What the peers' door saw, as it writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from schemas import jcs, origins
from schemas.keys import SigningKey
from schemas.origins import LONGEST, origin_of, same_origin
from schemas.provenance import Belief, KnownActor, Provenance, members, written

if TYPE_CHECKING:
    import pytest

KEY = SigningKey.generate("hub")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ACTORS = st.lists(st.builds(KnownActor, id=TEXT, kind=TEXT, name=TEXT, inbox=TEXT, shared_inbox=TEXT), max_size=3)


@given(ACTORS)
def test_those_who_take_part_are_written_in_the_one_form_that_a_proof_may_cover(actors: list[KnownActor]) -> None:
    seen = Provenance("a", "b", "c", "rfc9421", datetime(2026, 11, 22, tzinfo=UTC), "d", "/inbox", Belief.OWN, actors=actors)
    said = seen.signed(KEY)
    assert said["peer_actors"] == jcs.canonical({"actors": [one.written() for one in actors]}).decode()
    assert members(written(said)) == said


def test_an_origin_is_the_same_however_often_and_at_whatever_length_it_is_asked_for() -> None:
    for uri in ("https://a.example/x", "https://a.example/" + "x" * LONGEST):
        assert [origin_of(uri) for _ in range(2)] == ["https://a.example"] * 2
    assert [origin_of("https://a.example@b.example/") for _ in range(2)] == [None, None]


ADDRESSES = (
    st.lists(
        st.sampled_from(
            ["http", "https", "HTTP", "://", ":", "/", "a.example", "A.example", "10.0.0.1", "[::1]", "..", "80", "443", "8443", "0443", "0", "59999",
             "65536", "?", "#", "@", "x", "é", " ", "\\", "\t", "[", "]", "%41", "_", "~"]
        ),
        max_size=7,
    ).map("".join)
    | st.from_regex(r"https?://[a-z0-9.-]{1,8}(:[0-9]{1,5})?([/?#][!-~]{0,8})?", fullmatch=True)
)  # fmt: skip


@given(ADDRESSES)
def test_the_usual_writing_has_the_origin_that_the_library_reads(uri: str) -> None:
    assert origins._read(uri) == origins._parsed(uri)


@given(st.sampled_from(["https://a.example", "http://10.0.0.1:8443", "https://[::1]", "http://a.example:443"]), ADDRESSES, ADDRESSES)
def test_two_addresses_are_of_one_origin_where_the_library_reads_the_same(origin: str, path: str, other: str) -> None:
    for one in (origin + path, f"{origin}/{path}", other):
        for known in (origin, f"{origin}/users/a", other):
            assert same_origin(one, known) is (origins._parsed(one) is not None and origins._parsed(one) == origins._parsed(known))


def test_usual_addresses_are_not_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(uri: str) -> str:
        raise AssertionError(uri)

    monkeypatch.setattr(origins, "_parsed", never)
    assert origins._read("https://social.example/users/ines#z6Mk") == "https://social.example"
    assert origins._read("http://127.0.0.1:8443/notes/1?page=2") == "http://127.0.0.1:8443"
