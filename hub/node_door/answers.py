"""What the node door answers: acknowledged places, pages, and refusals that people and programs can read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from schemas import proof
from schemas.content_digest import DigestFault
from schemas.http_signature import BARE, WITH_BODY, Reason
from schemas.problem import MEDIA_TYPE, Problem
from schemas.refusal_words import KEYS, SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Send

    from schemas.wire.publisher import Place

PIECE: Final = 64 * 1024
"""The server waits for a slow reader between two pieces only: a page in one piece would lie in memory as long as its reader likes."""
SEND_SECONDS: Final = 30.0

STATUSES: Final[Mapping[str, tuple[int, str]]] = {
    **{reason.value: (401, SIGNATURES[reason.value]) for reason in (*Reason, *DigestFault)},
    **{reason.value: (401, KEYS[reason.value]) for reason in proof.Reason if reason.value.startswith("key_")},
    Reason.MEMORY_FULL.value: (503, SIGNATURES[Reason.MEMORY_FULL.value]),
    "node_unknown": (404, "Aucun nœud ne porte ce nom"),
    "route_unknown": (404, "Cette adresse n’existe pas"),
    "outbound_missing": (404, "Ce nœud n’a pas encore de topic"),
    "method_not_allowed": (405, "Cette adresse ne prend pas cette méthode"),
    "node_not_admitted": (403, "Ce nœud n’en a pas le droit"),
    "node_observes": (403, "Ce nœud observe : il lit et n’écrit pas"),
    "manifest_expired": (403, "Le manifeste de ce nœud a expiré : il lit, et n’écrit plus jusqu’à ce qu’un autre soit accepté"),
    "source_of_another_node": (403, "Un nœud ne parle que pour lui-même"),
    "body_too_large": (413, "Le corps dépasse la taille admise"),
    "record_too_large": (413, "Un enregistrement dépasse la taille admise"),
    "content_type_unsupported": (415, "Ce type de contenu n’est pas reçu ici"),
    "body_too_slow": (408, "Le corps tarde trop à venir"),
    "headers_malformed": (400, "Les attributs de l’événement sont mal formés"),
    "value_malformed": (400, "Le corps de l’événement n’est pas un objet JSON"),
    "records_malformed": (400, "Ces enregistrements sont mal formés"),
    "query_malformed": (400, "L’adresse contient un paramètre mal formé"),
    "cursor_ahead": (409, "Ce curseur est au-delà de la fin du topic"),
    "cursor_expired": (410, "Ce que ce curseur désigne n’est plus gardé"),
    "too_many_requests": (429, "Trop de demandes de ce nœud à la fois"),
    "door_busy": (503, "La porte reçoit trop d’octets à la fois"),
    "kafka_unavailable": (503, "Rien n’a pu être gardé pour l’instant ; à envoyer de nouveau"),
    "witness_unavailable": (503, "La porte ne peut vérifier pour l’instant qu’une demande n’a pas déjà servi"),
    "registry_unavailable": (503, "Le registre des nœuds n’est pas lisible pour l’instant"),
    "door_failed": (500, "La demande n’a pas pu être traitée"),
}
"""Every refusal of the door: its HTTP status and its sentence."""
RETRY_AFTER: Final = {429: "1", 503: "2"}


class TurnedAway(Exception):
    """The door does not do what was asked; `detail` names fields and places, never content."""

    def __init__(self, reason: str, detail: str = "", **extra: object) -> None:
        super().__init__(reason)
        self.reason, self.detail, self.extra = reason, detail, extra


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "ok"


def accepted(places: Sequence[Place]) -> Answer:
    """202: Kafka has acknowledged every record; each one's place, in the order in which they came."""
    return Answer(
        202, json.dumps({"accepted": [_said(place) for place in places]}).encode(), {"Content-Type": "application/json"}, "accepted"
    )


def parted(places: Sequence[Place], refused: Mapping[int, TurnedAway]) -> Answer:
    """207: some records are acknowledged and others refused; each by its number among those that came, counted from 0.

    `reason` is that of the first refused, so that who reads no further knows why to come again.
    """
    numbers = [number for number in range(len(places) + len(refused)) if number not in refused]
    said = {
        "reason": next(iter(refused.values())).reason,
        "accepted": [{"record": number, **_said(place)} for number, place in zip(numbers, places, strict=True)],
        "refused": [{"record": number, "reason": one.reason, "title": STATUSES[one.reason][1]} for number, one in refused.items()],
    }
    return Answer(207, json.dumps(said, ensure_ascii=False).encode(), {"Content-Type": "application/json"}, "accepted_in_part")


def _said(place: Place) -> dict[str, object]:
    return {"topic": place.topic, "partition": place.partition, "offset": place.offset}


def refusal(refused: TurnedAway, method: str = "POST") -> Answer:
    """Problem details (RFC 9457) at an address that takes this method; a 401 says which signature would be accepted, a 405 which method."""
    status, title = STATUSES[refused.reason]
    problem = Problem(status, refused.reason, title, refused.detail, refused.extra)
    headers = {"Content-Type": MEDIA_TYPE, "Connection": "close"}  # its body may be unread: it must not be taken for the next request
    if status in RETRY_AFTER:
        headers["Retry-After"] = RETRY_AFTER[status]
    if status == 401:  # noqa: PLR2004 - HTTP
        headers["Accept-Signature"] = (WITH_BODY if method == "POST" else BARE).accepted()
    if status == 405:  # noqa: PLR2004 - HTTP
        headers["Allow"] = method
    return Answer(status, problem.to_bytes(), headers, refused.reason)


async def send_answer(send: Send, answer: Answer, correlation: str) -> None:
    """Send it; nobody may keep it, and no browser may guess what it is."""
    headers = [(name.lower().encode(), said.encode("latin-1")) for name, said in answer.headers.items()]
    headers += [
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-correlation-id", correlation.encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    pieces = [answer.body[place : place + PIECE] for place in range(0, len(answer.body), PIECE)] or [b""]
    with contextlib.suppress(TimeoutError):  # unfinished, the server closes the connection
        async with asyncio.timeout(SEND_SECONDS):
            for place, piece in enumerate(pieces, 1):
                await send({"type": "http.response.body", "body": piece, "more_body": place < len(pieces)})
