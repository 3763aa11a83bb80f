"""What forgers do to a request signed as the fediverse did before RFC 9421 (draft-cavage-12), and the name of each refusal. Read it as a table."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tests.forgeries.abroad import PRIVATE, RSA_OF_NOBODY
from tests.forgeries.drafts import WINDOW, Fields, Wire, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.forgeries.abroad import World

    Change = Callable[["OlderDraft", World], "OlderDraft"]
    Alter = Callable[[Wire, World], Wire]


@dataclass(frozen=True)
class OlderDraft:
    """A request and how it is to be signed; what is covered and said is written out, so that no writing is impossible."""

    url: str
    sign: Callable[[bytes], bytes]
    key_id: str
    now: float
    body: bytes
    fields: Fields
    method: str = "POST"
    covered: tuple[str, ...] = ("(request-target)", "host", "date", "digest")
    parameters: tuple[tuple[str, str], ...] = (("algorithm", '"rsa-sha256"'),)
    values: tuple[tuple[str, str], ...] = ()
    """Values that are signed in the place of the request's own."""
    sent_by: str = ""
    """The method on the wire, where it is not the one that is signed."""

    @property
    def path(self) -> str:
        return "/" + self.url.split("/", 3)[3]

    def but(self, name: str, said: str) -> OlderDraft:
        """With another value in a field."""
        return replace(self, fields=tuple((known, said if known == name else old) for known, old in self.fields))

    def without(self, name: str) -> OlderDraft:
        return replace(self, fields=tuple(pair for pair in self.fields if pair[0] != name))


@dataclass(frozen=True)
class OlderForgery:
    """One attempt, and what it is refused by."""

    name: str
    reason: str
    alter: Callable[[OlderDraft, World], Wire]


def drafted(url: str, sign: Callable[[bytes], bytes], key_id: str, now: float, body: bytes) -> OlderDraft:
    """The draft with the fields that a valid one has."""
    fields = (("host", urlsplit(url).netloc), ("date", _date(now)), ("digest", legacy(body)), ("content-type", "application/activity+json"))
    return OlderDraft(url, sign, key_id, now, body, fields)


def legacy(body: bytes, name: str = "SHA-256") -> str:
    """A Digest field of RFC 3230."""
    return f"{name}=" + base64.b64encode(hashlib.new(name.replace("-", "").lower(), body).digest()).decode()


def _date(moment: float) -> str:
    return formatdate(moment, usegmt=True)


def signed(draft: OlderDraft) -> Wire:
    """The request as it is sent."""
    signature = base64.b64encode(draft.sign(_base(draft))).decode()
    said = [("keyId", f'"{draft.key_id}"'), *draft.parameters, ("headers", f'"{" ".join(draft.covered)}"'), ("signature", f'"{signature}"')]
    written = ",".join(f"{name}={value}" for name, value in said)
    return Wire(draft.sent_by or draft.method, draft.path, (*draft.fields, ("signature", written)), draft.body)


def _base(draft: OlderDraft) -> bytes:
    given, said = dict(draft.values), dict(draft.parameters)
    own = {
        "(request-target)": f"{draft.method.lower()} {draft.path}",
        "(created)": said.get("created", ""),
        "(expires)": said.get("expires", ""),
    }

    def value(name: str) -> str:
        found = [one for known, one in draft.fields if known == name.lower()]
        return given.get(name, own.get(name, ", ".join(found)))

    return "\n".join(f"{name.lower()}: {value(name)}" for name in draft.covered).encode("latin-1")


def _signed_so(name: str, reason: str, change: Change) -> OlderForgery:
    """Changed, then signed: the forger has a key."""
    return OlderForgery(name, reason, lambda draft, world: signed(change(draft, world)))


def _altered(name: str, reason: str, change: Alter) -> OlderForgery:
    """Signed, then changed: the forger has somebody's request."""
    return OlderForgery(name, reason, lambda draft, world: change(signed(draft), world))


def _covering(*names: str) -> Change:
    return lambda draft, _: replace(draft, covered=names)


def _covering_also(*names: str) -> Change:
    return lambda draft, _: replace(draft, covered=(*draft.covered, *names))


def _saying(name: str, written: str, *also: str) -> Change:
    return lambda draft, _: replace(draft, parameters=(*draft.parameters, (name, written)), covered=(*draft.covered, *also))


def _dated(written: str) -> Change:
    return lambda draft, _: draft.but("date", written)


def _dated_at(seconds: int) -> Change:
    return lambda draft, _: draft.but("date", _date(draft.now + seconds))


def _created_at(seconds: int) -> Change:
    """As GoToSocial's newer requests: `(created)` in the place of Date."""
    return lambda draft, _: replace(
        draft, parameters=(("algorithm", '"hs2019"'), ("created", str(int(draft.now) + seconds))),
        covered=("(request-target)", "host", "(created)", "digest"),
    )  # fmt: skip


def _uncovered() -> Iterator[OlderForgery]:
    for name in ("(request-target)", "host", "date", "digest"):
        covered = tuple(one for one in ("(request-target)", "host", "date", "digest") if one != name)
        yield _signed_so(f"covers no {name}", "component_not_covered", _covering(*covered))


FORTY: Final = tuple(f"x-{number}" for number in range(40))
COVERED: Final = (
    *_uncovered(),
    _signed_so("covers nothing", "component_not_covered", _covering()),
    _signed_so("covers its date alone, as the draft lets it", "component_not_covered", _covering("date")),
    _signed_so("covers a field twice", "component_repeated", _covering_also("host")),
    _signed_so("covers a field twice, once in capitals", "component_repeated", _covering_also("Host")),
    _signed_so("covers a part that there is not", "component_unknown", _covering_also("(traitdunion)")),
    _signed_so("covers a part of no name", "component_unknown", _covering_also("")),
    _signed_so("covers when it was made, and does not say so", "parameter_missing", _covering_also("(created)")),
    _signed_so("covers when it ends, and does not say so", "parameter_missing", _covering_also("(expires)")),
    _signed_so("covers a field that is not there", "field_missing", _covering_also("x-absent")),
    _signed_so("covers forty fields", "signature_malformed", lambda draft, _: replace(draft, fields=(*draft.fields, *((name, "a") for name in FORTY)), covered=(*draft.covered, *FORTY))),
    _signed_so("covers letters that no field has", "field_malformed", lambda draft, _: replace(draft, fields=(*draft.fields, ("x-name", "é")), covered=(*draft.covered, "x-name"))),
    _signed_so("has its host twice", "field_repeated", lambda draft, _: replace(draft, fields=(*draft.fields, ("host", "autre.example")))),
    _signed_so("has its date twice", "field_repeated", lambda draft, _: replace(draft, fields=(*draft.fields, ("date", _date(0))))),
    _altered("covers its fields in another order", "signature_invalid", lambda wire, _: _rewritten(wire, "host date", "date host")),
    _altered("covers a field more than was signed", "signature_invalid", lambda wire, _: _rewritten(wire, 'digest"', 'digest content-type"')),
    _altered("covers a field less than was signed", "component_not_covered", lambda wire, _: _rewritten(wire, " digest", "")),
)  # fmt: skip

TARGETS: Final = (
    _signed_so("was signed for another method", "signature_invalid", lambda draft, _: replace(draft, method="PUT", sent_by="POST")),
    _signed_so("was signed for a method in capitals", "signature_invalid", lambda draft, _: replace(draft, values=(("(request-target)", f"POST {draft.path}"),))),
    _signed_so("was signed for another path", "signature_invalid", lambda draft, _: replace(draft, values=(("(request-target)", "post /autre"),))),
    _signed_so("was signed for the whole address", "signature_invalid", lambda draft, _: replace(draft, values=(("(request-target)", f"post {draft.url}"),))),
    _signed_so("was signed for a query", "signature_invalid", lambda draft, _: replace(draft, values=(("(request-target)", f"post {draft.path}?a=b"),))),
    _altered("has a query added", "signature_invalid", lambda wire, _: replace(wire, target=wire.target + "?a=b")),
    _altered("has a letter of its path written otherwise", "signature_invalid", lambda wire, _: replace(wire, target=wire.target.replace("/inbox", "/%69nbox"))),
    _altered("is brought to another inbox", "signature_invalid", lambda wire, _: replace(wire, target="/nodes/x/inbox")),
    _signed_so("was signed for another host", "host_mismatch", lambda draft, _: draft.but("host", "autre.example")),
    _signed_so("was signed for another port", "host_mismatch", lambda draft, _: draft.but("host", "127.0.0.1:1")),
    _signed_so("was signed for our host with a dot behind", "host_mismatch", lambda draft, _: draft.but("host", dict(draft.fields)["host"] + ".")),
    _signed_so("was signed for a host of no name", "host_mismatch", lambda draft, _: draft.but("host", "")),
    _altered("has another host than was signed", "host_mismatch", lambda wire, _: wire.but("host", "autre.example")),
    _signed_so("was signed for another host, which X-Forwarded-Host puts right", "host_mismatch", lambda draft, _: replace(draft.but("host", "autre.example"), fields=(*draft.but("host", "autre.example").fields, ("x-forwarded-host", dict(draft.fields)["host"])))),
    _signed_so("was signed for another host, and comes to ours", "signature_invalid", lambda draft, _: replace(draft, values=(("host", "autre.example"),))),
)  # fmt: skip

DATES: Final = (
    _signed_so("is ten minutes old", "signature_too_old", _dated_at(-2 * WINDOW)),
    _signed_so("is of 1970", "signature_too_old", _dated(_date(0))),
    _signed_so("comes from the future", "signature_in_future", _dated_at(2 * WINDOW)),
    _signed_so("comes from a far future", "signature_in_future", _dated("Fri, 31 Dec 9999 23:59:59 GMT")),
    _altered("has a later date than was signed", "signature_invalid", lambda wire, _: wire.but("date", _date(parsedate_to_datetime(wire.value("date")).timestamp() + 7))),
    _signed_so("has an empty date", "field_malformed", _dated("")),
    _signed_so("has a date in words", "field_malformed", _dated("now")),
    _signed_so("has a date of 1994's writing", "field_malformed", _dated("Sunday, 06-Nov-94 08:49:37 GMT")),
    _signed_so("has a date of ISO 8601", "field_malformed", lambda draft, world: _dated(world.now.isoformat())(draft, world)),
    _signed_so("has a date of another zone", "field_malformed", lambda draft, world: _dated(_date(draft.now).replace("GMT", "+0000"))(draft, world)),
    _signed_so("has a date of a month that there is not", "field_malformed", _dated("Sun, 22 Fri 2026 13:00:00 GMT")),
    _signed_so("has a date of the thirtieth of February", "field_malformed", _dated("Mon, 30 Feb 2026 13:00:00 GMT")),
    _signed_so("has lost its date", "field_missing", lambda draft, _: draft.without("date")),
    _signed_so("was made ten minutes ago by its own word", "signature_too_old", _created_at(-2 * WINDOW)),
    _signed_so("was made in ten minutes by its own word", "signature_in_future", _created_at(2 * WINDOW)),
    _signed_so("is of today, and was made ten minutes ago", "signature_too_old", lambda draft, world: _saying("created", str(int(draft.now) - 2 * WINDOW), "(created)")(draft, world)),
    _signed_so("is of today, and will be made in ten minutes", "signature_in_future", lambda draft, world: _saying("created", str(int(draft.now) + 2 * WINDOW), "(created)")(draft, world)),
    _signed_so("is of today, and was made ten minutes ago, unsigned", "signature_too_old", lambda draft, world: _saying("created", str(int(draft.now) - 2 * WINDOW))(draft, world)),
    _signed_so("was made in words", "parameter_malformed", _saying("created", '"now"')),
    _signed_so("was made before 1970", "parameter_malformed", _saying("created", "-1")),
    _signed_so("has expired", "signature_expired", lambda draft, world: _saying("expires", str(int(draft.now) - 1), "(expires)")(draft, world)),
    _signed_so("has expired, unsigned", "signature_expired", lambda draft, world: _saying("expires", str(int(draft.now) - 1))(draft, world)),
    _signed_so("expires at no number, unsigned", "parameter_malformed", _saying("expires", "nan")),
    _signed_so("expires in words", "parameter_malformed", _saying("expires", '"later"')),
)  # fmt: skip


def _digested(written: Callable[[bytes], str]) -> Change:
    return lambda draft, _: draft.but("digest", written(draft.body))


BODIES: Final = (
    _altered("has another body", "body_digest_mismatch", lambda wire, _: replace(wire, body=b"{}")),
    _altered("has a line end added to its body", "body_digest_mismatch", lambda wire, _: replace(wire, body=wire.body + b"\n")),
    _altered("has lost its body", "body_digest_mismatch", lambda wire, _: replace(wire, body=b"")),
    _altered("has another body and its digest", "signature_invalid", lambda wire, _: replace(wire, body=b"{}").but("digest", legacy(b"{}"))),
    _altered("has another body and a Content-Digest of it", "body_digest_mismatch", lambda wire, _: replace(wire, body=b"{}").also("content-digest", digest_of(b"{}"))),
    _altered("has another body and a second digest", "digest_malformed", lambda wire, _: replace(wire, body=b"{}").also("digest", legacy(b"{}"))),
    _altered("has another body and a digest of another kind", "signature_invalid", lambda wire, _: replace(wire, body=b"{}").also("digest", legacy(b"{}", "SHA-512"))),
    _altered("has its digest twice", "digest_malformed", lambda wire, _: wire.also("digest", wire.value("digest"))),
    _altered("has lost its digest", "field_missing", lambda wire, _: wire.without("digest")),
    _altered("has its digest's name in small letters", "signature_invalid", lambda wire, _: wire.but("digest", wire.value("digest").replace("SHA", "sha"))),
    _signed_so("signs the digest of another body", "body_digest_mismatch", _digested(lambda _: legacy(b"{}"))),
    _signed_so("signs an MD5", "digest_algorithm_unsupported", _digested(lambda body: legacy(body, "MD5"))),
    _signed_so("signs a SHA-1", "digest_algorithm_unsupported", _digested(lambda body: legacy(body, "SHA-1"))),
    _signed_so("signs a SHA-512 alone", "digest_algorithm_unsupported", _digested(lambda body: legacy(body, "SHA-512"))),
    _signed_so("signs a digest cut short", "body_digest_mismatch", _digested(lambda _: "SHA-256=YWJj")),
    _signed_so("signs an empty digest", "digest_malformed", _digested(lambda _: "SHA-256=")),
    _signed_so("signs a digest in hexadecimal", "body_digest_mismatch", _digested(lambda body: "SHA-256=" + hashlib.sha256(body).hexdigest())),
    _signed_so("signs a digest of structured fields", "digest_malformed", _digested(digest_of)),
    _signed_so("signs a digest without a name", "digest_malformed", _digested(lambda body: legacy(body).partition("=")[2])),
    _signed_so("signs a digest whose base64 is cut", "digest_malformed", _digested(lambda body: legacy(body)[:-3])),
    _signed_so("signs two digests, one wrong", "body_digest_mismatch", _digested(lambda body: f"{legacy(body)},{legacy(b'{}', 'SHA-512')}")),
    _signed_so("signs the digest twice, in two writings", "digest_malformed", _digested(lambda body: f"{legacy(b'{}')},{legacy(body).replace('SHA', 'sha')}")),
)  # fmt: skip


def _rewritten(wire: Wire, old: str, new: str) -> Wire:
    return wire.but("signature", wire.value("signature").replace(old, new, 1))


def _resigned(change: Callable[[bytes], bytes]) -> Alter:
    """With the signature's bytes otherwise."""

    def alter(wire: Wire, _: World) -> Wire:
        head, _sign, tail = wire.value("signature").partition('signature="')
        raw = base64.b64decode(tail.rstrip('"'))
        return wire.but("signature", f'{head}signature="{base64.b64encode(change(raw)).decode()}"')

    return alter


def _stray(wire: Wire, _: World) -> Wire:
    """Base64 whose last letter holds bits that no byte needs: a second writing of the same signature."""
    written, letters = wire.value("signature"), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    cut = written.rindex("=") - (2 if written.endswith('=="') else 1)
    return wire.but("signature", written[:cut] + letters[letters.index(written[cut]) + 1] + written[cut + 1 :])


def _flipped(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


SIGNATURES: Final = (
    _altered("bears no signature at all", "signature_missing", lambda wire, _: wire.without("signature")),
    _altered("bears its signature in Authorization alone", "signature_missing", lambda wire, _: wire.without("signature").also("authorization", "Signature " + wire.value("signature"))),
    _altered("bears its signature in Authorization too", "signature_ambiguous", lambda wire, _: wire.also("authorization", "Signature " + wire.value("signature"))),
    _altered("bears two signatures", "signature_ambiguous", lambda wire, _: wire.also("signature", wire.value("signature"))),
    _altered("bears a signature of RFC 9421's name too", "signature_malformed", lambda wire, _: wire.also("signature-input", 'sig1=("@method");keyid="x"')),
    _altered("bears an empty Signature-Input", "signature_malformed", lambda wire, _: wire.also("signature-input", "")),
    _altered("says its key twice", "parameter_repeated", lambda wire, world: wire.but("signature", f'keyId="{world.carol.rsa.key_id}",' + wire.value("signature"))),
    _altered("says its key twice, once in small letters", "parameter_repeated", lambda wire, world: wire.but("signature", f'keyid="{world.carol.rsa.key_id}",' + wire.value("signature"))),
    _altered("says what it covers twice", "parameter_repeated", lambda wire, _: wire.but("signature", 'headers="date",' + wire.value("signature"))),
    _altered("says its signature twice", "parameter_repeated", lambda wire, _: wire.but("signature", 'signature="YWJj",' + wire.value("signature"))),
    _altered("says its algorithm twice", "parameter_repeated", lambda wire, _: wire.but("signature", 'algorithm="none",' + wire.value("signature"))),
    _altered("names no key", "parameter_missing", lambda wire, _: wire.but("signature", wire.value("signature").partition(",")[2])),
    _altered("names an empty key", "parameter_missing", lambda wire, _: wire.but("signature", 'keyId="",' + wire.value("signature").partition(",")[2])),
    _altered("says no signature", "parameter_missing", lambda wire, _: wire.but("signature", wire.value("signature").partition(",signature=")[0])),
    _altered("says an empty signature", "parameter_missing", lambda wire, _: wire.but("signature", wire.value("signature").partition(",signature=")[0] + ',signature=""')),
    _altered("is written without its end", "signature_malformed", lambda wire, _: wire.but("signature", wire.value("signature")[:-1])),
    _altered("is written with a quote within", "signature_malformed", lambda wire, _: _rewritten(wire, 'keyId="', 'keyId="a\\"')),
    _altered("is written as one word", "signature_malformed", lambda wire, _: wire.but("signature", "abc")),
    _altered("is written in letters that are not ASCII", "signature_malformed", lambda wire, _: wire.but("signature", 'clé="é",' + wire.value("signature"))),
    _altered("is written in nine thousand letters", "signature_malformed", lambda wire, _: wire.but("signature", f'x="{"a" * 9000}",' + wire.value("signature"))),
    _altered("has its base64 cut", "parameter_malformed", lambda wire, _: wire.but("signature", wire.value("signature")[:-4] + '"')),
    _altered("has its base64 written otherwise", "parameter_malformed", _stray),
    _altered("has its base64 written for addresses", "parameter_malformed", lambda wire, _: wire.but("signature", wire.value("signature").partition(",signature=")[0] + ',signature="_-_-"')),
    _altered("has a bit of its signature turned", "signature_invalid", _resigned(_flipped)),
    _altered("is a byte short", "signature_invalid", _resigned(lambda raw: raw[:-1])),
    _altered("is a byte long", "signature_invalid", _resigned(lambda raw: b"\0" + raw)),
    _altered("is all zeros", "signature_invalid", _resigned(lambda raw: bytes(len(raw)))),
    _altered("is all ones", "signature_invalid", _resigned(lambda raw: b"\xff" * len(raw))),
    _signed_so("is signed by another's key under this one's name", "signature_invalid", lambda draft, _: replace(draft, sign=RSA_OF_NOBODY.sign)),
    _signed_so("is an HMAC under the public key", "signature_invalid", lambda draft, world: replace(draft, sign=lambda base: hmac.digest(world.forum.rsa.public_pem.encode(), base, "sha256"))),
    _signed_so("is an HMAC under the public key, and says so", "signature_invalid", lambda draft, world: replace(draft, parameters=(("algorithm", '"hmac-sha256"'),), sign=lambda base: hmac.digest(world.forum.rsa.public_pem.encode(), base, "sha256"))),
    _signed_so("is a bare digest", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: hashlib.sha256(base).digest())),
    _signed_so("is an RSA signature of SHA-1", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: PRIVATE.sign(base, padding.PKCS1v15(), SHA1()))),  # noqa: S303 - weak on purpose
    _signed_so("is an RSA-PSS signature", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: PRIVATE.sign(base, padding.PSS(padding.MGF1(SHA256()), 32), SHA256()))),
    _signed_so("is an Ed25519 signature under an RSA key's name", "signature_invalid", lambda draft, world: replace(draft, sign=world.forum.key.sign)),
    _signed_so("is an RSA signature under an Ed25519 key's name", "signature_invalid", lambda draft, world: replace(draft, key_id=world.forum.key.key_id)),
    _signed_so("signs another text", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: draft.sign(base + b"\n"))),
    _signed_so("signs nothing", "signature_invalid", lambda draft, _: replace(draft, sign=lambda _base: draft.sign(b""))),
)  # fmt: skip

KEYS: Final = (
    _signed_so("is of a server that may not sign so", "cavage_not_allowed", lambda draft, world: drafted(draft.url, world.alice.rsa.sign, world.alice.rsa.key_id, draft.now, json.dumps(world.creates(world.alice)).encode())),
    _signed_so("is of a server that nobody knows", "peer_not_admitted", lambda draft, world: replace(draft, key_id=world.stranger.rsa.key_id)),
    _signed_so("names a key without an address", "peer_not_admitted", lambda draft, _: replace(draft, key_id="main-key")),
    _signed_so("names another actor's key of this server", "actor_mismatch", lambda draft, world: replace(draft, key_id=world.member.rsa.key_id)),
    _signed_so("names a key that its owner does not claim", "key_not_claimed", lambda draft, world: replace(draft, key_id=world.forum.id + "#autre")),
    _signed_so("names an owner without a key", "key_not_claimed", lambda draft, world: replace(draft, key_id=world.forum.id)),
)  # fmt: skip

TABLE: Final[tuple[OlderForgery, ...]] = (*COVERED, *TARGETS, *DATES, *BODIES, *SIGNATURES, *KEYS)
