"""Reading at other servers, signed in the way that each of them takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.keyring import Keys
from hub.federation.signed_fetch import SignedFetching, ports_of
from hub.registry.peers import Peer, PeerKind
from schemas.keys import SigningKey
from schemas.manifest import Grade
from schemas.wire.destinations import FetchRefused
from schemas.wire.fetched import Budget, Fetched, Media
from tests.fakes_hub import NOW
from tests.fakes_published import ED25519, RSA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

URL = "https://peer.example:8443/users/alice"
PEER = Peer("peer.example:8443", "Pair", "Exemple", PeerKind.ACTIVITYPUB, Grade.FULL, NOW, networks=("10.1.0.0/16",))


def way_of(fields: Mapping[str, str]) -> str:
    """How a request is signed, by what it says."""
    if "Signature-Input" not in fields:
        return "cavage"
    if "#main-key" in fields["Signature-Input"]:
        return "rsa"
    return "ed25519" if ED25519.public.multibase in fields["Signature-Input"] else "former ed25519"


@dataclass
class Client:
    """Answers by the way in which it is asked, as the guarded client would."""

    takes: Callable[[str], int]
    asked: list[str] = field(default_factory=list)
    told: list[tuple[Any, Any]] = field(default_factory=list)

    async def get(self, url: str, *, accept: Media, sign: Any, budget: Budget, networks: Any, ports: Any) -> Fetched:
        assert accept is Media.ACTIVITY
        budget.spend()
        self.asked.append(way_of(sign.fields("GET", url, NOW)))
        self.told.append((tuple(networks), tuple(ports)))
        return Fetched(url, self.takes(self.asked[-1]), b"{}")


def fetching(client: Client, *former: Keys) -> SignedFetching:
    return SignedFetching(client, lambda: [Keys(ED25519, RSA), *former], {PEER.id: PEER}.get)  # type: ignore[arg-type]  # as far as it reads


async def test_a_server_that_reads_the_newest_is_asked_once() -> None:
    client = Client(lambda _: 200)
    assert (await fetching(client).get(URL, Media.ACTIVITY, Budget())).found
    assert client.asked == ["ed25519"]
    assert client.told == [(("10.1.0.0/16",), (8443,))]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_what_a_server_takes_is_found_and_remembered(status: int) -> None:
    client = Client(lambda way: 200 if way == "cavage" else status)
    ours = fetching(client)
    assert (await ours.get(URL, Media.ACTIVITY, Budget())).found
    assert (await ours.get(URL, Media.ACTIVITY, Budget())).found
    assert client.asked == ["ed25519", "rsa", "cavage", "cavage"]


async def test_a_server_that_has_learnt_something_newer_is_asked_anew_from_the_beginning() -> None:
    taken = {"cavage"}
    client = Client(lambda way: 200 if way in taken else 401)
    ours = fetching(client)
    await ours.get(URL, Media.ACTIVITY, Budget())
    taken.clear()
    taken.add("ed25519")
    assert (await ours.get(URL, Media.ACTIVITY, Budget())).found
    await ours.get(URL, Media.ACTIVITY, Budget())
    assert client.asked[3:] == ["cavage", "ed25519", "ed25519"]


FORMER = Keys(SigningKey.generate(ED25519.owner), RSA)


async def test_a_server_that_knows_our_former_pair_alone_is_asked_by_that_in_the_way_that_it_takes() -> None:
    client = Client(lambda way: 200 if way == "ed25519" else 401)
    ours = fetching(client, FORMER)
    await ours.get(URL, Media.ACTIVITY, Budget())
    client.takes = lambda way: 200 if way == "former ed25519" else 401
    assert (await ours.get(URL, Media.ACTIVITY, Budget())).found
    assert client.asked == ["ed25519", "ed25519", "rsa", "cavage", "former ed25519"]


async def test_of_a_server_that_was_never_asked_a_former_pair_costs_one_question_more() -> None:
    client = Client(lambda _: 401)
    assert (await fetching(client, FORMER).get(URL, Media.ACTIVITY, Budget())).status == 401
    assert client.asked == ["ed25519", "rsa", "cavage", "cavage"]


@pytest.mark.parametrize("status", [404, 410, 500])
async def test_what_has_nothing_to_do_with_signatures_is_not_tried_again(status: int) -> None:
    client = Client(lambda _: status)
    assert (await fetching(client).get(URL, Media.ACTIVITY, Budget())).status == status
    assert client.asked == ["ed25519"]


async def test_who_takes_nothing_is_refused_and_each_try_is_counted() -> None:
    client = Client(lambda _: 401)
    budget = Budget(fetches=3)
    assert (await fetching(client).get(URL, Media.ACTIVITY, budget)).status == 401
    assert len(client.asked) == 3
    with pytest.raises(FetchRefused):
        budget.spend()


@pytest.mark.parametrize(("authority", "ports"), [("peer.example", ()), ("peer.example:8443", (8443,)), ("[2001:db8::1]:8443", (8443,))])
def test_a_port_is_the_registrys(authority: str, ports: tuple[int, ...]) -> None:
    assert ports_of(authority) == ports
