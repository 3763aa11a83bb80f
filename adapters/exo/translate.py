"""The reading half of the eXo connector: it has no door; a page that was asked for is read here. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.exo.reading import Entry, entry_of, outcome_of
from adapters.port import Nonsense, UnverifiedRequest
from schemas.jcs import JsonRefused, parse
from schemas.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.port import Ask, AuthenticRequest, Outcome, Strange
    from adapters.settings import Instance


class Exo:
    """eXo and Meeds, both generations: polled, so that nothing may be posted to them."""

    platform = "exo"
    space_field = "spaceId"
    body_limit = 2 * 1024 * 1024

    def authenticate(self, unverified: UnverifiedRequest, instance: Instance) -> AuthenticRequest | Ask | Problem:
        """Refuse: this platform sends no webhook, so that whatever comes here is somebody else's."""
        del unverified, instance
        return Problem(
            404, "platform_polled", "Ce RSE n’envoie pas de webhook : le connecteur l’interroge.", "rien n’est à configurer côté RSE"
        )

    def translate(self, authentic: AuthenticRequest, instance: Instance) -> Sequence[Outcome]:
        """Read a page of activities, or one activity, of either generation; its space is the one that it names."""
        try:
            document = parse(authentic.request.body)
        except JsonRefused as error:
            return [Nonsense(error.reason)]
        return [_outcome(one, instance) for one in _activities(document)]

    def strange(self, authentic: AuthenticRequest) -> Sequence[Strange]:
        """Nothing is posted to us; what polls see is looked at as it is read."""
        del authentic
        return ()

    def accepted(self, outcomes: Sequence[Outcome]) -> tuple[bytes, str]:
        """Nobody waits for an answer."""
        del outcomes
        return b"", "text/plain; charset=utf-8"

    def problem(self, problem: Problem) -> Problem:
        """Errors have no shape of this platform's own."""
        return problem

    def signed_request(self, payload: bytes, instance: Instance, event: str | None) -> UnverifiedRequest:
        """The payload as it stands, which the door refuses by name."""
        del instance, event
        return UnverifiedRequest("POST", "", {"content-type": "application/json"}, {}, payload)


def _activities(document: Any) -> Sequence[Any]:
    if isinstance(document, dict) and isinstance(document.get("activities"), list):
        listed: list[Any] = document["activities"]
        return listed
    return [document]


def _outcome(document: Any, instance: Instance) -> Outcome:
    entry = entry_of(document)
    return outcome_of(entry, entry.stream, instance) if isinstance(entry, Entry) else entry
