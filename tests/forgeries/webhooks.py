"""What forgers bring to the webhooks' door in a platform's name, and the name by which each attempt is refused. Read it as a table."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from tests import fakes_discourse, fakes_matrix
from tests.forgeries.drafts import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    Alter = Callable[[Wire], Wire]

FORM: Final = "application/x-www-form-urlencoded"
SIGNATURE: Final = "x-discourse-event-signature"
OTHER_SECRET: Final = "le-secret-d-un-autre"
"""What another instance of the same platform signs with at this gateway."""
FORMER_SECRET: Final = "le-secret-d-avant"
"""What this instance signed with before its secret was replaced, and may no more."""


@dataclass(frozen=True)
class Forgery:
    """One attempt, and what it is refused by."""

    name: str
    reason: str
    alter: Alter


def _hmac(body: bytes, secret: str = fakes_discourse.SECRET, algorithm: str = "sha256") -> str:
    return f"{algorithm}=" + hmac.new(secret.encode(), body, algorithm).hexdigest()


def discourse() -> Wire:
    """A post, as Discourse sends it."""
    body = json.dumps({"post": fakes_discourse.post()}).encode()
    fields = (
        ("host", "127.0.0.1"), ("content-type", "application/json"), ("user-agent", "Discourse/x.y.z"), ("x-discourse-instance", "https://wifip.example"),
        ("x-discourse-event-type", "post"), ("x-discourse-event", "post_created"), (SIGNATURE, _hmac(body)),
    )  # fmt: skip
    return Wire("POST", "/webhooks/forum", fields, body)


def matrix() -> Wire:
    """A transaction, as Synapse sends it."""
    body = fakes_matrix.transaction(fakes_matrix.room_event())
    fields = (("host", "127.0.0.1"), ("content-type", "application/json"), ("authorization", f"Bearer {fakes_matrix.HS_TOKEN}"))
    return Wire("PUT", "/webhooks/tchap/_matrix/app/v1/transactions/17", fields, body)


def _resigned(wire: Wire, body: bytes) -> Wire:
    return replace(wire.but(SIGNATURE, _hmac(body)), body=body)


def _says(name: str, said: str) -> Alter:
    return lambda wire: wire.but(name, said)


def _signed(change: Callable[[str], str]) -> Alter:
    return lambda wire: wire.but(SIGNATURE, change(wire.value(SIGNATURE)))


def _hashed(change: Callable[[bytes], str]) -> Alter:
    return lambda wire: wire.but(SIGNATURE, change(wire.body))


DISCOURSE: Final = (
    Forgery("bears no signature", "signature_missing", lambda wire: wire.without(SIGNATURE)),
    Forgery("bears an empty signature", "signature_invalid", _says(SIGNATURE, "")),
    Forgery("bears its signature in another field", "signature_missing", lambda wire: wire.without(SIGNATURE).also("x-hub-signature-256", wire.value(SIGNATURE))),
    Forgery("is signed with another instance's secret", "signature_invalid", _hashed(lambda body: _hmac(body, OTHER_SECRET))),
    Forgery("is signed with the secret that was replaced", "signature_invalid", _hashed(lambda body: _hmac(body, FORMER_SECRET))),
    Forgery("is signed with the empty secret of an emptied file", "signature_invalid", lambda wire: replace(_hashed(lambda body: _hmac(body, ""))(wire), target="/webhooks/forum-vide")),
    Forgery("is signed with an empty secret", "signature_invalid", _hashed(lambda body: _hmac(body, ""))),
    Forgery("is signed with the secret and a blank", "signature_invalid", _hashed(lambda body: _hmac(body, fakes_discourse.SECRET + " "))),
    Forgery("is signed with the key of the RSE's API", "signature_invalid", _hashed(lambda body: _hmac(body, fakes_discourse.API_KEY))),
    Forgery("is a bare digest", "signature_invalid", _hashed(lambda body: "sha256=" + hashlib.sha256(body).hexdigest())),
    Forgery("is a digest of secret and body", "signature_invalid", _hashed(lambda body: "sha256=" + hashlib.sha256(fakes_discourse.SECRET.encode() + body).hexdigest())),
    Forgery("is an HMAC of SHA-1", "signature_invalid", _hashed(lambda body: _hmac(body, algorithm="sha1"))),
    Forgery("is an HMAC of SHA-512", "signature_invalid", _hashed(lambda body: _hmac(body, algorithm="sha512"))),
    Forgery("is an HMAC of MD5 under another's name", "signature_invalid", _hashed(lambda body: _hmac(body, algorithm="md5").replace("md5", "sha256"))),
    Forgery("says no algorithm", "signature_invalid", _signed(lambda said: said.partition("=")[2])),
    Forgery("says another algorithm", "signature_invalid", _signed(lambda said: said.replace("sha256", "sha512"))),
    Forgery("says its algorithm in capitals", "signature_invalid", _signed(lambda said: said.replace("sha256", "SHA256"))),
    Forgery("is in base64", "signature_invalid", _signed(lambda said: "sha256=" + base64.b64encode(bytes.fromhex(said[7:])).decode())),
    Forgery("is in capitals", "signature_invalid", _signed(lambda said: said[:7] + said[7:].upper())),
    Forgery("is cut in half", "signature_invalid", _signed(lambda said: said[:39])),
    Forgery("is a digit short", "signature_invalid", _signed(lambda said: said[:-1])),
    Forgery("is a digit long", "signature_invalid", _signed(lambda said: said + "0")),
    Forgery("has a digit changed", "signature_invalid", _signed(lambda said: said[:-1] + ("0" if said[-1] != "0" else "1"))),
    Forgery("has letters that are not ASCII", "signature_invalid", _signed(lambda said: said + "é")),
    Forgery("has its signature twice", "signature_invalid", lambda wire: wire.also(SIGNATURE, wire.value(SIGNATURE))),
    Forgery("has a bad signature before a good one", "signature_invalid", lambda wire: replace(wire, fields=((SIGNATURE, "sha256=00"), *wire.fields))),
    Forgery("has a good signature before a bad one", "signature_invalid", lambda wire: wire.also(SIGNATURE, "sha256=00")),
    Forgery("has another body", "signature_invalid", lambda wire: replace(wire, body=wire.body.replace(b"Bonjour", b"Bonsoir"))),
    Forgery("has a line end behind its body", "signature_invalid", lambda wire: replace(wire, body=wire.body + b"\n")),
    Forgery("has lost its body", "signature_invalid", lambda wire: replace(wire, body=b"")),
    Forgery("is brought to another instance", "signature_invalid", lambda wire: replace(wire, target="/webhooks/autre-forum")),
    Forgery("is brought to an instance that nobody knows", "instance_unknown", lambda wire: replace(wire, target="/webhooks/nulle-part")),
    Forgery("is brought to a Matrix", "signature_missing", lambda wire: replace(wire, target="/webhooks/tchap")),
    Forgery("is brought to an RSE that sends none", "platform_polled", lambda wire: replace(wire, target="/webhooks/espace")),
    Forgery("names another instance", "instance_mismatch", _says("x-discourse-instance", "https://autre.example")),
    Forgery("names another instance that begins like this one", "instance_mismatch", _says("x-discourse-instance", "https://wifip.example.autre.example")),
    Forgery("names another instance beside this one", "instance_mismatch", lambda wire: replace(wire, fields=(("x-discourse-instance", "https://autre.example"), *wire.fields))),
    Forgery("names this instance beside another one", "instance_mismatch", lambda wire: wire.also("x-discourse-instance", "https://autre.example")),
    Forgery("is a PUT", "method_not_allowed", lambda wire: replace(wire, method="PUT")),
    Forgery("is of another type", "content_type_unsupported", _says("content-type", "text/plain")),
    Forgery("is of two types", "content_type_unsupported", lambda wire: replace(wire, fields=(("content-type", "text/plain"), *wire.fields))),
    Forgery("is a form of two bodies", "form_payload_missing", lambda wire: _resigned(wire.but("content-type", FORM), urlencode([("payload", wire.body)] * 2).encode())),
    Forgery("is no JSON", "json_malformed", lambda wire: _resigned(wire, wire.body[:-1])),
)  # fmt: skip
"""The last two are signed as they should be: the door takes in nothing that two readers might read otherwise."""


def _token(said: str) -> Alter:
    return lambda wire: wire.but("authorization", said)


TOKEN: Final = fakes_matrix.HS_TOKEN
MATRIX: Final = (
    Forgery("bears no token", "signature_missing", lambda wire: wire.without("authorization")),
    Forgery("bears an empty field", "signature_missing", _token("")),
    Forgery("bears an empty token", "signature_missing", _token("Bearer ")),
    Forgery("bears its token in its address alone", "signature_missing", lambda wire: replace(wire.without("authorization"), target=f"{wire.target}?access_token={TOKEN}")),
    Forgery("bears its token without saying how", "signature_missing", _token(TOKEN)),
    Forgery("bears its token under another scheme", "signature_missing", _token(f"Basic {TOKEN}")),
    Forgery("bears its token as a password", "signature_missing", _token("Basic " + base64.b64encode(f"hs:{TOKEN}".encode()).decode())),
    Forgery("bears another homeserver's token", "signature_invalid", _token(f"Bearer {OTHER_SECRET}")),
    Forgery("bears the token that was replaced", "signature_invalid", _token(f"Bearer {FORMER_SECRET}")),
    Forgery("bears the token of the other way", "signature_invalid", _token(f"Bearer {fakes_matrix.AS_TOKEN}")),
    Forgery("bears a token that is cut", "signature_invalid", _token(f"Bearer {TOKEN[:-1]}")),
    Forgery("bears a token's beginning", "signature_invalid", _token(f"Bearer {TOKEN[0]}")),
    Forgery("bears a token that is a letter long", "signature_invalid", _token(f"Bearer {TOKEN}s")),
    Forgery("bears a token in capitals", "signature_invalid", _token(f"Bearer {TOKEN.upper()}")),
    Forgery("bears a token in quotes", "signature_invalid", _token(f'Bearer "{TOKEN}"')),
    Forgery("bears a token after two blanks", "signature_invalid", _token(f"Bearer  {TOKEN}")),
    Forgery("bears a token's digest", "signature_invalid", _token("Bearer " + hashlib.sha256(TOKEN.encode()).hexdigest())),
    Forgery("bears a token of letters that are not ASCII", "signature_invalid", _token(f"Bearer {TOKEN}é")),
    Forgery("bears two tokens in one field", "signature_invalid", _token(f"Bearer {TOKEN}, Bearer {TOKEN}")),
    Forgery("bears a bad token before a good one", "signature_invalid", lambda wire: replace(wire, fields=(("authorization", "Bearer x"), *wire.fields))),
    Forgery("bears a good token before a bad one", "signature_invalid", lambda wire: wire.also("authorization", "Bearer x")),
    Forgery("is brought to another homeserver's counter", "signature_invalid", lambda wire: replace(wire, target=wire.target.replace("tchap", "autre-tchap"))),
    Forgery("is brought to an instance that nobody knows", "instance_unknown", lambda wire: replace(wire, target=wire.target.replace("tchap", "nulle-part"))),
    Forgery("is brought to a Discourse", "method_not_allowed", lambda wire: replace(wire, target=wire.target.replace("tchap", "forum"))),
    Forgery("is brought to another address", "path_unknown", lambda wire: replace(wire, target=wire.target.replace("/v1/", "/v2/"))),
    Forgery("is brought to an address that climbs", "path_unknown", lambda wire: replace(wire, target=wire.target + "/../18")),
    Forgery("is a DELETE", "path_unknown", lambda wire: replace(wire, method="DELETE")),
    Forgery("is of another type", "content_type_unsupported", _says("content-type", "text/plain")),
    Forgery("is of two types", "content_type_unsupported", lambda wire: replace(wire, fields=(("content-type", "text/plain"), *wire.fields))),
    Forgery("is no JSON", "json_malformed", lambda wire: replace(wire, body=wire.body[:-1])),
    Forgery("holds a number that is none", "json_malformed", lambda wire: replace(wire, body=wire.body[:-1] + b', "x": NaN}')),
    Forgery("is no transaction and too deep", "json_too_deep", lambda wire: replace(wire, body=b"[" * 100 + b"]" * 100)),
)  # fmt: skip
"""The last three bear their token: the door takes in nothing that two readers might read otherwise."""

TABLE: Final = ((discourse, DISCOURSE), (matrix, MATRIX))
