"""What the inboxes answer: 202, or a refusal that people and programs can read (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.federation import acknowledgements, remote
from hub.federation.ministries import Fault
from hub.federation.reasons import Reason
from hub.ui import words
from schemas import documents, proof
from schemas.actor_keys import KeyFault
from schemas.cavage import CavageReason
from schemas.content_digest import DigestFault
from schemas.http_signature import OF_PEERS_WITH_BODY
from schemas.http_signature import Reason as Unsigned
from schemas.problem import MEDIA_TYPE, Problem
from schemas.refusal_words import JSON, KEYS, PROOFS, SIGNATURES
from schemas.wire.destinations import Absence, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from enum import StrEnum

    from hub.federation.reasons import Rejection

FALLBACK: Final = (401, "Cette demande n’est pas signée comme il le faut")


def _each(status: int, reasons: Iterable[StrEnum], sentence: Callable[[str], str]) -> dict[str, tuple[int, str]]:
    return {reason.value: (status, sentence(reason.value)) for reason in reasons}


def _said(reason: str) -> str:
    """The words that pages have for a reason, as a sentence."""
    clause = words.reason(reason)
    return clause[:1].upper() + clause[1:]


def _of_envelope(reason: str) -> str:
    return KEYS.get(reason) or f"L’enveloppe de ce ministère ne vaut pas : {words.reason(reason)}"


STATUSES: Final[Mapping[str, tuple[int, str]]] = {
    **_each(401, (*Unsigned, *CavageReason, *DigestFault), SIGNATURES.__getitem__),
    **{name: (400, sentence) for name, sentence in JSON.items()},
    **_each(401, (*remote.Reason, *Refusal, *Absence), _said),
    **_each(503, remote.PASSING, lambda reason: f"{_said(reason)} ; à envoyer de nouveau plus tard"),
    **_each(401, KeyFault, KEYS.__getitem__),
    **_each(403, (reason for reason in proof.Reason if reason is not proof.Reason.KEY_UNKNOWN), _of_envelope),
    **_each(403, Fault, _said),
    **_each(403, acknowledgements.Fault, _said),
    **_each(400, (acknowledgements.Fault.MALFORMED,), _said),
    Fault.REGISTRY_UNAVAILABLE.value: (503, "Le registre de ce serveur n’est pas lisible pour l’instant"),
    **_each(403, documents.Reason, PROOFS.__getitem__),
    Reason.METHOD: (405, "Cette adresse ne prend pas cette méthode"),
    Reason.CONTENT_TYPE: (415, "Une boîte de réception ne prend que des activités"),
    Reason.HEADERS: (400, "Les champs de cette demande sont mal formés"),
    Reason.BODY_TOO_LARGE: (413, "L’activité dépasse la taille admise"),
    Reason.BODY_TOO_SLOW: (408, "Le corps tarde trop à venir"),
    Reason.ACTIVITY_MALFORMED: (400, "Ce corps n’est pas une activité bien formée"),
    Reason.ANNOUNCE_OF_ANNOUNCE: (400, "On ne transmet pas une transmission"),
    Reason.ID_MISSING: (400, "Cette activité n’a pas d’identifiant"),
    Reason.PEER_NOT_ADMITTED: (403, "Ce serveur n’est pas admis dans la fédération"),
    Reason.PEER_NOT_PERMITTED: (403, "Ce serveur n’en a pas le droit"),
    Reason.MANIFEST_EXPIRED: (403, "Le manifeste de ce serveur a expiré : il lit, et n’écrit plus jusqu’à ce qu’un autre soit accepté"),
    Reason.CAVAGE_NOT_ALLOWED: (401, "Ce serveur doit signer selon la RFC 9421"),
    Reason.MEMORY_FULL: (503, SIGNATURES[Reason.MEMORY_FULL]),
    Reason.ACTOR_MISMATCH: (403, "La clé n’est pas celle de l’acteur de cette activité"),
    Reason.ID_OF_ANOTHER_ORIGIN: (403, "L’identifiant de cette activité est d’un autre serveur que son acteur"),
    Reason.OBJECT_OF_ANOTHER_ORIGIN: (403, "Cette activité parle d’un objet d’un autre serveur que son acteur"),
    Reason.NOT_OWNER: (403, "Cet objet n’est pas à l’acteur de cette activité"),
    Reason.UNDO_OF_ANOTHER: (403, "On ne défait que ce qu’on a fait"),
    Reason.ANNOUNCE_BY_NON_GROUP: (403, "Seul un groupe transmet ce que d’autres disent"),
    Reason.OBJECT_UNAVAILABLE: (403, "Le serveur de cet objet ne le confirme pas"),
    Reason.OBJECT_MISMATCH: (403, "Le serveur de cet objet dit autre chose"),
    Reason.MOVE_NOT_CONFIRMED: (403, "La nouvelle adresse ne connaît pas l’ancienne"),
    Reason.AUDIENCE_UNKNOWN: (403, "Ce message n’est pas public"),
    Reason.NOT_ADDRESSED: (403, "Ce message ne s’adresse à aucune communauté d’ici"),
    Reason.TOO_MANY: (429, "Trop de demandes de ce serveur à la fois"),
    Reason.BUSY: (503, "La porte reçoit trop d’octets à la fois"),
    Reason.KAFKA: (503, "Rien n’a pu être gardé pour l’instant ; à envoyer de nouveau"),
    Reason.PEERS: (503, "Le registre des pairs n’est pas lisible pour l’instant"),
    Reason.FAILED: (500, "La demande n’a pas pu être traitée"),
}
"""Every refusal of the inboxes: its HTTP status and a sentence of its own."""
RETRY_AFTER: Final = {429: "5", 503: "30"}


def refusal(rejection: Rejection) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and fields of a refusal; a 401 says which signature would be accepted (RFC 9421 § 5.1)."""
    status, title = STATUSES.get(rejection.reason, FALLBACK)
    problem = Problem(status, rejection.reason, title, rejection.detail)
    fields = {"content-type": MEDIA_TYPE, "connection": "close"}  # its body may be unread: it must not be taken for the next request
    if status in RETRY_AFTER:
        fields["retry-after"] = RETRY_AFTER[status]
    if status == 401:  # noqa: PLR2004 - HTTP
        fields["accept-signature"] = OF_PEERS_WITH_BODY.accepted()
    if status == 405:  # noqa: PLR2004 - HTTP
        fields["allow"] = "POST"
    return status, problem.to_bytes(), fields
