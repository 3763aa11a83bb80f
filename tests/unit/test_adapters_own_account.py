"""Which changes each platform shows as written under an account of this connector."""

from __future__ import annotations

import pytest

from adapters.discourse.payload import Post
from adapters.discourse.reading import read_post
from adapters.port import Change
from tests import fakes_discourse, fakes_matrix


@pytest.mark.parametrize(("username", "ours"), [("traitdunion", True), ("TraitDUnion", True), ("camille", False), (None, False)])
@pytest.mark.parametrize("event", ["post_created", "post_edited", "post_destroyed"])
def test_a_post_of_the_account_by_which_the_connector_writes_is_ours(event: str, username: str | None, *, ours: bool) -> None:
    gone = "2026-03-02T09:00:00Z" if event == "post_destroyed" else None
    post = Post.model_validate(fakes_discourse.post(username=username, deleted_at=gone))
    found = read_post(post, event, fakes_discourse.instance(api_username="traitdunion"))
    assert isinstance(found, Change)
    assert found.by_us is ours


@pytest.mark.parametrize(
    ("sender", "ours"),
    [
        ("@_tdu_00ff:tchap.example", True),
        ("@traitdunion:tchap.example", True),
        ("@_tdu_00ff:ailleurs.example", False),
        (fakes_matrix.PERSON, False),
    ],
)
def test_an_event_of_a_ghost_or_of_the_bot_is_ours(sender: str, *, ours: bool) -> None:
    said = fakes_matrix.only_change(fakes_matrix.room_event(sender=sender))
    gone = fakes_matrix.only_change(fakes_matrix.room_event("m.room.redaction", sender=sender, content={}, redacts="$one"))
    assert (said.by_us, gone.by_us) == (ours, ours)
