"""A key that this program never sees: it signs through an agent on a Unix socket that speaks the OpenSSH agent's protocol.

The agent may be OpenSSH's own, or one in front of a smart card, an HSM or a KMS (draft-ietf-sshm-ssh-agent §§ 3.5 and 3.6; RFC 8709).
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final, Self

from schemas.keys import ED25519_PUBLIC, SIGNATURE_BYTES, PublicKey, SigningKey, from_multibase

if TYPE_CHECKING:
    from pathlib import Path

KIND: Final = b"ssh-ed25519"
SIGN: Final = 13  # SSH_AGENTC_SIGN_REQUEST
SIGNED: Final = 14  # SSH_AGENT_SIGN_RESPONSE
SECONDS: Final = 5.0
ANSWER_LIMIT: Final = 4096
PREFIX: Final = "agent:"


class AgentSilent(ConnectionError):
    """The agent does not answer, or will not sign with this key: it is locked, or does not hold it."""


class AgentKey(SigningKey):
    """A node's or the hub's key in an agent; asked at each signature, so that it can be taken away while the process runs."""

    def __init__(self, owner: str, public: PublicKey, path: Path) -> None:
        """Hold the name of a key, and the socket behind which it is."""
        self.owner, self.public, self._path = owner, public, path
        self.key_id = f"{owner}#{public.multibase}"

    @classmethod
    def named(cls, owner: str, said: str) -> Self:
        """The key that a setting names: `agent:/run/agent.sock#z6Mk…`. Raises KeyMalformed, or AgentSilent where it cannot sign now."""
        from pathlib import Path  # noqa: PLC0415 - a name of a setting, read once

        path, _, multibase = said.removeprefix(PREFIX).partition("#")
        key = cls(owner, PublicKey.of(multibase), Path(path))
        probe = b"traitdunion: is this key there"
        if not key.public.verifies(key.sign(probe), probe):
            raise AgentSilent(said)
        return key

    def sign(self, message: bytes) -> bytes:
        """Sign by the agent: 64 bytes (RFC 8032); raises AgentSilent."""
        blob = _string(KIND) + _string(from_multibase(self.public.multibase)[len(ED25519_PUBLIC) :])
        kind, body = self._asked(bytes([SIGN]) + _string(blob) + _string(message) + struct.pack(">I", 0))
        if kind != SIGNED:
            raise AgentSilent(str(self._path))
        signature, _ = _parted(body)
        named, rest = _parted(signature)
        raw, _ = _parted(rest)
        if named != KIND or len(raw) != SIGNATURE_BYTES:
            raise AgentSilent(str(self._path))
        return raw

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """There is nothing to write: the key does not leave its agent. Raises TypeError."""
        del path, passphrase
        raise TypeError(f"{self.key_id} does not leave its agent")

    def _asked(self, request: bytes) -> tuple[int, bytes]:
        try:
            with socket.socket(socket.AF_UNIX) as agent:
                agent.settimeout(SECONDS)
                agent.connect(str(self._path))
                agent.sendall(_string(request))
                (length,) = struct.unpack(">I", _read(agent, 4))
                if not 0 < length <= ANSWER_LIMIT:
                    raise AgentSilent(str(self._path))
                answer = _read(agent, length)
        except OSError as error:
            raise AgentSilent(str(self._path)) from error
        return answer[0], answer[1:]


def open_key(owner: str, said: Path, passphrase: bytes | None = None) -> SigningKey:
    """The private key that a setting names: a PKCS #8 file, or `agent:…`. Raises KeyMalformed, FileNotFoundError or AgentSilent."""
    return AgentKey.named(owner, str(said)) if str(said).startswith(PREFIX) else SigningKey.load(owner, said, passphrase)


def _string(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def _parted(body: bytes) -> tuple[bytes, bytes]:
    """The first string of an answer, and what follows; raises AgentSilent for one that is cut."""
    if len(body) < 4 or len(body) < 4 + (length := struct.unpack(">I", body[:4])[0]):  # noqa: PLR2004 - the length's own four bytes
        raise AgentSilent("a cut answer")
    return body[4 : 4 + length], body[4 + length :]


def _read(agent: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = agent.recv(size - len(found))
        if not piece:
            raise ConnectionResetError
        found += piece
    return found
