"""How requests leave this machine: by which proxy, under which authorities of certificates, to which addresses."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from schemas.wire.destinations import FetchRefused, Refusal
from schemas.wire.settings import FiledSettings

if TYPE_CHECKING:
    from schemas.wire.destinations import Ground

CONNECTIONS: Final = 200
CONNECTIONS_PER_HOST: Final = 8
KEEP_ALIVE_SECONDS: Final = 30.0
NAMES_KEPT_SECONDS: Final = 30
NAMES_KEPT: Final = 10_000
LOOKUP_SECONDS: Final = 2.0
"""So long a name is looked up that a proxy will look up again: behind one, a machine's own name server may know nothing of the Internet."""
LOOKUPS: Final = 32
"""Names looked up together: one that nobody answers for blocks its thread for long, and must not hold up the others."""


class EgressSettings(FiledSettings):
    """What the State's networks ask for; environment prefix `TRAITDUNION_EGRESS_`. The usual variables for proxies are not read."""

    model_config = SettingsConfigDict(env_prefix="TRAITDUNION_EGRESS_", extra="ignore")

    proxy: Annotated[
        str, Field(pattern=r"^(https?://[^/?#]+)?$", description="The proxy by which other servers are reached; empty: directly.")
    ] = ""
    ca: Annotated[Path | None, Field(description="PEM bundle of authorities beside the system's own.")] = None
    certificate: Annotated[Path | None, Field(description="PEM of our own certificate, for servers that ask for one.")] = None
    certificate_key: Annotated[Path | None, Field(description="PEM of its private key.")] = None
    certificate_passphrase: Annotated[SecretStr | None, Field(description="Passphrase of that key.")] = None

    @property
    def key_file(self) -> Path | None:
        """Where the private key of our certificate lies, if we have one."""
        return (self.certificate_key or self.certificate) if self.certificate else None

    def ssl_context(self) -> ssl.SSLContext:
        """TLS under these authorities and, for mutual TLS, with our own certificate."""
        context = ssl.create_default_context()
        if self.ca is not None:
            context.load_verify_locations(self.ca)
        if self.certificate is not None:
            secret = self.certificate_passphrase
            context.load_cert_chain(self.certificate, self.certificate_key, secret.get_secret_value() if secret else None)
        return context


class Names(AbstractResolver):
    """The machine's own resolver, in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="names")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The addresses of a name; raises OSError."""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, _lookup, host, port, family)
        found: list[ResolveResult] = []
        for kind, _, protocol, _, place in await asked:
            found.append(
                ResolveResult(hostname=host, host=str(place[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST)
            )
        return found

    async def close(self) -> None:
        """Look up no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class AddressRefused(PermissionError):
    """A connection that was about to go where it may not; all of one text, so that several of them stay this one."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "address refused")


def direct(ground: Ground, names: AbstractResolver, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Connections that are checked where they are made, on the very address: no second answer of a name server comes between."""

    def checked(info: Any) -> socket.socket:
        family, kind, protocol, _, place = info
        if not ground.admits(str(place[0])):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        limit=CONNECTIONS, limit_per_host=CONNECTIONS_PER_HOST, keepalive_timeout=KEEP_ALIVE_SECONDS, ttl_dns_cache=NAMES_KEPT_SECONDS,
        resolver=_Grounded(ground, names), socket_factory=checked, ssl=tls,
    )  # fmt: skip


def proxied(names: AbstractResolver, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Connections to the proxy alone, wherever its owner put it; it looks names up itself, and which address it takes is its own rule to keep."""
    return aiohttp.TCPConnector(
        limit=CONNECTIONS, limit_per_host=CONNECTIONS_PER_HOST, keepalive_timeout=KEEP_ALIVE_SECONDS, resolver=_Lent(names), ssl=tls
    )


class OwnSight:
    """What this machine's own name server knows of a name that a proxy will look up again."""

    def __init__(self, names: AbstractResolver) -> None:
        """`names` are closed by whoever made them."""
        self._names = names
        self._judged: OrderedDict[tuple[str, Ground], tuple[bool, float]] = OrderedDict()

    async def judge(self, host: str, ground: Ground) -> None:
        """Refuse a name that means none but addresses that may not be asked; one that is not known here is the proxy's. Raises FetchRefused."""
        now = time.monotonic()
        inward, until = self._judged.pop((host, ground), (False, now))
        if until <= now:
            inward, until = await self._leads_inward(host, ground), now + NAMES_KEPT_SECONDS
        self._judged[host, ground] = inward, until
        if len(self._judged) > NAMES_KEPT:
            self._judged.popitem(last=False)
        if inward:
            raise FetchRefused(Refusal.ADDRESS)

    async def _leads_inward(self, host: str, ground: Ground) -> bool:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await self._names.resolve(host)
        except OSError:  # a name server that is silent among them
            return False
        return bool(found) and not any(ground.admits(one["host"]) for one in found)


class _Lent(AbstractResolver):
    """A resolver that several connectors share: none of them may close it."""

    def __init__(self, names: AbstractResolver) -> None:
        self._names = names

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return await self._names.resolve(host, port, family)

    async def close(self) -> None:
        return


class _Grounded(_Lent):
    """Leaves the addresses that may be used; raises FetchRefused where a name has others alone."""

    def __init__(self, ground: Ground, names: AbstractResolver) -> None:
        super().__init__(names)
        self._ground = ground

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        admitted = [one for one in found if self._ground.admits(one["host"])]
        if not found:
            raise OSError(errno.ENOENT, "no address")
        if not admitted:
            raise FetchRefused(Refusal.ADDRESS)
        return admitted


def _lookup(host: str, port: int, family: int) -> list[Any]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
