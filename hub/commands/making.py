"""How commands make private keys: under the passphrase of the setting that will open them, or in clear where somebody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nacl.public import PrivateKey

from hub.commands import terminal
from hub.operations import operators_key
from hub.settings import HubSettings, PersonSettings
from schemas.agent import in_agent
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey

if TYPE_CHECKING:
    from pathlib import Path

    from hub.federation.pair_files import PairFiles
    from hub.registry.hub_keys import HubFiles

HUB: Final = "TRAITDUNION_SIGNING_PASSPHRASE"
NODE: Final = "TRAITDUNION_KEY_PASSPHRASE"
OPERATORS: Final = "TRAITDUNION_OPERATORS_PASSPHRASE"
FEDERATION: Final = "TRAITDUNION_FEDERATION_PASSPHRASE"


def hub(path: Path, *, clear: bool) -> str:
    """The hub's; what is told is its public half, as for each of them."""
    settings = HubSettings()
    return _signing(settings.hub_id, path, terminal.encrypting(settings.signing_passphrase, HUB, clear=clear))


def node(owner: str, path: Path, *, clear: bool) -> str:
    """A node's."""
    return following_node(owner, path, clear=clear).public.multibase


def following_node(owner: str, path: Path, *, clear: bool) -> SigningKey:
    """The same, to sign with it at once."""
    key = SigningKey.generate(owner)
    key.save(path, terminal.encrypting(PersonSettings().key_passphrase, NODE, clear=clear))
    return key


def federation(path: Path, *, clear: bool) -> str:
    """The Ed25519 key that the peers' door and the courier share; its public half is the worker's TRAITDUNION_FEDERATION_ANCHOR."""
    settings = HubSettings()
    return _signing(settings.federation_url, path, terminal.encrypting(settings.federation_passphrase, FEDERATION, clear=clear))


def federation_rsa(path: Path, *, clear: bool) -> str:
    """The RSA key beside it, for servers that know no other kind."""
    settings = HubSettings()
    phrase = terminal.encrypting(settings.federation_passphrase, FEDERATION, clear=clear)
    key = RsaSigningKey.generate(settings.federation_url)
    key.save(path, phrase)
    return key.public_pem


def operators(path: Path, *, clear: bool) -> str:
    """The X25519 key of the operators, whose public half is the connectors'."""
    phrase = terminal.encrypting(HubSettings().operators_passphrase, OPERATORS, clear=clear)
    key = PrivateKey.generate()
    if phrase is None:
        operators_key.write_in_clear(key, path)
    else:
        operators_key.write(key, path, phrase)
    return bytes(key.public_key).hex()


def permit_hub(files: HubFiles, settings: HubSettings, *, clear: bool) -> None:
    """Ends where the hub's next key would have to be made, and would lie in clear."""
    if not in_agent(files.next) and not files.next.exists():
        terminal.encrypting(settings.signing_passphrase, HUB, clear=clear)


def permit_pair(files: PairFiles, settings: HubSettings, *, clear: bool) -> None:
    """The same for the pair of the federation."""
    if not all(in_agent(one) or one.exists() for one in (files.next_ed25519, files.next_rsa)):
        terminal.encrypting(settings.federation_passphrase, FEDERATION, clear=clear)


def _signing(owner: str, path: Path, passphrase: bytes | None) -> str:
    key = SigningKey.generate(owner)
    key.save(path, passphrase)
    return key.public.multibase
