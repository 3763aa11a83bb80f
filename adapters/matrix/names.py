"""The Matrix ids of our own: the ghosts, one for each person of another ministry, and the bot."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from schemas.names import one_line

if TYPE_CHECKING:
    from adapters.settings import Instance
    from schemas.facts.message import Author

DEFAULT_PREFIX = "_tdu_"
GUESTS = "organisation."  # and the name of another homeserver: an option that says whose people are there
MINISTRY_LIMIT = 200
DISPLAY_NAME_LIMIT = 256  # Synapse's, in characters


def ghost_prefix(instance: Instance) -> str:
    """What our ghosts' ids begin with: the namespace of the registration."""
    return "@" + instance.options.get("ghost_prefix", DEFAULT_PREFIX)


def ghost_localpart(author: Author, instance: Instance) -> str:
    """One ghost for a name of a ministry; the id tells neither."""
    digest = hashlib.sha256(f"{author.organisation}\0{author.name}".encode()).hexdigest()[:20]
    return instance.options.get("ghost_prefix", DEFAULT_PREFIX) + digest


def user_id(localpart: str, instance: Instance) -> str:
    """The full id on the instance's homeserver."""
    return f"@{localpart}:{instance.options['server_name']}"


def is_ghost(unverified_user: str, instance: Instance) -> bool:
    """Tell whether the id lies in our namespace, on our homeserver."""
    localpart, _, server = unverified_user.partition(":")
    return localpart.startswith(ghost_prefix(instance)) and server == instance.options.get("server_name")


def is_ours(user: str, instance: Instance) -> bool:
    """Tell whether a ghost or the bot bears this id."""
    return is_ghost(user, instance) or ("bot" in instance.options and user == user_id(instance.options["bot"], instance))


def at_home(unverified_user: str, instance: Instance) -> bool:
    """Tell whether she has her account on this ministry's homeserver."""
    server = unverified_user.partition(":")[2]
    return server == instance.options.get("server_name", server)


def ministry_of(unverified_user: str, instance: Instance) -> str:
    """Whose people she is of: this ministry's on its own homeserver, else what the settings call hers, else that server itself.

    Rooms of a federation, as Tchap is one, have people of other ministries and from outside the State in them.
    """
    if at_home(unverified_user, instance):
        return instance.organisation[:MINISTRY_LIMIT]
    server = unverified_user.partition(":")[2]
    return instance.options.get(f"{GUESTS}{server}", server)[:MINISTRY_LIMIT]


def display_name(author: Author) -> str:
    """« Prénom Nom (Ministère) », without the invisible characters by which a name could hide or turn round its ministry."""
    organisation = one_line(author.organisation, 100)
    name = one_line(author.name, DISPLAY_NAME_LIMIT - len(organisation) - 3) or "Un agent"
    return f"{name} ({organisation})"
