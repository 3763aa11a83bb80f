"""An eXo twin in this process, on a free port, people in it, and a poller that looks at it."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from adapters.exo import ExoClient
from adapters.exo.twin.options import Options
from adapters.exo.twin.server import Twin
from adapters.port import Act, Order, Written
from schemas.facts.message import Author, Content
from tests.fakes_exo import ACCOUNT, API_KEY, SPACES, V1, exo_instance
from tests.fakes_polled import PolledSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.settings import Instance

SOCIAL = "/portal/rest/v1/social"


@dataclass
class Portal:
    """A running twin, its client, and people who write in it."""

    options: Options
    sink: PolledSink
    instance: Instance
    client: ExoClient
    session: aiohttp.ClientSession

    @property
    def space(self) -> str:
        """The space that its connector looks at, as its generation names it."""
        return SPACES[self.instance.options["generation"]][0]

    async def call(self, method: str, path: str, username: str = "camille", /, **body: Any) -> tuple[int, Any]:
        """A person's or a tester's own request: its status and JSON."""
        async with self.session.request(
            method, self.options.url + path, json=body or None, headers={"Authorization": aiohttp.encode_basic_auth(username, API_KEY)}
        ) as response:
            return response.status, (await response.json() if response.content_type == "application/json" else await response.text())

    async def post(self, text: str, username: str = "camille", space: str = "12") -> str:
        """An activity; its native id."""
        status, said = await self.call("POST", f"{SOCIAL}/spaces/{space}/activities", username, title=f"<p>{text}</p>")
        assert status == 200, said
        return f"activity:{said['id']}"

    async def comment(self, native_id: str, text: str, username: str = "leo") -> str:
        """A comment under an activity, or an answer to a comment; its native id."""
        activity, _, answered = native_id.partition(":")[2].partition("/")
        above = {"parentCommentId": answered} if answered else {}
        status, said = await self.call("POST", f"{SOCIAL}/activities/{activity}/comments", username, title=f"<p>{text}</p>", **above)
        assert status == 200, said
        return f"comment:{activity}/{said['id']}"

    async def edit(self, native_id: str, text: str) -> None:
        """Its author changes it, from her browser."""
        item = await self.item(native_id)
        status, _ = await self.call("PUT", f"{SOCIAL}/activities/{item['id']}", item["username"], title=f"<p>{text}</p>")
        assert status == 200

    async def delete(self, native_id: str, username: str | None = None) -> None:
        """Its author, or somebody else, takes it away."""
        item = await self.item(native_id)
        status, _ = await self.call("DELETE", f"{SOCIAL}/activities/{item['id']}", username or item["username"])
        assert status == 200

    async def like(self, native_id: str, method: str) -> None:
        """Léo likes it (POST), or no longer (DELETE)."""
        assert (await self.call(method, f"{SOCIAL}/activities/{(await self.item(native_id))['id']}/likes", "leo"))[0] == 200

    async def item(self, native_id: str) -> dict[str, Any]:
        """What the twin holds of one object."""
        wanted = native_id.partition(":")[2].rpartition("/")[2]
        return next(one for one in await self.items() if one["id"] == wanted)

    async def items(self) -> list[dict[str, Any]]:
        """All that the twin holds."""
        found: list[dict[str, Any]] = (await self.call("GET", "/twin/activities"))[1]
        return found

    async def fault(self, **fault: Any) -> None:
        """Ask for a fault of the connector's next requests."""
        assert (await self.call("POST", "/twin/faults", **{"username": ACCOUNT, **fault}))[0] == 200

    async def member(self, *, is_one: bool, space: str = "12", username: str = ACCOUNT) -> None:
        """Let somebody into a space, or put her out."""
        assert (await self.call("POST", "/twin/members", space=space, username=username, member=is_one))[0] == 200


@asynccontextmanager
async def portal(folder: Path, generation: str = V1, **changes: Any) -> AsyncIterator[Portal]:
    """A twin that runs as long as the context; the same folder gives the same twin again."""
    async with AsyncExitStack() as stack:
        at = stack.enter_context(socket.socket())
        at.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{at.getsockname()[1]}"
        options = Options(
            state=folder / "twin.db",
            api_key=API_KEY,
            url=url,
            spaces=("12:futurs_publics:Futurs Publics", "13:reserve:Réservé"),
            closed=("13:reserve:Réservé",),
            people=("camille:Camille Roux", "leo:Léo Petit", "animatrice:Anne Marchand"),
            managers=("animatrice",),
        )
        runner = web.AppRunner(Twin(replace(options, **changes)).app(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, at).start()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        rse = exo_instance(url, generation)
        client = ExoClient(rse)
        stack.push_async_callback(client.close)
        yield Portal(options, PolledSink(), rse, client, session)


def order(rse: Portal, key: str = "k1", **changes: Any) -> Order:
    """Somebody elsewhere has said something in the space."""
    posted = Order(
        Act.POSTED, key, "s1", rse.space, Author(name="Bob Diallo", organisation="Éducation"),
        Content(html="<p>Bonjour d’ailleurs</p>", text="Bonjour d’ailleurs"), link="https://tchap.example/m/1",
    )  # fmt: skip
    return replace(posted, **changes)


async def written(rse: Portal, given: Order) -> Written:
    """What the connector wrote by an order."""
    outcome = await rse.client.write(given)
    assert isinstance(outcome, Written), outcome
    return outcome
