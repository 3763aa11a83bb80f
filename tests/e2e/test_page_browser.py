"""The pages in a real browser, with scripts off: read, narrow, by keyboard, asking nothing of any other host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import uvicorn

from deploy.local import ports
from hub.settings import HubSettings
from hub.site import site
from hub.storage.engine import engine_for
from tests import fakes_browser, fakes_hub
from tests.fakes_streams import becomes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

THREAD = f"/communautes/{fakes_hub.COMMUNITY}"
PAGES = (
    "/",
    THREAD,
    THREAD + "/moderation",
    "/messages/m2",
    "/noeuds",
    "/rattachements",
    "/rebuts",
    "/signalements",
    "/accessibilite",
    "/comprendre",
    "/entrer",
)
pytestmark = pytest.mark.skipif(not fakes_browser.CHROMIUM, reason="no Chromium on this machine's path")


@pytest.fixture
async def address(database_url: str) -> AsyncIterator[str]:
    engine = engine_for(database_url)
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        await fakes_hub.thread_of(connection)
    app = site(engine, HubSettings(), lambda: fakes_hub.NOW, fakes_hub.FakeStreams())
    port = ports.free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=ports.LOOPBACK, port=port, log_config=None, ws="none"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.02)
    yield f"http://{ports.LOOPBACK}:{port}"
    server.should_exit = True
    await running


async def test_the_thread_is_readable_without_scripts_and_asks_no_other_host(address: str, tmp_path: Path) -> None:
    async with fakes_browser.browser(tmp_path / "profile") as tab:
        await tab.show(address + THREAD, 1280)
        dom = await tab.html()
        await tab.screenshot(tmp_path / "thread.png")
    assert "<script" not in dom
    for said in (
        "Futurs Publics",
        "guichet commun",
        "Noé Modèle",
        "Ministère des finances",
        "retirée localement",
        "modification en attente",
    ):
        assert said in dom
    assert f"{address}/theme.css" in tab.asked
    assert all(url.startswith((address, "data:", "about:")) for url in tab.asked)


@pytest.mark.parametrize("width", [1280, 400, 320])
async def test_no_page_scrolls_sideways(address: str, tmp_path: Path, width: int) -> None:
    async with fakes_browser.browser(tmp_path / "profile") as tab:
        for page in PAGES:
            await tab.show(address + page, width)
            await tab.screenshot(tmp_path / f"{page.replace('/', '-')}-{width}.png")
            assert await tab.content_width() <= width, page


async def test_the_first_stop_of_the_keyboard_skips_to_the_content(address: str, tmp_path: Path) -> None:
    async with fakes_browser.browser(tmp_path / "profile") as tab:
        await tab.show(address + THREAD, 1280)
        await tab.press("Tab", 9)
        await becomes(tab.focused, "Aller au contenu")
