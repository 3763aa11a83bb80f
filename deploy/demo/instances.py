"""An instance of the cast's RSEs as a connector's file describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deploy.demo import cast

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.demo.cast import Ministry
    from deploy.local.application_service import ApplicationService

ACCOUNT: Final = "traitdunion"
POLL_SECONDS: Final = 0.5
HISTORY_PER_MINUTE: Final = 120  # as fast as somebody who looks on would have it: these RSEs are twins


def described(
    ministry: Ministry,
    url: str,
    space: str,
    *,
    webhook_secret: str,
    api_secret: str,
    signing_key: Path,
    signing_passphrase: Path | None = None,
    service: ApplicationService | None = None,
) -> dict[str, Any]:
    """The content of a connector's file that serves this ministry's RSE; `service` counts for Matrix alone."""
    instance = {
        "node": ministry.node,
        "organisation": ministry.name,
        "platform": ministry.platform,
        "url": url,
        "api_secret": api_secret,
        "signing_key": str(signing_key),
        "spaces": [space],
        "history_per_minute": HISTORY_PER_MINUTE,
        **({"signing_passphrase_file": str(signing_passphrase)} if signing_passphrase is not None else {}),
        **_of_platform(ministry, webhook_secret, service),
    }
    return {"instances": {ministry.node: instance}}


def _of_platform(ministry: Ministry, webhook_secret: str, service: ApplicationService | None) -> dict[str, Any]:
    """What only this platform knows; one that is polled has no webhook, and is asked often since somebody looks on."""
    match ministry.platform:
        case "discourse":
            options = {"api_username": ACCOUNT, "like_username": cast.LIKER.username}
            return {"webhook_secret": webhook_secret, "options": options}
        case "matrix" if service is not None:
            options = {"server_name": cast.MATRIX_SERVER, "bot": service.bot, "ghost_prefix": service.ghost_prefix}
            return {"webhook_secret": webhook_secret, "options": options}
        case "exo":
            return {"poll_seconds": POLL_SECONDS, "options": {"account": ACCOUNT}}
        case unknown:
            raise ValueError(unknown)
