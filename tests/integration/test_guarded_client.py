"""The guarded client over real connections: what a hostile server, name server or proxy can do to us, and what it cannot."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from schemas.wire import egress, fetching
from schemas.wire.destinations import Absence, FetchFailed, FetchRefused, Refusal
from schemas.wire.egress import EgressSettings
from schemas.wire.fetched import Budget, Media
from schemas.wire.fetching import ANSWER_LIMIT, DevelopmentRules, GuardedClient, PublicRules
from schemas.wire.telemetry import Metric
from tests.fakes_strangers import ACTIVITY, NamesInBook, answer, authority, stranger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from aiohttp.abc import ResolveResult

    from schemas.wire.fetching import Rules


AGENT = "traitdunion (https://hub.example)"


def clock() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def asking(
    rules: Rules | None = None, names: NamesInBook | None = None, leaving: EgressSettings | None = None
) -> AsyncIterator[GuardedClient]:
    async with GuardedClient(leaving or EgressSettings(), rules or DevelopmentRules(), AGENT, clock, names) as client:
        yield client


async def refused(url: str, client: GuardedClient, **more: object) -> Refusal | Absence:
    with pytest.raises(FetchFailed) as failed:
        await client.get(url, accept=Media.ACTIVITY, **more)  # type: ignore[arg-type]
    return failed.value.reason


async def said(body: bytes, path: str = "/") -> Refusal | Absence:
    """What the client makes of an answer that says this."""
    async with stranger() as there, asking() as client:
        there.answers[path] = body
        return await refused(there.url + path, client)


async def test_a_document_is_brought_as_it_is() -> None:
    async with stranger() as there, asking() as client:
        there.answers["/actor?a=%C3%A9"] = answer(body={"id": "x"})
        fetched = await client.get(there.url + "/actor?a=%C3%A9#main-key", accept=Media.ACTIVITY)
    assert (fetched.status, fetched.document()) == (200, {"id": "x"})
    [asked] = there.asked
    assert asked.headers["user-agent"] == AGENT
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["accept"].startswith(ACTIVITY)


async def test_a_name_that_means_a_private_address_is_not_connected_to() -> None:
    async with stranger() as there:
        names = NamesInBook({"peer.example": [["127.0.0.1"]], "lan.example": [["10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]]})
        async with asking(PublicRules(), names) as client:
            port = int(there.url.rpartition(":")[2])
            assert await refused(f"https://peer.example:{port}/", client, ports=[port]) is Refusal.ADDRESS
            assert await refused("https://lan.example/", client) is Refusal.ADDRESS
    assert there.connections == 0


async def test_a_name_answered_otherwise_after_it_was_judged_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding, as if every name had passed: the address itself is judged where its socket is made."""
    monkeypatch.setattr("schemas.wire.egress._Grounded.resolve", lambda self, host, port, family: self._names.resolve(host, port, family))
    async with stranger() as there:
        port = int(there.url.rpartition(":")[2])
        async with asking(PublicRules(), NamesInBook({"peer.example": [["127.0.0.1", "::1"]]})) as client:
            assert await refused(f"https://peer.example:{port}/", client, ports=[port]) is Refusal.ADDRESS
    assert there.connections == 0


async def test_plain_http_goes_to_this_machine_alone_whatever_its_name_means() -> None:
    async with asking(names=NamesInBook({"peer.example": [["8.8.8.8"]]})) as client:
        assert await refused("http://peer.example/", client) is Refusal.ADDRESS


async def test_a_name_with_public_addresses_beside_others_is_asked_at_those() -> None:
    """A network that translates addresses (NAT64) tells both."""
    names = NamesInBook({"peer.example": [["64:ff9b::808:808", "10.0.0.1", "127.0.0.1"]]})
    async with stranger() as there, asking(names=names) as client:
        port = there.url.rpartition(":")[2]
        there.answers["/"] = answer(body={})
        assert (await client.get(f"http://peer.example:{port}/", accept=Media.ACTIVITY)).found


async def test_one_redirect_is_followed() -> None:
    async with stranger() as there, asking() as client:
        there.answers |= {"/a": answer("301 Moved", Location="/b"), "/b": answer(body={"id": "b"})}
        fetched = await client.get(there.url + "/a", accept=Media.ACTIVITY)
    assert fetched.url == there.url + "/b"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/a", Refusal.REDIRECTS),
        ("https://localhost.example/", Refusal.REDIRECT),
        ("ftp://peer.example/", Refusal.SCHEME),
        ("http://10.0.0.1/", Refusal.HOST),
        ("http://[::ffff:127.0.0.1]/", Refusal.HOST),
        ("http://user@127.0.0.1/", Refusal.USER),
        ("http://[", Refusal.REDIRECT),
    ],
)
async def test_a_redirect_is_judged_as_if_it_had_been_asked_for(location: str, reason: Refusal) -> None:
    async with stranger() as there, asking(names=NamesInBook({})) as client:
        there.answers["/a"] = answer("302 Found", Location=location)
        found = await refused(there.url + "/a", client)
    assert found is reason


async def test_a_redirect_never_leads_from_https_down_to_http(tmp_path: Path) -> None:
    certificate, key = authority(tmp_path, "127.0.0.1")
    async with (
        stranger() as plain,
        stranger(tls=server_side(certificate, key)) as there,
        asking(leaving=EgressSettings(ca=certificate)) as client,
    ):
        there.answers["/"] = answer("302 Found", Location=plain.url + "/")
        assert await refused(there.url + "/", client) is Refusal.REDIRECT
    assert plain.connections == 0


async def test_no_server_has_us_ask_another_one() -> None:
    """A signed question to a server that nobody has admitted, at the address that an admitted one chose."""
    async with stranger() as there, stranger() as other, asking() as client:
        there.answers["/a"] = answer("302 Found", Location=other.url + "/b")
        other.answers["/b"] = answer(body={"id": "b"})
        assert await refused(there.url + "/a", client) is Refusal.REDIRECT
    assert other.connections == 0


async def test_what_is_too_large_is_not_read_to_its_end() -> None:
    assert await said(answer(body=b"x" * (ANSWER_LIMIT + 1))) is Refusal.TOO_LARGE
    endless = b"HTTP/1.1 200 OK\r\nContent-Type: " + ACTIVITY.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (
        await said(endless + b"10000\r\n" + b"x" * 0x10000 + b"\r\n" + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 20) is Refusal.TOO_LARGE
    )


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "application/json", "application/ld+json", "image/png", "", "text/plain; application/activity+json"],
)
async def test_a_document_of_another_type_may_be_a_file_that_somebody_uploaded(content_type: str) -> None:
    assert await said(answer(body={"id": "x"}, content_type=content_type)) is Refusal.TYPE


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
async def test_what_is_packed_is_not_unpacked(encoding: str) -> None:
    assert await said(answer(body=b"\x1f\x8b", Content_Encoding=encoding)) is Refusal.ENCODED


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b"NaN"])
async def test_what_is_no_strict_json_object_is_refused(body: bytes) -> None:
    async with stranger() as there, asking() as client:
        there.answers["/"] = answer(body=body)
        fetched = await client.get(there.url + "/", accept=Media.ACTIVITY)
    with pytest.raises(FetchRefused) as failed:
        fetched.document()
    assert failed.value.reason is Refusal.MALFORMED


async def test_json_that_is_nested_too_deep_is_refused() -> None:
    async with stranger() as there, asking() as client:
        there.answers["/"] = answer(body=b'{"a":' + b"[" * 200 + b"]" * 200 + b"}")
        fetched = await client.get(there.url + "/", accept=Media.ACTIVITY)
    with pytest.raises(FetchRefused) as failed:
        fetched.document()
    assert failed.value.reason is Refusal.TOO_DEEP


@pytest.mark.parametrize(
    "nonsense",
    [b"", b"\x00" * 100, b"HTTP/9.9 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x" * 70000],
)
async def test_what_is_no_http_is_no_answer(nonsense: bytes) -> None:
    async def garbage(writer: asyncio.StreamWriter) -> None:
        writer.write(nonsense)
        await writer.drain()

    async with stranger() as there, asking() as client:
        there.answers["/"] = garbage
        assert await refused(there.url + "/", client) is Absence.CONNECTION


async def test_a_body_that_comes_drop_by_drop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "GET_SECONDS", 0.3)

    async def slowly(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body=b"x" * 1000)[:-1000])
        for _ in range(100):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with stranger() as there, asking() as client:
        there.answers["/"] = slowly
        assert await refused(there.url + "/", client) is Absence.TIMEOUT


async def test_one_activity_makes_us_ask_so_often_and_no_more() -> None:
    budget = Budget(fetches=2)
    async with stranger() as there, asking() as client:
        there.answers |= {"/a": answer("302 Found", Location="/b"), "/b": answer(body={})}
        await client.get(there.url + "/a", accept=Media.ACTIVITY, budget=budget)
        assert await refused(there.url + "/b", client, budget=budget) is Refusal.BUDGET
    assert len(there.asked) == 2


async def test_no_cookie_is_kept_and_no_password_of_this_machine_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login agent password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with stranger() as there, asking() as client:
        there.answers["/"] = answer(body={}, Set_Cookie="spy=1")
        for _ in range(2):
            await client.get(there.url + "/", accept=Media.ACTIVITY)
    assert not any({"cookie", "authorization"} & asked.headers.keys() for asked in there.asked)


async def test_a_signed_question_is_signed_anew_where_it_is_led_on() -> None:
    class Signs:
        def fields(self, method: str, target_uri: str, now: datetime) -> Mapping[str, str]:
            return {"Signature": f"{method} {target_uri} {now:%Y}"}

    async with stranger() as there, asking() as client:
        there.answers |= {"/a": answer("302 Found", Location="/b"), "/b": answer(body={})}
        await client.get(there.url + "/a", accept=Media.ACTIVITY, sign=Signs())
    year = f"{clock():%Y}"
    assert [asked.headers["signature"] for asked in there.asked] == [f"GET {there.url}/{name} {year}" for name in "ab"]


async def test_a_status_that_says_no_brings_no_body() -> None:
    async with stranger() as there, asking() as client:
        there.answers["/gone"] = answer("410 Gone", body=b"x" * 10, content_type="text/html")
        gone, missing = [await client.get(there.url + path, accept=Media.ACTIVITY) for path in ("/gone", "/missing")]
    assert (gone.status, gone.body, gone.gone, missing.gone) == (410, b"", True, True)


async def test_a_body_is_brought_over_a_connection_that_stays() -> None:
    async with stranger() as there, asking() as client:
        there.answers["/inbox"] = answer("202 Accepted", body=b"thanks")
        for number in range(3):
            answered = await client.post(there.url + "/inbox", b"%d" % number, {"Content-Type": ACTIVITY})
            assert (answered.status, answered.retry_after) == (202, None)
    assert [asked.body for asked in there.asked] == [b"0", b"1", b"2"]
    assert there.connections == 1


async def test_what_answers_a_body_is_not_kept_and_no_redirect_takes_it_elsewhere() -> None:
    async with stranger() as there, asking() as client:
        there.answers |= {
            "/long": answer("429 Too Many Requests", body=b"x" * 5_000_000, Retry_After="120"),
            "/moved": answer("307 Temporary Redirect", Location="/inbox"),
            "/never": answer("503 Service Unavailable", Retry_After="Mon, 01 Jan 2024 00:00:00 +99999999999999999999"),
        }
        later = await client.post(there.url + "/long", b"{}", {})
        moved = await client.post(there.url + "/moved", b"{}", {})
        never = await client.post(there.url + "/never", b"{}", {})
    assert (later.status, later.retry_after, moved.status) == (429, 120.0, 307)
    assert (never.status, never.retry_after) == (503, None)
    assert [asked.target for asked in there.asked] == ["/long", "/moved", "/never"]


def server_side(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_an_authority_of_the_states_own_is_believed_where_it_is_set(tmp_path: Path) -> None:
    certificate, key = authority(tmp_path, "127.0.0.1")
    async with stranger(tls=server_side(certificate, key)) as there:
        there.answers["/"] = answer(body={})
        async with asking() as client:
            assert await refused(there.url + "/", client) is Absence.TLS
        async with asking(leaving=EgressSettings(ca=certificate)) as client:
            assert (await client.get(there.url + "/", accept=Media.ACTIVITY)).found


async def test_a_server_that_asks_for_a_certificate_gets_ours(tmp_path: Path) -> None:
    certificate, key = authority(tmp_path, "127.0.0.1")
    ours = authority(tmp_path, "hub.example")
    demanding = server_side(certificate, key)
    demanding.verify_mode = ssl.CERT_REQUIRED
    demanding.load_verify_locations(ours[0])
    async with stranger(tls=demanding) as there:
        there.answers["/"] = answer(body={})
        async with asking(leaving=EgressSettings(ca=certificate, certificate=ours[0], certificate_key=ours[1])) as client:
            assert (await client.get(there.url + "/", accept=Media.ACTIVITY)).found
        async with asking(leaving=EgressSettings(ca=certificate)) as client:
            assert await refused(there.url + "/", client) in {Absence.CONNECTION, Absence.TLS}


async def test_a_proxy_is_used_where_it_is_set_and_only_for_whom_is_not_in_our_own_networks() -> None:
    async with stranger() as proxy:
        proxy.answers["peer.example:443"] = answer("403 Forbidden")
        names = NamesInBook({"peer.example": [["8.8.8.8"]], "lan.example": [["10.0.0.1"]]})
        async with asking(PublicRules(), names, EgressSettings(proxy=proxy.url)) as client:
            assert await refused("https://peer.example/", client) is Absence.PROXY
            [asked] = proxy.asked
            assert (asked.method, asked.target) == ("CONNECT", "peer.example:443")
            assert await refused("https://lan.example/", client, networks=["10.9.0.0/16"]) is Refusal.ADDRESS
    assert len(proxy.asked) == 1


INWARD = {"lan.example": [["10.0.0.1", "fd00::1"]], "link.example": [["169.254.169.254"]], "here.example": [["127.0.0.1"]]}


@pytest.mark.parametrize("name", INWARD)
async def test_no_proxy_is_asked_for_a_name_that_means_private_addresses_alone(name: str) -> None:
    async with stranger() as proxy, asking(PublicRules(), NamesInBook(INWARD), EgressSettings(proxy=proxy.url)) as client:
        for _ in range(2):
            assert await refused(f"https://{name}/", client) is Refusal.ADDRESS
        with pytest.raises(FetchRefused, match="address_refused"):
            await client.post(f"https://{name}/inbox", b"{}", {})
    assert proxy.connections == 0


@pytest.mark.parametrize("known", [{}, {"peer.example": [["8.8.8.8", "10.0.0.1"]]}], ids=["unknown here", "of both kinds"])
async def test_a_name_that_this_machine_does_not_know_or_not_as_private_alone_is_the_proxys(known: dict[str, list[list[str]]]) -> None:
    async with stranger() as proxy, asking(PublicRules(), NamesInBook(known), EgressSettings(proxy=proxy.url)) as client:
        assert await refused("https://peer.example/", client) is Absence.PROXY
    assert [asked.target for asked in proxy.asked] == ["peer.example:443"]


async def test_a_name_server_that_never_answers_keeps_nobody_from_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(NamesInBook):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
            del host, port, family
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # never

    monkeypatch.setattr(egress, "LOOKUP_SECONDS", 0.05)
    async with stranger() as proxy, asking(PublicRules(), Silent({}), EgressSettings(proxy=proxy.url)) as client:
        assert await refused("https://peer.example/", client) is Absence.PROXY
    assert [asked.target for asked in proxy.asked] == ["peer.example:443"]


async def test_who_does_not_answer_is_named_by_what_failed() -> None:
    async with asking(names=NamesInBook({})) as client:
        assert await refused("http://nobody.example/", client) is Absence.NAME
        assert await refused("http://127.0.0.1:1/", client) is Absence.CONNECTION


async def test_every_outcome_is_counted() -> None:
    def count(outcome: str) -> float:
        return Metric.fetches.labels("get", outcome)._value.get()  # type: ignore[no-any-return]

    before = count("2xx"), count("url_scheme_refused")
    async with stranger() as there, asking() as client:
        there.answers["/"] = answer(body={})
        await client.get(there.url + "/", accept=Media.ACTIVITY)
        await refused("ftp://peer.example/", client)
    assert (count("2xx"), count("url_scheme_refused")) == (before[0] + 1, before[1] + 1)
