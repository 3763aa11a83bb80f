"""What the peers' door saw, as it writes it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas import jcs
from schemas.keys import SigningKey
from schemas.origins import LONGEST, origin_of
from schemas.provenance import Belief, KnownActor, Provenance, members, written

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
