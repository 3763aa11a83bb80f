"""traitdunion registry: the signed document from which every verifier takes its keys, and the anchor that checks it."""

from __future__ import annotations

import sys

from hub.commands import terminal

app = terminal.group("Le registre signé des nœuds.")


@app.command()
def show() -> None:
    """Écrit le registre le plus récent, octet pour octet."""
    from hub.registry.repository import newest_document

    newest = terminal.reading(newest_document)
    if newest is None:
        terminal.fail("Aucun registre n'est encore publié : admettez un premier nœud.")
    sys.stdout.buffer.write(newest[1] + b"\n")
    sys.stdout.flush()


@app.command()
def anchor() -> None:
    """Montre l'ancre : la clé publique du hub, à remettre aux connecteurs par un autre chemin que le réseau."""
    from hub import bootstrap
    from hub.settings import HubSettings
    from schemas.keys import KeyMalformed

    settings = HubSettings()
    try:
        key = bootstrap.signing_key(settings)
    except FileNotFoundError:
        terminal.fail(f"La clé du hub est introuvable : {settings.signing_key}")
    except KeyMalformed:
        terminal.fail(f"La clé du hub ne s'ouvre pas : {settings.signing_key}")
    terminal.say(key.public.multibase)
