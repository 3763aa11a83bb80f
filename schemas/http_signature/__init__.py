"""HTTP message signatures (RFC 9421) of requests: made, and proved before a byte of the body is read."""

from schemas.http_signature.demands import BARE, LABEL, OF_PEERS, OF_PEERS_WITH_BODY, ORDER, WINDOW, WITH_BODY, Demands, Labels
from schemas.http_signature.message import Reason, Rejection, UnverifiedHead, signature_base
from schemas.http_signature.signing import LIFE, sign, signed_fields
from schemas.http_signature.verifying import SignedHead, VerifiedRequest, VerifyingKey, key_id_of, verify_body, verify_head

__all__ = [
    "BARE",
    "LABEL",
    "LIFE",
    "OF_PEERS",
    "OF_PEERS_WITH_BODY",
    "ORDER",
    "WINDOW",
    "WITH_BODY",
    "Demands",
    "Labels",
    "Reason",
    "Rejection",
    "SignedHead",
    "UnverifiedHead",
    "VerifiedRequest",
    "VerifyingKey",
    "key_id_of",
    "sign",
    "signature_base",
    "signed_fields",
    "verify_body",
    "verify_head",
]
