"""What forgers do to a request signed by RFC 9421, and the name by which each attempt is refused. Read it as a table."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tests.forgeries.drafts import WINDOW, Base, Draft, Wire, digest_of, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.forgeries.cast import Cast

    Change = Callable[[Draft, Cast], Draft]
    Alter = Callable[[Draft, Cast], Wire]

BODY: Final = frozenset({"body"})
QUERY: Final = frozenset({"query"})
OURS: Final = frozenset({"ours"})
"""Doors between our own servers, which ask for more than peers give."""
REGISTRY: Final = frozenset({"registry"})
"""Doors whose keys are the registry's."""
ED25519: Final = frozenset({"ed25519"})
"""Signed by an Ed25519 key."""


@dataclass(frozen=True)
class Forgery:
    """One attempt. `needs` names what a valid request must be like for it to make sense; `reason` is what it is refused by."""

    name: str
    reason: str
    alter: Alter
    needs: frozenset[str] = frozenset()


def _signed_so(name: str, reason: str, change: Change, needs: frozenset[str] = frozenset()) -> Forgery:
    """Changed, then signed: the forger has a key, and says something that must not pass."""
    return Forgery(name, reason, lambda draft, cast: signed(change(draft, cast)), needs)


def _altered(name: str, reason: str, change: Callable[[Wire, Cast], Wire], needs: frozenset[str] = frozenset()) -> Forgery:
    """Signed, then changed: the forger has no key, but somebody's request."""
    return Forgery(name, reason, lambda draft, cast: change(signed(draft), cast), needs)


def _uncovered() -> Iterator[Forgery]:
    for component, needs in {
        "@method": frozenset(), "@target-uri": frozenset(), "@authority": OURS, "content-type": OURS | BODY, "content-digest": BODY,
    }.items():  # fmt: skip
        yield _signed_so(f"covers no {component}", "component_not_covered", _leaving_out(component), needs)
    for name, needs in {"created": frozenset(), "keyid": frozenset(), "expires": OURS, "nonce": OURS}.items():
        yield _signed_so(f"says no {name}", "parameter_missing", _not_saying(name), needs)


def _leaving_out(component: str) -> Change:
    return lambda draft, _: replace(draft, components=tuple(one for one in draft.components if one != component))


def _not_saying(name: str) -> Change:
    return lambda draft, _: draft.without(name)


def _covering_also(component: str, value: str = "") -> Change:
    return lambda draft, _: replace(draft, components=(*draft.components, component), values=((component, value),))


def _saying(name: str, written: str) -> Change:
    def change(draft: Draft, _: Cast) -> Draft:
        if name in dict(draft.parameters):
            return draft.parameter(name, written)
        return replace(draft, parameters=(*draft.parameters, (name, written)))

    return change


def _at(name: str, seconds: int) -> Change:
    """A date some seconds from now."""
    return lambda draft, cast: _saying(name, str(int(draft.now) + seconds))(draft, cast)


COMPONENTS: Final = (
    *_uncovered(),
    _signed_so("covers nothing", "component_not_covered", lambda draft, _: draft.covering()),
    _signed_so("covers a component twice", "component_repeated", _covering_also("@method", "POST")),
    _signed_so("covers a derived component that there is not", "component_unknown", _covering_also("@status", "200")),
    _signed_so("covers a derived component of our own making", "component_unknown", _covering_also("@traitdunion", "x")),
    _signed_so("covers one parameter of the query", "component_unknown", _covering_also('"@query-param";name="a"', "b")),
    _signed_so("covers a part of another request", "component_unknown", _covering_also('"@method";req', "POST")),
    _signed_so("covers a field as bytes", "component_unknown", _covering_also('"content-type";bs', ":YQ==:"), BODY),
    _signed_so("covers a member of a field", "component_unknown", _covering_also('"content-digest";key="sha-256"', ":YQ==:"), BODY),
    _signed_so("covers a field as a structured one", "component_unknown", _covering_also('"content-type";sf', "a"), BODY),
    _signed_so("covers a field of the trailers", "component_unknown", _covering_also('"date";tr', "a")),
    _signed_so("covers a field in capitals", "component_unknown", _covering_also("Content-Type", "application/json"), BODY),
    _signed_so("covers a name that no field can have", "component_unknown", _covering_also("a field", "x")),
    _signed_so("covers a field that is not there", "field_missing", _covering_also("x-absent", "")),
    _signed_so("covers a field that stands twice", "field_repeated", lambda draft, _: replace(draft, fields=(*draft.fields, ("content-type", draft.content_type))), OURS | BODY),
    _signed_so("covers letters that no field has", "field_malformed", lambda draft, _: replace(draft, fields=(*draft.fields, ("x-name", "é")), components=(*draft.components, "x-name"))),
    _signed_so("has its host twice", "field_repeated", lambda draft, _: replace(draft, fields=(*draft.fields, ("host", "autre.example")))),
    _signed_so("has a hundred and thirty fields", "headers_malformed", lambda draft, _: replace(draft, fields=(*draft.fields, *((f"x-{number}", "a") for number in range(130)))), OURS),
    _signed_so("covers the signature itself", "signature_invalid", _covering_also("signature-input", "x")),
    _signed_so("covers a token", "component_unknown", lambda draft, _: replace(draft, components=(*draft.components, '"";x'))),
    _signed_so("covers more than anybody reads", "signature_malformed", lambda draft, _: replace(draft, components=draft.components * 20)),
)  # fmt: skip

PARAMETERS: Final = (
    _signed_so("is ten minutes old", "signature_too_old", _at("created", -2 * WINDOW)),
    _signed_so("is ten years old", "signature_too_old", _at("created", -315_360_000)),
    _signed_so("is of 1970", "signature_too_old", _saying("created", "0")),
    _signed_so("is of before 1970", "signature_too_old", _saying("created", "-86400")),
    _signed_so("is old and lives long", "signature_too_old", lambda draft, cast: _at("expires", 86_400)(_at("created", -2 * WINDOW)(draft, cast), cast)),
    _signed_so("comes from the future", "signature_in_future", _at("created", 2 * WINDOW)),
    _signed_so("comes from the future, and ends there", "signature_in_future", lambda draft, cast: _at("expires", 3 * WINDOW)(_at("created", 2 * WINDOW)(draft, cast), cast)),
    _signed_so("comes from a far future", "signature_in_future", _saying("created", "999999999999999")),
    _signed_so("has expired", "signature_expired", lambda draft, cast: _at("expires", -1)(_at("created", -60)(draft, cast), cast)),
    _signed_so("expires when it is made", "signature_expired", _at("expires", 0)),
    _signed_so("expires before it is made", "signature_expired", _at("expires", -100)),
    _signed_so("expired in 1970", "signature_expired", _saying("expires", "1")),
    _signed_so("was made at a quarter", "parameter_malformed", lambda draft, cast: _saying("created", f"{int(draft.now)}.25")(draft, cast)),
    _signed_so("was made in words", "parameter_malformed", _saying("created", '"now"')),
    _signed_so("was made, yes", "parameter_malformed", lambda draft, _: replace(draft, parameters=tuple((name, said) if name != "created" else ("created", "?1") for name, said in draft.parameters))),
    _signed_so("was made beyond all numbers", "signature_malformed", _saying("created", "9999999999999999")),
    _signed_so("was made at a date of structured fields", "parameter_malformed", _saying("created", "@1700000000")),
    _signed_so("expires in words", "parameter_malformed", _saying("expires", '"later"')),
    _signed_so("has a nonce of a few signs", "parameter_malformed", _saying("nonce", '"abc"')),
    _signed_so("has a nonce without end", "parameter_malformed", _saying("nonce", '"' + "n" * 500 + '"')),
    _signed_so("has a nonce of bytes", "parameter_malformed", _saying("nonce", ":YWJjZGVmZ2hpamtsbW5vcA==:")),
    _signed_so("has a nonce with blanks", "parameter_malformed", _saying("nonce", '"nonce with blanks in it"')),
    _signed_so("names its key by a token", "parameter_malformed", _saying("keyid", "some-key")),
    _signed_so("names its key by bytes", "parameter_malformed", _saying("keyid", ":YWJj:")),
    _signed_so("says a parameter that nobody knows", "parameter_unknown", _saying("traitdunion", "1")),
    _signed_so("says a parameter twice", "signature_malformed", lambda draft, _: replace(draft, parameters=(*draft.parameters, ("created", "0")))),
    _signed_so("names its algorithm by a number", "parameter_malformed", _saying("alg", "1")),
)  # fmt: skip

NO_ED25519: Final = ("rsa-v1_5-sha256", "rsa-pss-sha512", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "hmac-sha256", "ED25519", "none", "")
ALGORITHMS: Final = (
    *(_signed_so(f"calls its key a key of « {name} »", "algorithm_mismatch", _saying("alg", f'"{name}"'), ED25519) for name in NO_ED25519),
    _signed_so("is an HMAC under the public key", "signature_invalid", lambda draft, cast: replace(draft, sign=lambda base: hmac.digest(cast.public_bytes(draft), base, "sha256")), ED25519),
    _signed_so("is an HMAC under the public key, and says so", "algorithm_mismatch", lambda draft, cast: _saying("alg", '"hmac-sha256"')(replace(draft, sign=lambda base: hmac.digest(cast.public_bytes(draft), base, "sha256")), cast), ED25519),
    _signed_so("is a bare digest", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: hashlib.sha256(base).digest())),
    _signed_so("is an RSA signature under an Ed25519 key's name", "signature_invalid", lambda draft, cast: replace(draft, sign=cast.rsa_signature), ED25519),
    _signed_so("is all zeros", "signature_invalid", lambda draft, _: replace(draft, sign=lambda _base: bytes(64))),
    _signed_so("has a point of small order for R", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: b"\x01" + bytes(31) + draft.sign(base)[32:]), ED25519),
    _signed_so("has an S past the order of the group", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: _malleable(draft.sign(base))), ED25519),
    _signed_so("is a byte short", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: draft.sign(base)[:-1])),
    _signed_so("is a byte long", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: draft.sign(base) + b"\0")),
    _signed_so("signs another text", "signature_invalid", lambda draft, _: replace(draft, sign=lambda base: draft.sign(base + b"\n"))),
    _signed_so("signs nothing", "signature_invalid", lambda draft, _: replace(draft, sign=lambda _base: draft.sign(b""))),
)  # fmt: skip
ORDER_OF_ED25519: Final = 2**252 + 27742317777372353535851937790883648493


def _malleable(signature: bytes) -> bytes:
    """The same signature to who does not look how large S is (RFC 8032 § 8.4)."""
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER_OF_ED25519).to_bytes(32, "little")


def _spoilt(at: int) -> Callable[[Wire, Cast], Wire]:
    def change(wire: Wire, _: Cast) -> Wire:
        label, _sign, written = wire.value("signature").partition("=")
        raw = bytearray(base64.b64decode(written.strip(":")))
        raw[at] ^= 1
        return wire.but("signature", f"{label}=:{base64.b64encode(bytes(raw)).decode()}:")

    return change


def _rewritten(pattern: str) -> Callable[[Wire, Cast], Wire]:
    """The signature field as a pattern of the one that stood there: `{0}` its label, `{1}` its base64."""

    def change(wire: Wire, _: Cast) -> Wire:
        label, _sign, written = wire.value("signature").partition("=")
        return wire.but("signature", pattern.format(label, written.strip(":")))

    return change


def _stray(wire: Wire, _: Cast) -> Wire:
    """Base64 whose last letter holds bits that no byte needs: a second writing of the same signature."""
    written = wire.value("signature")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    cut = written.rindex("==:") - 1
    return wire.but("signature", written[:cut] + letters[letters.index(written[cut]) + 1] + written[cut + 1 :])


def _doubled(name: str) -> Callable[[Wire, Cast], Wire]:
    return lambda wire, _: wire.also(name, wire.value(name))


FIELDS: Final = (
    _altered("bears no signature at all", "signature_missing", lambda wire, _: wire.without("signature").without("signature-input")),
    _altered("lost its signature", "signature_missing", lambda wire, _: wire.without("signature")),
    _altered("lost what its signature covers", "signature_missing", lambda wire, _: wire.without("signature-input"), OURS),
    *(_altered(f"has bit 0 of byte {at} of its signature turned", "signature_invalid", _spoilt(at)) for at in (0, 31, 32, 63)),
    _altered("has its signature cut", "signature_malformed", _rewritten("{0}=:{1:.20}")),
    _altered("has its base64 cut", "signature_malformed", lambda wire, _: wire.but("signature", wire.value("signature")[:-4] + ":")),
    _altered("has a signature in quotes", "signature_malformed", _rewritten('{0}="{1}"')),
    _altered("has a signature as a token", "signature_malformed", _rewritten("{0}=abc")),
    _altered("has an empty signature", "signature_invalid", _rewritten("{0}=::")),
    _altered("has a signature with parameters", "signature_malformed", _rewritten("{0}=:{1}:;a=1")),
    _altered("has a list of signatures", "signature_malformed", _rewritten("{0}=(:{1}:)")),
    _altered("has its base64 written otherwise", "signature_malformed", _stray),
    _altered("has its signature under another label", "signature_ambiguous", _rewritten("autre=:{1}:")),
    _altered("has a label in capitals", "signature_malformed", _rewritten("SIG1=:{1}:")),
    _altered("has its signature twice in a field", "signature_malformed", _rewritten("{0}=:{1}:, {0}=:{1}:")),
    _altered("has its signature field twice", "signature_malformed", _doubled("signature")),
    _altered("has what it covers twice", "signature_malformed", _doubled("signature-input")),
    _altered("covers nothing that can be read", "signature_malformed", lambda wire, _: wire.but("signature-input", "sig1=(")),
    _altered("covers a string", "signature_malformed", lambda wire, _: wire.but("signature-input", 'sig1="@method"')),
    _altered("covers what no list holds", "signature_malformed", lambda wire, _: wire.but("signature-input", wire.value("signature-input").replace(" ", ","))),
    _altered("covers eight thousand letters", "signature_malformed", lambda wire, _: wire.but("signature-input", wire.value("signature-input") + f';tag="{"x" * 8200}"')),
    _altered("covers its components in another order", "signature_invalid", lambda wire, _: wire.but("signature-input", _swapped(wire.value("signature-input")))),
    _altered("was made a second later than was signed", "signature_invalid", lambda wire, _: wire.but("signature-input", _later(wire.value("signature-input")))),
    _altered("lives longer than was signed", "signature_invalid", lambda wire, _: wire.but("signature-input", wire.value("signature-input").replace(";expires=", ";expires=1"))),
    _altered("has an algorithm added", "signature_invalid", lambda wire, _: wire.but("signature-input", wire.value("signature-input") + ';alg="ed25519"'), ED25519),
    _altered("has two labels, both good", "signature_ambiguous", lambda wire, _: _two_labels(wire), OURS),
    _altered("has two labels, the first bad", "signature_ambiguous", lambda wire, _: wire.but("signature-input", f'faux=("@method"), {wire.value("signature-input")}'), OURS),
    _altered("has a label without signature", "signature_ambiguous", lambda wire, _: wire.but("signature-input", wire.value("signature-input").replace("sig1=", "autre="))),
)  # fmt: skip


def _swapped(written: str) -> str:
    inside = written[written.index("(") + 1 : written.index(")")].split(" ")
    return written.replace(" ".join(inside), " ".join(reversed(inside)))


def _later(written: str) -> str:
    head, _, tail = written.partition(";created=")
    moment, sign, rest = tail.partition(";")
    return f"{head};created={int(moment) + 1}{sign}{rest}"


def _two_labels(wire: Wire) -> Wire:
    doubled = wire
    for name in ("signature-input", "signature"):
        written = wire.value(name)
        doubled = doubled.but(name, f"{written}, {written.replace('sig1=', 'sig2=', 1)}")
    return doubled


def _sent_elsewhere(change: Callable[[str], str]) -> Change:
    """Signed for one address, brought to this one."""
    return lambda draft, _: replace(draft, url=change(draft.url), sent_to=draft.url.partition("://")[2].partition("/")[2].join(("/", "")))


TARGETS: Final = (
    _signed_so("was signed for another method", "signature_invalid", lambda draft, _: replace(draft, method="PUT", sent_by=draft.method)),
    _signed_so("was signed for a method in small letters", "signature_invalid", lambda draft, _: replace(draft, method=draft.method.lower(), sent_by=draft.method)),
    _signed_so("was signed for another path", "signature_invalid", _sent_elsewhere(lambda url: url + "/autre")),
    _signed_so("was signed for the root", "signature_invalid", _sent_elsewhere(lambda url: "/".join(url.split("/")[:3]) + "/")),
    _signed_so("was signed for another host", "signature_invalid", _sent_elsewhere(lambda url: url.replace("://", "://autre.example:", 1).replace("127.0.0.1:", ""))),
    _signed_so("was signed for another port", "signature_invalid", _sent_elsewhere(lambda url: url.replace("127.0.0.1:", "127.0.0.1:1"))),
    _signed_so("was signed for https", "signature_invalid", _sent_elsewhere(lambda url: url.replace("http://", "https://"))),
    _signed_so("was signed for somebody at our host", "signature_invalid", _sent_elsewhere(lambda url: url.replace("://", "://moi@"))),
    _signed_so("was signed for a query", "signature_invalid", _sent_elsewhere(lambda url: url + ("&" if "?" in url else "?") + "a=b")),
    _signed_so("was signed for a fragment", "signature_invalid", _sent_elsewhere(lambda url: url + "#a")),
    _signed_so("was signed for the path alone", "signature_invalid", _sent_elsewhere(lambda url: "/" + url.split("/", 3)[3])),
    _signed_so("was signed for another query", "signature_invalid", _sent_elsewhere(lambda url: url.replace("wait=0", "wait=1")), QUERY),
    _signed_so("was signed without its query", "signature_invalid", _sent_elsewhere(lambda url: url.partition("?")[0]), QUERY),
    _signed_so("was signed for its query in another order", "signature_invalid", _sent_elsewhere(lambda url: url.replace("wait=0&limit=1", "limit=1&wait=0")), QUERY),
    _altered("has a query added", "signature_invalid", lambda wire, _: replace(wire, target=wire.target + ("&" if "?" in wire.target else "?") + "limit=2"), BODY),
    _altered("has a letter of its path written otherwise", "signature_invalid", lambda wire, _: replace(wire, target=wire.target.replace("/inbox", "/%69nbox").replace("/wifip/", "/%77ifip/"))),
    _signed_so("was signed for another host, which X-Forwarded-Host names", "signature_invalid", lambda draft, cast: _forwarded(draft, cast, "x-forwarded-host")),
    _signed_so("was signed for another host, which Forwarded names", "signature_invalid", lambda draft, cast: _forwarded(draft, cast, "forwarded")),
    _signed_so("was signed for another host, which Host names", "signature_invalid", lambda draft, cast: _forwarded(draft, cast, "")),
    _signed_so("was signed for https, which X-Forwarded-Proto names", "signature_invalid", lambda draft, _: replace(draft, url=draft.url.replace("http://", "https://"), fields=(*draft.fields, ("x-forwarded-proto", "https")))),
)  # fmt: skip


def _forwarded(draft: Draft, _: Cast, name: str) -> Draft:
    host = draft.url.split("/")[2]
    said = {"x-forwarded-host": "autre.example", "forwarded": "host=autre.example;proto=http"}
    fields = (*draft.fields, (name, said[name])) if name else draft.fields
    return replace(draft, url=draft.url.replace(host, "autre.example"), fields=fields)


def _digest(written: Callable[[bytes], str]) -> Change:
    """Signed with this Content-Digest."""

    def change(draft: Draft, _: Cast) -> Draft:
        said = written(draft.body or b"")
        return replace(draft, fields=tuple((name, said if name == "content-digest" else value) for name, value in draft.fields))

    return change


def _body(change: Callable[[bytes], bytes]) -> Callable[[Wire, Cast], Wire]:
    return lambda wire, _: replace(wire, body=change(wire.body))


def _with_its_digest(wire: Wire, body: bytes) -> Wire:
    return replace(wire, body=body).but("content-digest", digest_of(body))


BODIES: Final = (
    _altered("has another body", "body_digest_mismatch", _body(lambda _: b"{}"), BODY),
    _altered("has a byte of its body changed", "body_digest_mismatch", _body(lambda body: body[:-1] + b" }"), BODY),
    _altered("has a line end added to its body", "body_digest_mismatch", _body(lambda body: body + b"\n"), BODY),
    _altered("has lost its body", "body_digest_mismatch", _body(lambda _: b""), BODY),
    _altered("has another body and its digest", "signature_invalid", lambda wire, _: _with_its_digest(wire, b"{}"), BODY),
    _altered("has another body and a legacy Digest of it", "body_digest_mismatch", lambda wire, _: replace(wire, body=b"{}").also("digest", "SHA-256=" + base64.b64encode(hashlib.sha256(b"{}").digest()).decode()), BODY),
    _altered("has another body and a second digest", "signature_invalid", lambda wire, _: replace(wire, body=b"{}").also("content-digest", digest_of(b"{}")), BODY),
    _altered("has lost its digest", "field_missing", lambda wire, _: wire.without("content-digest"), BODY),
    _altered("has its digest in capitals", "signature_invalid", lambda wire, _: wire.but("content-digest", wire.value("content-digest").replace("sha-256", "SHA-256")), BODY),
    _altered("has another content type", "signature_invalid", lambda wire, _: wire.but("content-type", wire.value("content-type") + "; charset=utf-8"), OURS | BODY),
    _altered("has its content type twice", "field_repeated", _doubled("content-type"), OURS | BODY),
    _signed_so("signs the digest of another body", "body_digest_mismatch", _digest(lambda _: digest_of(b"{}")), BODY),
    _signed_so("signs an MD5", "digest_algorithm_unsupported", _digest(lambda body: digest_of(body, "md5")), BODY),
    _signed_so("signs a SHA-1", "digest_algorithm_unsupported", _digest(lambda body: digest_of(body, "sha-1")), BODY),
    _signed_so("signs a digest cut short", "body_digest_mismatch", _digest(lambda _: "sha-256=:YWJj:"), BODY),
    _signed_so("signs an empty digest", "body_digest_mismatch", _digest(lambda _: "sha-256=::"), BODY),
    _signed_so("signs a digest in quotes", "digest_malformed", _digest(lambda body: 'sha-256="' + hashlib.sha256(body).hexdigest() + '"'), BODY),
    _signed_so("signs a digest that no field holds", "digest_malformed", _digest(lambda _: "sha-256=:"), BODY),
    _signed_so("signs two digests, one wrong", "body_digest_mismatch", _digest(lambda body: f"{digest_of(body)}, {digest_of(b'{}', 'sha-512')}"), BODY),
    _signed_so("signs a digest twice", "digest_malformed", _digest(lambda body: f"{digest_of(b'{}')}, {digest_of(body)}"), BODY),
)  # fmt: skip

KEYS: Final = (
    _signed_so("is signed by another's key under this one's name", "signature_invalid", lambda draft, cast: replace(draft, sign=cast.stranger.sign)),
    _signed_so("names a key that nobody has", "key_unknown", lambda draft, cast: _by(draft, cast.unknown), REGISTRY),
    _signed_so("names another node's key", "key_of_another_node", lambda draft, cast: _by(draft, cast.other), REGISTRY),
    _signed_so("names a key that is not active yet", "key_pending", lambda draft, cast: _by(draft, cast.pending), REGISTRY),
    _signed_so("names a key that was retired", "key_retired", lambda draft, cast: _by(draft, cast.retired), REGISTRY),
    _signed_so("names a key that was revoked", "key_revoked", lambda draft, cast: _by(draft, cast.revoked), REGISTRY),
    _signed_so("names the hub's key", "key_of_another_node", lambda draft, cast: _by(draft, cast.hub), REGISTRY),
    _signed_so("names a key without its owner", "key_unknown", lambda draft, _: _saying("keyid", '"' + draft.key_id.partition("#")[2] + '"')(draft, _), REGISTRY),
    _signed_so("names an owner without a key", "key_unknown", lambda draft, _: _saying("keyid", '"' + draft.key_id.partition("#")[0] + '"')(draft, _), REGISTRY),
    _signed_so("names no key", "key_unknown", _saying("keyid", '""'), REGISTRY),
    _signed_so("names its key in capitals", "key_unknown", lambda draft, _: _saying("keyid", f'"{draft.key_id.upper()}"')(draft, _), REGISTRY),
)  # fmt: skip


def _by(draft: Draft, key: object) -> Draft:
    name, sign = key.key_id, key.sign  # type: ignore[attr-defined]  # any signing key
    return replace(draft, key_id=name, sign=sign).parameter("keyid", f'"{name}"')


TABLE: Final[tuple[Forgery, ...]] = (*COMPONENTS, *PARAMETERS, *ALGORITHMS, *FIELDS, *TARGETS, *BODIES, *KEYS)


def against(bases: Iterable[Base], table: Iterable[Forgery] = TABLE) -> list[tuple[Base, Forgery]]:
    """Every attempt against every valid request on which it makes sense."""
    rows = list(table)
    return [(base, row) for base in bases for row in rows if row.needs <= base.tags]
