"""The pages of the peers' door in a real browser, with scripts off: readable, narrow, asking nothing of any other host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import uvicorn

from deploy.local import ports
from tests import fakes_browser
from tests.fakes_published import ROOM, SEAT, InMemory, door, said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not fakes_browser.CHROMIUM, reason="no Chromium on this machine's path")
COMMUNITY = f"/groups/{ROOM.id}"
PAGES = ("/", COMMUNITY, "/notes/m2", "/notes/m3", f"/nodes/{SEAT.id}", "/actor", "/nowhere")
SHOWN = {
    "m1": said("m1", "<p>Qui a déjà ouvert un <strong>guichet commun</strong> ?</p>", title="Guichet commun"),
    "m2": said(
        "m2", '<p>Nous : <a href="https://finances.example/guichet">le récit</a>.</p><img src="https://spy.example/1.png">', parent="m1"
    ),
    "m3": said("m3", "", deleted=True),
}


@pytest.fixture
async def address() -> AsyncIterator[str]:
    port = ports.free_port()
    server = uvicorn.Server(
        uvicorn.Config(door(InMemory(SHOWN)), host=ports.LOOPBACK, port=port, log_config=None, ws="none", lifespan="off")
    )
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.02)
    yield f"http://{ports.LOOPBACK}:{port}"
    server.should_exit = True
    await running


async def test_a_community_is_readable_without_scripts_and_asks_no_other_host(address: str, tmp_path: Path) -> None:
    async with fakes_browser.browser(tmp_path / "profile") as tab:
        await tab.show(address + COMMUNITY, 1280)
        dom = await tab.html()
        await tab.screenshot(tmp_path / "community.png")
    assert "<script" not in dom
    assert all(
        words in dom for words in ("Futurs Publics", "guichet commun", "Ministère des finances", "supprimé", "@futurs-publics@hub.example")
    )
    assert f"{address}/theme.css" in tab.asked
    assert all(url.startswith((address, "data:", "about:")) for url in tab.asked)


async def test_every_page_fits_a_narrow_screen(address: str, tmp_path: Path) -> None:
    async with fakes_browser.browser(tmp_path / "profile") as tab:
        for page in PAGES:
            await tab.show(address + page, 320)
            assert await tab.content_width() <= 320, page
