"""Whom we ask: addresses that mean something else to another reader are refused by rule, before a name is looked up."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from schemas.wire.destinations import FetchRefused, Ground, Refusal, destination, development_destination
from tests.forgeries.addresses import DEVELOPMENT, REFUSED


@pytest.mark.parametrize(("url", "reason"), REFUSED, ids=[ascii(url)[:40] for url, _ in REFUSED])
def test_an_address_that_could_lead_elsewhere_is_refused_by_name(url: str, reason: Refusal) -> None:
    with pytest.raises(FetchRefused) as refused:
        destination(url)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://peer.example/actor", "https://peer.example/actor"),
        ("HTTPS://Peer.Example", "https://peer.example/"),
        ("https://peer.example:443/a?b=c#main-key", "https://peer.example/a?b=c"),
        ("https://peer.example/?author=1#main-key", "https://peer.example/?author=1"),
        ("https://xn--nonc-epa.example/%C3%A9", "https://xn--nonc-epa.example/%C3%A9"),
    ],
)
def test_an_address_has_one_writing_and_no_fragment(written: str, meant: str) -> None:
    assert destination(written).url == meant


def test_a_port_is_open_where_the_registry_names_it() -> None:
    assert destination("https://peer.example:8443/actor", [8443]).port == 8443


@pytest.mark.parametrize("url", ["http://127.0.0.2/actor", "http://localhost:8402/", "https://[::1]:8402/", "http://pair.test/"])
def test_development_alone_may_ask_this_machine(url: str) -> None:
    assert development_destination(url).url == url
    with pytest.raises(FetchRefused):
        destination(url)


@pytest.mark.parametrize("url", DEVELOPMENT)
def test_development_opens_nothing_else(url: str) -> None:
    with pytest.raises(FetchRefused):
        development_destination(url)


SOMEWHERE_PRIVATE = [
    "0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "192.0.0.8", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("address", SOMEWHERE_PRIVATE)
def test_no_connection_goes_to_an_address_that_is_not_public(address: str) -> None:
    assert not Ground.of().admits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "193.252.10.1", "2a01:e0a::1", "2600::1"])
def test_connections_go_to_public_addresses(address: str) -> None:
    assert Ground.of().admits(address)


def test_a_registry_entry_opens_its_own_range_alone() -> None:
    ground = Ground.of(["10.20.0.0/16", "fd12:3456::/32"])
    assert ground.admits("10.20.3.4")
    assert ground.admits("fd12:3456::1")
    assert not ground.admits("10.21.3.4")
    assert not ground.admits("192.168.1.1")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "0.0.0.1", "224.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1", "64:ff9b::a00:1"]
)
def test_no_registry_entry_opens_this_machine_or_its_link(address: str) -> None:
    assert not Ground.of(["0.0.0.0/0", "::/0"]).admits(address)


def test_what_is_not_encrypted_stays_on_this_machine() -> None:
    assert Ground.loopback().admits("127.0.0.7")
    assert not Ground.loopback().admits("8.8.8.8")
    assert Ground.of_development().admits("127.0.0.7")
    assert not Ground.of_development().admits("10.0.0.1")


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_whatever_python_holds_to_be_private_is_refused(address: object) -> None:
    ip = ip_address(str(address))
    if not ip.is_global or ip.is_multicast or ip.is_reserved or getattr(ip, "ipv4_mapped", None):
        assert not Ground.of().admits(str(ip))


URLS = st.text(st.sampled_from("htps:/.@#?%[]\\aZ09xé -_~&=;\r\n\t"), max_size=60).map("https://peer.example".__add__) | st.text(
    max_size=80
)


@given(URLS)
def test_whatever_is_written_the_client_asks_what_was_judged(url: str) -> None:
    """Two readers of one address that differ are how a guard is passed."""
    try:
        there = destination(url)
    except FetchRefused:
        return
    asked = URL(there.url, encoded=True)
    assert (asked.scheme, asked.raw_host, asked.port) == (there.scheme, there.host, there.port)
    assert (asked.user, asked.password, asked.raw_fragment) == (None, None, "")
    assert str(asked) == there.url
    assert destination(there.url) == there
