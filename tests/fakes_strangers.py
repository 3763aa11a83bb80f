"""Servers of strangers on this machine, kind and hostile, that say byte for byte what a test tells them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from tests.forgeries.abroad import Served

ACTIVITY = "application/activity+json"


@dataclass
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def answer(status: str = "200 OK", body: bytes | dict[str, Any] = b"", content_type: str = ACTIVITY, **more: str) -> bytes:
    """An HTTP answer, whole."""
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    headers = {
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): said for name, said in more.items()},
    }
    return f"HTTP/1.1 {status}\r\n".encode() + "".join(f"{name}: {said}\r\n" for name, said in headers.items()).encode() + b"\r\n" + body


def publish(documents: Mapping[str, Served], servers: Iterable[Stranger]) -> None:
    """Have each server answer what it serves on a stage of forgers."""
    at = {one.url: one for one in servers}
    for url, served in documents.items():
        origin = "/".join(url.split("/")[:3])
        at[origin].answers[url[len(origin) :]] = _until_closed(served) if served.endless else _whole(served)


def _whole(served: Served) -> bytes:
    more = {name: said for name, said in (("Location", served.location), ("Content_Encoding", served.encoding)) if said}
    return answer(served.status, served.body, served.content_type, **more)


def _until_closed(served: Served) -> Callable[[asyncio.StreamWriter], Any]:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {served.status}\r\nContent-Type: {served.content_type}\r\n\r\n".encode() + served.body)
        await writer.drain()

    return write


@dataclass
class Stranger:
    """A server that answers each target with fixed bytes, or by a function that may take its time."""

    url: str = ""
    answers: dict[str, bytes | Callable[[asyncio.StreamWriter], Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open: set[asyncio.Task[Any]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.open.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.open.discard(task)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): said.strip() for name, _, said in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.asked.append(Asked(method, target, headers, body))
        said = self.answers.get(target, answer("404 Not Found"))
        if isinstance(said, bytes):
            writer.write(said)
            await writer.drain()
            return True
        await said(writer)
        return False


@contextlib.asynccontextmanager
async def stranger(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Stranger]:
    """A stranger's server for the length of a test."""
    known = Stranger()
    server = await asyncio.start_server(known.serve, host, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    known.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield known
    finally:
        server.close()
        left = set(known.open)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class NamesInBook(AbstractResolver):
    """A name server that says what a test tells it, another thing each time if it tells several."""

    def __init__(self, book: Mapping[str, list[list[str]]]) -> None:
        self._book = {name: list(answers) for name, answers in book.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        del family
        self.asked.append(host)
        answers = self._book.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST,
            )
            for one in addresses
        ]  # fmt: skip

    async def close(self) -> None:
        return


def authority(folder: Path, *names: str) -> tuple[Path, Path]:
    """A private authority's certificate for these names: the files of the certificate, which is its own authority, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Autorité de test")])
    alternatives = [x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / f"{names[0]}.pem", folder / f"{names[0]}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths
