"""Where our pairs are: the one of the settings, and the one that follows, which the settings name too or which lies beside it (`.next`)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from schemas import rotation
from schemas.activities import authority_of
from schemas.actor_keys import rsa_multikey
from schemas.agent import in_agent, open_key, open_rsa_key
from schemas.keys import KeyMalformed, SigningKey
from schemas.manifest import Custody
from schemas.rsa_keys import RsaSigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from hub.settings import HubSettings

NEXT: Final = ".next"


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """Private keys by their public halves (Multikeys), those of the settings first."""

    ed25519: Mapping[str, SigningKey]
    rsa: Mapping[str, RsaSigningKey]


@dataclass(frozen=True, slots=True)
class PairFiles:
    """Where they are, files or names of keys in an agent, and what opens them; `server` is our authority."""

    server: str
    ed25519: Path
    rsa: Path
    passphrase: bytes | None
    then_ed25519: Path | None = None
    then_rsa: Path | None = None

    @classmethod
    def of(cls, settings: HubSettings) -> Self:
        """As the settings name them."""
        server = authority_of(settings.federation_url) or ""
        then = settings.federation_key_next, settings.federation_rsa_key_next
        return cls(server, settings.federation_key, settings.federation_rsa_key, settings.federation_secret, *then)

    @property
    def next_ed25519(self) -> Path:
        """The Ed25519 key that follows."""
        return self.then_ed25519 or self.ed25519.with_name(self.ed25519.name + NEXT)

    @property
    def next_rsa(self) -> Path:
        """The RSA key that follows."""
        return self.then_rsa or self.rsa.with_name(self.rsa.name + NEXT)

    def held(self, owner: str) -> HeldKeys:
        """The keys that are there, in an owner's name; raises OSError or KeyMalformed where those of the settings are not.

        A next key that cannot be read is not held, as one that is not there: once the registry names it, the ring says that it is missing.
        """
        keys = [open_key(owner, self.ed25519, self.passphrase)]
        rsas = [open_rsa_key(owner, self.rsa, self.passphrase)]
        with suppress(OSError, KeyMalformed):
            keys.append(open_key(owner, self.next_ed25519, self.passphrase))
        with suppress(OSError, KeyMalformed):
            rsas.append(open_rsa_key(owner, self.next_rsa, self.passphrase))
        return HeldKeys({key.public.multibase: key for key in keys}, {rsa_multikey(key.public): key for key in rsas})

    def announce(self, now: datetime) -> bytes:
        """The announcement of the pair that follows, made here where it is not there yet; raises OSError or KeyMalformed.

        It speaks for this server: peers take the same announcement for the key by which our manifests are signed.
        """
        old = open_key(self.server, self.ed25519, self.passphrase)
        new, rsa = self.following()  # an announcement that was lost is made again for the same pair
        return rotation.announce(old, new, Custody.OPERATOR, now, rsa_multikey(rsa.public))

    def following(self) -> tuple[SigningKey, RsaSigningKey]:
        """The pair that follows, made here where it is not there yet; raises OSError or KeyMalformed. The one of the settings may be lost."""
        if not in_agent(self.next_ed25519) and not self.next_ed25519.exists():
            SigningKey.generate(self.server).save(self.next_ed25519, self.passphrase)
        if not in_agent(self.next_rsa) and not self.next_rsa.exists():
            RsaSigningKey.generate(self.server).save(self.next_rsa, self.passphrase)
        return (
            open_key(self.server, self.next_ed25519, self.passphrase),
            open_rsa_key(self.server, self.next_rsa, self.passphrase),
        )
