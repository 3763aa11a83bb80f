"""What stands at the foot of a copy in eXo: the way to the original, and our marker."""

from __future__ import annotations

import pytest

from adapters.exo import render
from schemas.markup.tree import Element, parse, text_of
from tests.fakes_discourse import order

HOME = "https://rse.example"
MATRIX = "https://matrix.to/#/!salon%3Atchap.example/%24one?via=tchap.example"


def links(html: str) -> dict[str, str]:
    """What each link at the foot says, and where it leads."""
    foot = parse(html)[-1]
    assert isinstance(foot, Element)
    return {text_of(one.children): one.attributes["href"] for one in foot.children if isinstance(one, Element)}


def test_an_original_that_is_a_page_bears_our_marker_in_its_link() -> None:
    given = order(link="https://forum.example/t/-/108/1")
    assert links(render.html(given, HOME)) == {"Message d’origine": f"https://forum.example/t/-/108/1{render.act_marker(given)}"}


@pytest.mark.parametrize("link", [MATRIX, "https://tchap.example/#/room/!salon:tchap.example/$one"])
def test_an_original_whose_address_is_a_fragment_is_led_to_by_the_whole_of_it(link: str) -> None:
    """A Matrix client's addresses lie behind a « # »: without that, they lead to the client's own first page."""
    given = order(link=link)
    found = links(render.html(given, HOME))
    assert found["Message d’origine"] == link
    assert render.act_marker(given) in "".join(found.values())


def test_where_there_is_no_link_nothing_passes_for_one() -> None:
    """Its reader landed on the first page of her own network."""
    given = order(link=None)
    for written in (render.html(given, HOME), render.deleted_html(given, HOME), render.answers_gone_html(given, HOME, 2)):
        assert "rigine" not in written
        assert render.act_marker(given) in written
