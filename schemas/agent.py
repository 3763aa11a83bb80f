"""A key that this program never sees: it signs through an agent on a Unix socket that speaks the OpenSSH agent's protocol.

The agent may be OpenSSH's own, or one in front of a smart card, an HSM or a KMS (draft-ietf-sshm-ssh-agent §§ 3.5 and 3.6; RFC 8709).
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key, load_ssh_public_key

from schemas.actor_keys import multikey_of, rsa_multikey
from schemas.keys import ED25519_PUBLIC, SIGNATURE_BYTES, KeyMalformed, PublicKey, SigningKey, from_multibase, to_multibase
from schemas.rsa_keys import MAIN_KEY, RsaPublicKey, RsaSigningKey

ED25519: Final = b"ssh-ed25519"
RSA: Final = b"ssh-rsa"
RSA_SHA256: Final = b"rsa-sha2-256"
"""What an agent calls RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8332)."""
WITH_SHA256: Final = 2  # SSH_AGENT_RSA_SHA2_256
SIGN: Final = 13  # SSH_AGENTC_SIGN_REQUEST
SIGNED: Final = 14  # SSH_AGENT_SIGN_RESPONSE
SECONDS: Final = 5.0
"""How long one signature may take."""
REST_SECONDS: Final = 30.0
"""For how long an agent that took longer is not asked."""
ANSWER_LIMIT: Final = 4096
PREFIX: Final = "agent:"
PROBE: Final = b"traitdunion: is this key there"


class AgentSilent(ConnectionError):
    """The agent does not answer, or will not sign with this key: it is locked, or does not hold it."""


@dataclass(eq=False, slots=True)
class Agent:
    """An agent by its socket. Who signs waits for it, and all else in that process with it: one that hangs is left in peace for a while."""

    path: Path
    _hung_until: float = 0.0

    def sign(self, key: bytes, message: bytes, kind: bytes, flags: int = 0) -> bytes:
        """The bare signature by a public key in OpenSSH's form, of this kind; raises AgentSilent."""
        answered, body = self._asked(bytes([SIGN]) + _string(key) + _string(message) + struct.pack(">I", flags))
        if answered != SIGNED:
            raise AgentSilent(str(self.path))
        signature, _ = _parted(body)
        named, rest = _parted(signature)
        raw, _ = _parted(rest)
        if named != kind:
            raise AgentSilent(str(self.path))
        return raw

    def _asked(self, request: bytes) -> tuple[int, bytes]:
        now = time.monotonic()
        if now < self._hung_until:
            raise AgentSilent(str(self.path))
        try:
            with socket.socket(socket.AF_UNIX) as agent:
                agent.settimeout(SECONDS)
                agent.connect(str(self.path))
                agent.sendall(_string(request))
                (length,) = struct.unpack(">I", _read(agent, 4, now + SECONDS))
                if not 0 < length <= ANSWER_LIMIT:
                    raise AgentSilent(str(self.path))
                answer = _read(agent, length, now + SECONDS)
        except OSError as error:
            if isinstance(error, TimeoutError):
                self._hung_until = time.monotonic() + REST_SECONDS
            raise AgentSilent(str(self.path)) from error
        return answer[0], answer[1:]


@cache
def agent_at(path: Path) -> Agent:
    """The agent behind a socket: the same for all its keys."""
    return Agent(path)


class AgentKey(SigningKey):
    """An Ed25519 key in an agent; asked at each signature, so that it can be taken away while the process runs."""

    def __init__(self, owner: str, public: PublicKey, agent: Agent) -> None:
        """Hold the name of a key, and the agent that has it."""
        self.owner, self.public, self._agent = owner, public, agent
        self.key_id = f"{owner}#{public.multibase}"

    @classmethod
    def named(cls, owner: str, said: str) -> Self:
        """The key that a setting names: `agent:/run/agent.sock#z6Mk…`. Raises KeyMalformed, or AgentSilent where it cannot sign now."""
        path, multibase = _place(said)
        key = cls(owner, PublicKey.of(multibase), agent_at(path))
        if not key.public.verifies(key.sign(PROBE), PROBE):
            raise AgentSilent(said)
        return key

    def acting_for(self, owner: str) -> Self:
        """The same key under another owner's name."""
        return type(self)(owner, self.public, self._agent)

    def sign(self, message: bytes) -> bytes:
        """Sign by the agent: 64 bytes (RFC 8032); raises AgentSilent."""
        blob = _string(ED25519) + _string(from_multibase(self.public.multibase)[len(ED25519_PUBLIC) :])
        raw = self._agent.sign(blob, message, ED25519)
        if len(raw) != SIGNATURE_BYTES:
            raise AgentSilent(str(self._agent.path))
        return raw

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """There is nothing to write: the key does not leave its agent. Raises TypeError."""
        del path, passphrase
        raise TypeError(f"{self.key_id} does not leave its agent")


class AgentRsaKey(RsaSigningKey):
    """An RSA key in an agent, as AgentKey."""

    def __init__(self, owner: str, public: RsaPublicKey, agent: Agent) -> None:
        """Hold the name of a key, and the agent that has it."""
        self.owner, self.public, self._agent = owner, public, agent
        self.key_id = f"{owner}#{MAIN_KEY}"

    @classmethod
    def named(cls, owner: str, said: str) -> Self:
        """The key that a setting names: `agent:/run/agent.sock#z…`, its RSA Multikey (`name_of`). Raises KeyMalformed, or AgentSilent where it cannot sign now."""
        path, multibase = _place(said)
        public = multikey_of(multibase)
        if not isinstance(public, RsaPublicKey):
            raise KeyMalformed("not an RSA Multikey")
        key = cls(owner, public, agent_at(path))
        if not public.verifies(key.sign(PROBE), PROBE):
            raise AgentSilent(said)
        return key

    def acting_for(self, owner: str) -> Self:
        """The same key under another actor's name."""
        return type(self)(owner, self.public, self._agent)

    def sign(self, message: bytes) -> bytes:
        """Sign by the agent: RSASSA-PKCS1-v1_5 with SHA-256, as long as the modulus; raises AgentSilent."""
        blob = _string(RSA) + _mpint(self.public.exponent) + _mpint(self.public.modulus)
        return self._agent.sign(blob, message, RSA_SHA256, WITH_SHA256).rjust(
            self.public.size, b"\0"
        )  # RFC 8332 § 3 lets zeros be left out

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """As AgentKey's: raises TypeError."""
        del path, passphrase
        raise TypeError(f"{self.key_id} does not leave its agent")


def open_key(owner: str, said: Path, passphrase: bytes | None = None) -> SigningKey:
    """The private key that a setting names: a PKCS #8 file, or `agent:…`. Raises KeyMalformed, FileNotFoundError or AgentSilent."""
    return AgentKey.named(owner, str(said)) if in_agent(said) else SigningKey.load(owner, said, passphrase)


def open_rsa_key(owner: str, said: Path, passphrase: bytes | None = None) -> RsaSigningKey:
    """The same for an RSA key."""
    return AgentRsaKey.named(owner, str(said)) if in_agent(said) else RsaSigningKey.load(owner, said, passphrase)


def name_of(public: bytes) -> str:
    """The Multikey of a public key, a PEM or a line of `ssh-add -L`: what comes behind the `#` of a setting. Raises KeyMalformed."""
    try:
        key = load_ssh_public_key(public) if public.startswith(b"ssh-") else load_pem_public_key(public)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyMalformed("neither a PEM nor a line of OpenSSH's") from error
    if isinstance(key, Ed25519PublicKey):
        return to_multibase(ED25519_PUBLIC + key.public_bytes_raw())
    return rsa_multikey(RsaPublicKey.checked(key))


def in_agent(said: Path) -> bool:
    """Whether a setting names a key in an agent, and no file."""
    return str(said).startswith(PREFIX)


def _place(said: str) -> tuple[Path, str]:
    path, _, multibase = said.removeprefix(PREFIX).partition("#")
    return Path(path), multibase


def _mpint(number: int) -> bytes:
    """A positive number (RFC 4251 § 5): its first bit is never set."""
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _string(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def _parted(body: bytes) -> tuple[bytes, bytes]:
    """The first string of an answer, and what follows; raises AgentSilent for one that is cut."""
    if len(body) < 4 or len(body) < 4 + (length := struct.unpack(">I", body[:4])[0]):  # noqa: PLR2004 - the length's own four bytes
        raise AgentSilent("a cut answer")
    return body[4 : 4 + length], body[4 + length :]


def _read(agent: socket.socket, size: int, until: float) -> bytes:
    found = b""
    while len(found) < size:
        agent.settimeout(max(until - time.monotonic(), 0.001))
        piece = agent.recv(size - len(found))
        if not piece:
            raise ConnectionResetError
        found += piece
    return found
