"""An instance of the cast's RSEs as a connector's file describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.demo import cast

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.demo.cast import Ministry
    from deploy.local.application_service import ApplicationService


def described(
    ministry: Ministry, url: str, space: str, *, webhook_secret: str, api_secret: str, signing_key: Path, service: ApplicationService
) -> dict[str, Any]:
    """The content of a connector's file that serves this ministry's RSE; `service` counts for Matrix alone."""
    options = {"api_username": "traitdunion", "like_username": cast.LIKER.username}
    if ministry.platform == "matrix":
        options = {"server_name": cast.MATRIX_SERVER, "bot": service.bot, "ghost_prefix": service.ghost_prefix}
    instance = {
        "node": ministry.node,
        "organisation": ministry.name,
        "platform": ministry.platform,
        "url": url,
        "webhook_secret": webhook_secret,
        "api_secret": api_secret,
        "signing_key": str(signing_key),
        "spaces": [space],
        "options": options,
    }
    return {"instances": {ministry.node: instance}}
