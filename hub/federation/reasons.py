"""Why the peers' door turns somebody away: names for machines, sentences for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """What stands in the answer, the metric and the log; signatures, digests, keys and proofs have names of their own."""

    METHOD = "method_not_allowed"
    CONTENT_TYPE = "content_type_unsupported"
    HEADERS = "headers_malformed"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    ACTIVITY_MALFORMED = "activity_malformed"
    ANNOUNCE_OF_ANNOUNCE = "announce_of_announce"
    PEER_NOT_ADMITTED = "peer_not_admitted"
    PEER_NOT_PERMITTED = "peer_not_permitted"
    MANIFEST_EXPIRED = "manifest_expired"
    CAVAGE_NOT_ALLOWED = "cavage_not_allowed"
    REPLAYED = "signature_replayed"
    MEMORY_FULL = "nonce_memory_full"
    ACTOR_MISMATCH = "actor_mismatch"
    ID_MISSING = "activity_id_missing"
    ID_OF_ANOTHER_ORIGIN = "id_of_another_origin"
    OBJECT_OF_ANOTHER_ORIGIN = "object_of_another_origin"
    NOT_OWNER = "not_owner"
    UNDO_OF_ANOTHER = "undo_of_another"
    ANNOUNCE_BY_NON_GROUP = "announce_by_non_group"
    OBJECT_UNAVAILABLE = "object_unavailable"
    OBJECT_MISMATCH = "object_mismatch"
    MOVE_NOT_CONFIRMED = "move_not_confirmed"
    AUDIENCE_UNKNOWN = "audience_unknown"
    NOT_ADDRESSED = "not_addressed_here"
    TOO_MANY = "too_many_requests"
    BUSY = "door_busy"
    KAFKA = "kafka_unavailable"
    PEERS = "peers_unavailable"
    FAILED = "door_failed"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an activity is not believed, or not taken; `detail` names members, never what they hold."""

    reason: str
    detail: str = ""
