"""Under the rules of every server at work, a peer is brought what is for it at the port that the registry names, and at no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp.abc import AbstractResolver

from hub.federation.delivery import Later, Never, Nowhere, Standing
from hub.federation.parcel import Form, Parcel
from hub.federation.post import GuardedPost
from hub.federation.posting import Posting
from hub.federation.readership import Readership
from schemas.wire.egress import EgressSettings
from schemas.wire.fetching import GuardedClient, PublicRules
from tests.fakes_courier import Hand, World
from tests.fakes_hub import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.federation.delivery import Outcome


class NoNames(AbstractResolver):
    """The rules let it be looked up; there it ends."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
        del family
        self.asked.append((host, port))
        raise OSError("nobody")

    async def close(self) -> None:
        return


class Ring:
    """One pair, that signs nothing."""

    def hands(self) -> Sequence[Any]:
        return [Asking("")]

    def unheralded(self) -> bool:
        return False


class Asking(Hand):
    """Asks as well."""

    def asking(self, *_: object) -> dict[str, str]:
        return {}


async def brought(peer: str, inbox: str, to: str = "") -> tuple[Outcome, list[tuple[str, int]]]:
    """What becomes of an activity for a peer, and which names and ports were looked up."""
    world, names, ring = World(), NoNames(), cast("Any", Ring())
    world.follow(peer)
    readership = Readership(world)
    parcel = Parcel("c", "e", "https://hub.example/groups/c", Form.DIRECT if to else Form.ANNOUNCED, b"{}", to=to, correlation="c")
    await readership.inboxes(parcel, peer, 0.0)
    async with GuardedClient(EgressSettings(), PublicRules(), "test", lambda: NOW, names) as client:
        post = GuardedPost(client, ring, "https://hub.example/actor")
        posting = Posting(post, post, ring, lambda: NOW)
        _, outcome = await posting.deliver(parcel, (inbox,), Standing(peer, 0), readership.location(peer))
    return outcome, names.asked


@pytest.mark.parametrize(("peer", "port"), [("pair.example:8443", 8443), ("pair.example", 443)], ids=["a port of its own", "the usual one"])
async def test_an_inbox_at_the_registrys_port_is_asked(peer: str, port: int) -> None:
    assert await brought(peer, f"https://{peer}/inbox") == (Later("peer_name_unresolved"), [("pair.example", port)])


async def test_an_actor_at_the_registrys_port_is_asked_for_her_inbox() -> None:
    found = await brought("pair.example:8443", "", to="https://pair.example:8443/u")
    assert found == (Later("peer_name_unresolved"), [("pair.example", 8443)])


@pytest.mark.parametrize("peer", ["pair.example", "pair.example:8443"])
async def test_no_other_port_is_asked(peer: str) -> None:
    assert await brought(peer, "https://pair.example:9000/inbox") == (Never("url_port_refused"), [])
    assert await brought(peer, "", to="https://pair.example:9000/u") == (Nowhere("url_port_refused"), [])
