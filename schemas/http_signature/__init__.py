"""HTTP message signatures (RFC 9421) of requests: made, and proved before a byte of the body is read."""

from schemas.http_signature.demands import BARE, LABEL, ORDER, WINDOW, WITH_BODY, Demands
from schemas.http_signature.message import Reason, Rejection, UnverifiedHead, signature_base
from schemas.http_signature.signing import LIFE, sign, signed_fields
from schemas.http_signature.verifying import SignedHead, VerifiedRequest, VerifyingKey, verify_body, verify_head

__all__ = [
    "BARE",
    "LABEL",
    "LIFE",
    "ORDER",
    "WINDOW",
    "WITH_BODY",
    "Demands",
    "Reason",
    "Rejection",
    "SignedHead",
    "UnverifiedHead",
    "VerifiedRequest",
    "VerifyingKey",
    "sign",
    "signature_base",
    "signed_fields",
    "verify_body",
    "verify_head",
]
