"""A headless Chromium spoken to over the DevTools protocol: pages at a width, with scripts off."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking",
    "--disable-component-update", "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip
STARTED_WITHIN = 120


class Tab:
    """One page of the browser, scripts off."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._session: dict[str, str] = {}
        self.asked: list[str] = []
        self._loaded: set[str] = set()

    async def open(self) -> None:
        target = await self._ask("Target.createTarget", url="about:blank")
        attached = await self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        await self._ask("Page.enable")
        await self._ask("Page.setLifecycleEventsEnabled", enabled=True)
        await self._ask("Network.enable")
        await self._ask("Emulation.setScriptExecutionDisabled", value=True)

    async def show(self, url: str, width: int) -> None:
        """Load a page on a screen of that width."""
        await self._ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        loader = (await self._ask("Page.navigate", url=url))["loaderId"]
        while loader not in self._loaded:
            await self._next()

    async def content_width(self) -> int:
        """How wide the page would like to be, in CSS pixels."""
        size = (await self._ask("Page.getLayoutMetrics"))["cssContentSize"]
        return int(size["width"])

    async def html(self) -> str:
        root = await self._ask("DOM.getDocument", depth=0)
        return str((await self._ask("DOM.getOuterHTML", nodeId=root["root"]["nodeId"]))["outerHTML"])

    async def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            await self._ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def focused(self) -> str:
        """The name that a screen reader gives to what has the focus."""
        tree = await self._ask("Accessibility.getFullAXTree")
        held = [
            node
            for node in tree["nodes"]
            if any(said["name"] == "focused" and said["value"].get("value") for said in node.get("properties", ()))
            and node["role"]["value"] != "RootWebArea"
        ]
        return str(held[0]["name"]["value"]) if held else ""

    async def screenshot(self, path: Path) -> None:
        shot = await self._ask("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params, **self._session})
        while True:
            said = await self._next()
            if said.get("id") == self._number:
                assert "error" not in said, said
                return dict(said["result"])

    async def _next(self) -> dict[str, Any]:
        said: dict[str, Any] = await asyncio.wait_for(self._socket.receive_json(), STARTED_WITHIN)
        if said.get("method") == "Network.requestWillBeSent":
            self.asked.append(said["params"]["request"]["url"])
        if said.get("method") == "Page.lifecycleEvent" and said["params"]["name"] == "load":
            self._loaded.add(said["params"]["loaderId"])
        return said


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Tab]:
    """A browser with one page; it and its helpers end with the block, however that ends."""
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # its sandbox refuses root
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, *root, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(await _address(profile), max_msg_size=0) as socket:
            tab = Tab(socket)
            await tab.open()
            yield tab
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await asyncio.to_thread(_swept, profile)


def _swept(profile: Path) -> None:
    """Remove the folder that it makes outside its profile, to which the profile leads: killed, it leaves that behind."""
    socket = profile / "SingletonSocket"
    if socket.is_symlink():
        shutil.rmtree(socket.readlink().parent, ignore_errors=True)


async def _address(profile: Path) -> str:
    """Where the browser says that it listens, once it does."""
    said = profile / "DevToolsActivePort"
    async with asyncio.timeout(STARTED_WITHIN):
        while not said.exists() or len(said.read_text().splitlines()) < 2:  # noqa: ASYNC110 - a file is how it tells
            await asyncio.sleep(0.05)
    port, path = said.read_text().splitlines()
    return f"ws://127.0.0.1:{port}{path}"
