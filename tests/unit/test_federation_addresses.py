"""Addresses of what other servers find here."""

import pytest

from hub.federation.addresses import Addresses

HERE = Addresses("https://hub.example")


@pytest.mark.parametrize("name", ["futurs-publics", "a b", "é/../x", "100%", "?x#y"])
def test_an_address_leads_back_to_what_it_was_made_for(name: str) -> None:
    assert HERE.community_of(HERE.group(name)) == name
    assert HERE.message_of(HERE.note(name)) == name
    assert HERE.owns(HERE.activity(name))


@pytest.mark.parametrize(
    "uri",
    [
        "https://hub.example.evil/groups/a",
        "https://hub.example/groups/",
        "https://hub.example/groups/a/inbox",
        "https://hub.example/groups/%61",
        "https://hub.example/notes/a",
        "http://hub.example/groups/a",
    ],
)
def test_no_other_writing_of_an_address_is_taken_for_it(uri: str) -> None:
    assert HERE.community_of(uri) is None


def test_a_name_that_begins_like_ours_is_not_ours() -> None:
    assert not HERE.owns("https://hub.example.evil/groups/a")
    assert not HERE.owns("https://hub.example@evil.example/")
