"""Signed requests between our own servers: what is believed, and what each refusal is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas import content_digest, structured
from schemas.http_signature import (
    BARE,
    ORDER,
    WITH_BODY,
    Reason,
    Rejection,
    SignedHead,
    UnverifiedHead,
    VerifiedRequest,
    sign,
    signed_fields,
    verify_body,
    verify_head,
)
from schemas.keys import PublicKey, SigningKey
from schemas.nonces import Nonces, Seen
from schemas.proof import Reason as Key

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = SigningKey.generate("wifip")
URI = "https://porte.example/nodes/wifip/events?a=1&b=2"
BODY = '{"text": "Où en est l\'atelier ?"}'.encode()


def known(key_id: str) -> PublicKey | Key:
    return KEY.public if key_id == KEY.key_id else Key.KEY_UNKNOWN


def post(fields: Mapping[str, str] | None = None, method: str = "POST", uri: str = URI) -> UnverifiedHead:
    said = fields if fields is not None else signed_fields(KEY, "POST", URI, NOW, "application/json", BODY)
    return UnverifiedHead(method, uri, [(name.lower(), value) for name, value in said.items()])


def custom(parameters: Mapping[str, object], *, without: str = "", more: tuple[str, ...] = ()) -> UnverifiedHead:
    """A rightly signed request whose parameters or components are of the test's choosing."""
    said = {"content-type": "application/json", "content-digest": content_digest.content_digest(BODY)}
    head = UnverifiedHead("POST", URI, list(said.items()))
    usual = {"created": int(NOW.timestamp()), "expires": int(NOW.timestamp()) + 60, "nonce": "n" * 24, "keyid": KEY.key_id}
    chosen = {name: value for name, value in {**usual, **parameters}.items() if value is not None}
    made = sign(head, [name for name in (*ORDER, *more) if name != without], chosen, KEY)
    return UnverifiedHead("POST", URI, [*said.items(), *((name.lower(), value) for name, value in made.items())])


def judged(head: UnverifiedHead, nonces: Nonces | None = None, now: datetime = NOW) -> SignedHead | Rejection:
    return verify_head(head, WITH_BODY, known, nonces or Nonces(), now)


def test_what_we_sign_we_believe() -> None:
    proved = judged(post())
    assert isinstance(proved, SignedHead)
    assert verify_body(proved, BODY) == VerifiedRequest(KEY.key_id, BODY)


def test_a_request_without_a_body_needs_no_digest_and_takes_none_unsigned() -> None:
    head = UnverifiedHead("GET", URI, [(n.lower(), v) for n, v in signed_fields(KEY, "GET", URI, NOW).items()])
    proved = verify_head(head, BARE, known, Nonces(), NOW)
    assert isinstance(proved, SignedHead)
    assert verify_body(proved, b"") == VerifiedRequest(KEY.key_id, b"")
    assert verify_body(proved, b"x") == Rejection(Reason.DIGEST_MISSING)


def test_a_signature_is_taken_once_and_forgotten_when_it_has_run_out() -> None:
    nonces, head = Nonces(), post()
    assert isinstance(judged(head, nonces), SignedHead)
    assert judged(head, nonces, NOW + timedelta(seconds=59)) == Rejection(Reason.REPLAYED)
    assert judged(head, nonces, NOW + timedelta(seconds=61)) == Rejection(Reason.EXPIRED)


def test_a_forged_signature_uses_up_nobody_s_nonce() -> None:
    nonces, head = Nonces(), post()
    forged = [(name, "sig1=:" + "A" * 86 + "==:" if name == "signature" else value) for name, value in head.fields]
    assert judged(UnverifiedHead(head.method, head.target_uri, forged), nonces) == Rejection(Reason.INVALID)
    assert isinstance(judged(head, nonces), SignedHead)


def test_one_key_that_fills_its_memory_leaves_the_others_theirs_and_gets_room_again() -> None:
    nonces = Nonces(limit=2)
    seen = [nonces.take("a", name, 60.0, 0.0) for name in ("x", "y", "z")]
    assert seen == [Seen.FRESH, Seen.FRESH, Seen.FULL]
    assert nonces.take("b", "x", 60.0, 0.0) is Seen.FRESH
    assert nonces.take("a", "z", 200.0, 120.0) is Seen.FRESH


def test_a_key_whose_signatures_have_all_run_out_takes_no_memory_and_one_that_lives_keeps_what_it_has() -> None:
    nonces = Nonces()
    for number in range(1_000):
        assert nonces.take(f"https://peer.example/users/alice#{number}", "x", 300.0, 0.0) is Seen.FRESH
    assert nonces.take("living", "x", 700.0, 300.0) is Seen.FRESH
    assert nonces.keys == 1_001
    assert nonces.take("living", "y", 700.0, 400.0) is Seen.FRESH
    assert nonces.keys == 1
    assert nonces.take("living", "x", 700.0, 400.0) is Seen.REPLAYED


def test_a_key_that_is_refused_for_what_it_sends_again_takes_no_more_memory() -> None:
    nonces = Nonces(limit=0)
    assert nonces.take("a", "x", 60.0, 0.0) is Seen.FULL
    assert nonces.keys == 0


@pytest.mark.parametrize("name", ORDER)
def test_each_component_that_we_ask_for_must_be_covered(name: str) -> None:
    assert judged(custom({}, without=name)) == Rejection(Reason.NOT_COVERED, name)


@pytest.mark.parametrize("name", ["created", "expires", "nonce", "keyid"])
def test_each_parameter_that_we_ask_for_must_be_there(name: str) -> None:
    assert judged(custom({name: None})) == Rejection(Reason.PARAMETER_MISSING, name)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"created": int(NOW.timestamp()) - 301, "expires": int(NOW.timestamp()) + 60}, Reason.TOO_OLD),
        ({"created": int(NOW.timestamp()) + 301, "expires": int(NOW.timestamp()) + 400}, Reason.IN_FUTURE),
        ({"expires": int(NOW.timestamp()) - 1, "created": int(NOW.timestamp()) - 60}, Reason.EXPIRED),
        ({"expires": int(NOW.timestamp()) + 10, "created": int(NOW.timestamp()) + 20}, Reason.EXPIRED),
        ({"alg": "rsa-v1_5-sha256"}, Reason.ALGORITHM_MISMATCH),
        ({"alg": "hmac-sha256"}, Reason.ALGORITHM_MISMATCH),
        ({"alg": "ed25519"}, None),
        ({"created": True}, Reason.PARAMETER_MALFORMED),
        ({"expires": "soon"}, Reason.PARAMETER_MALFORMED),
        ({"nonce": "short"}, Reason.PARAMETER_MALFORMED),
        ({"keyid": "another#key"}, Key.KEY_UNKNOWN),
        ({"of-tomorrow": 1}, Reason.PARAMETER_UNKNOWN),
        ({"tag": "web"}, None),
    ],
)
def test_each_parameter_is_judged_by_name(parameters: dict[str, object], reason: str | None) -> None:
    found = judged(custom(parameters))
    assert (found.reason if isinstance(found, Rejection) else None) == reason


@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("PUT", URI),
        ("POST", "https://porte.example/nodes/wifip/receipts?a=1&b=2"),
        ("POST", "https://porte.example/nodes/wifip/events?a=1"),
        ("POST", "https://porte.example/nodes/wifip/events?b=2&a=1"),
        ("POST", "https://autre.example/nodes/wifip/events?a=1&b=2"),
        ("POST", "http://porte.example/nodes/wifip/events?a=1&b=2"),
    ],
)
def test_another_method_target_or_server_is_another_message(method: str, uri: str) -> None:
    assert judged(post(method=method, uri=uri)) == Rejection(Reason.INVALID)


def test_two_signatures_are_one_too_many() -> None:
    head = post()
    doubled = [*head.fields, ("signature-input", "sig2=();created=1"), ("signature", "sig2=:AAAA:")]
    assert judged(UnverifiedHead("POST", URI, doubled)) == Rejection(Reason.AMBIGUOUS)


def test_a_label_said_twice_is_refused() -> None:
    head = post()
    doubled = [*head.fields, *[(name, value) for name, value in head.fields if name == "signature-input"]]
    found = judged(UnverifiedHead("POST", URI, doubled))
    assert isinstance(found, Rejection)
    assert found.reason == Reason.MALFORMED


def test_a_covered_field_that_comes_several_times_is_joined_as_its_signer_joined_it() -> None:
    base = UnverifiedHead("POST", URI, [("x-part", "un"), ("x-part", " deux ")])
    joined = UnverifiedHead("POST", URI, [("x-part", "un, deux")])
    parameters = {"created": int(NOW.timestamp())}
    assert sign(base, ["x-part"], parameters, KEY) == sign(joined, ["x-part"], parameters, KEY)


def test_a_field_that_may_stand_once_is_refused_twice_even_when_it_says_the_same() -> None:
    head = post()
    assert judged(UnverifiedHead("POST", URI, [*head.fields, ("content-type", "application/json")])) == Rejection(
        Reason.FIELD_REPEATED, "content-type"
    )


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ('"@method" "@method"', Reason.COMPONENT_REPEATED),
        ('"@method";req', Reason.COMPONENT_UNKNOWN),
        ('"@status"', Reason.COMPONENT_UNKNOWN),
        ('"Content-Type"', Reason.COMPONENT_UNKNOWN),
        ('"@target-uri";sf', Reason.COMPONENT_UNKNOWN),
        ("method", Reason.COMPONENT_UNKNOWN),
        ('"x-absent"', Reason.FIELD_MISSING),
    ],
)
def test_strange_components_are_refused_by_name(listed: str, reason: Reason) -> None:
    head = post()
    all_of = " ".join(f'"{name}"' for name in ORDER if name not in listed)
    fields = [
        (name, value.replace(value[: value.index(")") + 1], f"sig1=({listed} {all_of})") if name == "signature-input" else value)
        for name, value in head.fields
    ]
    found = judged(UnverifiedHead("POST", URI, fields))
    assert isinstance(found, Rejection)
    assert found.reason == reason


def test_the_port_of_the_scheme_is_no_part_of_the_authority() -> None:
    parameters = {"created": 1}
    plain, long = (UnverifiedHead("GET", f"https://{host}/a", []) for host in ("porte.example", "PORTE.example:443"))
    assert sign(plain, ["@authority"], parameters, KEY) == sign(long, ["@authority"], parameters, KEY)
    other = UnverifiedHead("GET", "https://porte.example:8443/a", [])
    assert sign(plain, ["@authority"], parameters, KEY) != sign(other, ["@authority"], parameters, KEY)


def test_the_401_says_what_is_wanted_as_a_field_that_can_be_read() -> None:
    [(listed, wished)] = structured.dictionary(WITH_BODY.accepted()).values()
    assert [name for name, _ in listed] == list(ORDER)
    assert wished == {"keyid": True, "created": True, "expires": True, "nonce": True}


@given(place=some.integers(min_value=0), which=some.sampled_from(["signature-input", "signature", "content-digest"]))
def test_one_altered_character_is_refused(place: int, which: str) -> None:
    head = post()
    value = dict(head.fields)[which]
    spot = place % len(value)
    altered = value[:spot] + chr(ord(value[spot]) ^ 1) + value[spot + 1 :]
    found = judged(UnverifiedHead("POST", URI, [(name, altered if name == which else said) for name, said in head.fields]))
    refused = isinstance(found, Rejection) or isinstance(verify_body(found, BODY), Rejection)
    assert refused


@given(said=some.text(), signature=some.text())
def test_whatever_the_fields_say_the_answer_is_a_rejection(said: str, signature: str) -> None:
    fields = [*post().fields[:2], ("signature-input", said), ("signature", signature)]
    assert isinstance(judged(UnverifiedHead("POST", URI, fields)), Rejection)


@given(raw=some.text(alphabet='abz01=:;,()"\\ ?@%.-*', max_size=60))
def test_reading_a_field_raises_its_own_error_alone(raw: str) -> None:
    try:
        structured.dictionary(raw)
    except structured.FieldMalformed:
        return


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("sha-256=:AAAA:", content_digest.DigestFault.MISMATCH),
        ("md5=:AAAA:", content_digest.DigestFault.UNSUPPORTED),
        ("sha-256=abc", content_digest.DigestFault.MALFORMED),
        ("sha-256", content_digest.DigestFault.MALFORMED),
        ("", content_digest.DigestFault.MALFORMED),
        (content_digest.content_digest(BODY) + ", sha-512=:AAAA:", content_digest.DigestFault.MISMATCH),
        (content_digest.content_digest(BODY) + ", md5=:AAAA:", None),
        (content_digest.content_digest(BODY)[:-3], content_digest.DigestFault.MALFORMED),
    ],
)
def test_every_digest_that_we_know_must_agree(field: str, fault: content_digest.DigestFault | None) -> None:
    assert content_digest.fault(field, BODY) is fault
