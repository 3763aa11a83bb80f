"""What the inboxes answer: 202, or a refusal that people and programs can read (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.federation.ministries import Fault
from hub.federation.reasons import Reason
from schemas import documents, proof
from schemas.content_digest import DigestFault
from schemas.http_signature import OF_PEERS_WITH_BODY
from schemas.http_signature import Reason as Unsigned
from schemas.problem import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.federation.reasons import Rejection

UNPROVED: Final = "Cette demande n’est pas signée comme il le faut"
AUTHORITY: Final = "Cet acteur n’a pas autorité sur ce dont il parle"
MALFORMED: Final = "Ce corps n’est pas une activité bien formée"
STATUSES: Final[Mapping[str, tuple[int, str]]] = {
    **{reason.value: (401, UNPROVED) for reason in Unsigned},
    **{fault.value: (401, "Le corps n’est pas celui qui est signé") for fault in DigestFault},
    **dict.fromkeys(("invalid_utf8", "json_too_deep", "json_duplicate_name", "json_malformed"), (400, MALFORMED)),
    **{reason.value: (403, "L’enveloppe de ce ministère ne vaut pas") for reason in proof.Reason if reason is not proof.Reason.KEY_UNKNOWN},
    **{fault.value: (403, "L’enveloppe de ce ministère ne vaut pas pour ce message") for fault in Fault},
    Fault.REGISTRY_UNAVAILABLE.value: (503, "Le registre de ce serveur n’est pas lisible pour l’instant"),
    **{reason.value: (403, "La preuve que porte ce document ne vaut pas") for reason in documents.Reason},
    Reason.METHOD: (405, "Cette adresse ne prend pas cette méthode"),
    Reason.CONTENT_TYPE: (415, "Une boîte de réception ne prend que des activités"),
    Reason.HEADERS: (400, "Les champs de cette demande sont mal formés"),
    Reason.BODY_TOO_LARGE: (413, "L’activité dépasse la taille admise"),
    Reason.BODY_TOO_SLOW: (408, "Le corps tarde trop à venir"),
    Reason.ACTIVITY_MALFORMED: (400, MALFORMED),
    Reason.ANNOUNCE_OF_ANNOUNCE: (400, MALFORMED),
    Reason.ID_MISSING: (400, "Cette activité n’a pas d’identifiant"),
    Reason.PEER_NOT_ADMITTED: (403, "Ce serveur n’est pas admis dans la fédération"),
    Reason.PEER_NOT_PERMITTED: (403, "Ce serveur n’en a pas le droit"),
    Reason.MANIFEST_EXPIRED: (403, "Le manifeste de ce serveur a expiré : il lit, et n’écrit plus jusqu’à ce qu’un autre soit accepté"),
    Reason.CAVAGE_NOT_ALLOWED: (401, "Ce serveur doit signer selon la RFC 9421"),
    Reason.REPLAYED: (401, "Cette signature a déjà servi"),
    Reason.MEMORY_FULL: (503, "Trop de demandes signées par cette clé en peu de temps"),
    Reason.ACTOR_MISMATCH: (403, "La clé n’est pas celle de l’acteur de cette activité"),
    Reason.ID_OF_ANOTHER_ORIGIN: (403, AUTHORITY),
    Reason.OBJECT_OF_ANOTHER_ORIGIN: (403, AUTHORITY),
    Reason.NOT_OWNER: (403, AUTHORITY),
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
"""Every refusal of the inboxes: its HTTP status and its sentence. What is wrong with a key has names of its own, and answers 401."""
RETRY_AFTER: Final = {429: "5", 503: "30"}


def refusal(rejection: Rejection) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and fields of a refusal; a 401 says which signature would be accepted (RFC 9421 § 5.1)."""
    status, title = STATUSES.get(rejection.reason, (401, UNPROVED))
    problem = Problem(status, rejection.reason, title, rejection.detail)
    fields = {"content-type": MEDIA_TYPE, "connection": "close"}  # its body may be unread: it must not be taken for the next request
    if status in RETRY_AFTER:
        fields["retry-after"] = RETRY_AFTER[status]
    if status == 401:  # noqa: PLR2004 - HTTP
        fields["accept-signature"] = OF_PEERS_WITH_BODY.accepted()
    if status == 405:  # noqa: PLR2004 - HTTP
        fields["allow"] = "POST"
    return status, problem.to_bytes(), fields
