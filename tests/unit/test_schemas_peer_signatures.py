"""RFC 9421 as servers that others wrote use it: what we ask of them, and which of several signatures counts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas import structured
from schemas.cavage import signed_fields as signed_with_cavage
from schemas.content_digest import DigestFault, content_digest
from schemas.http_signature import (
    OF_PEERS,
    OF_PEERS_WITH_BODY,
    Demands,
    Reason,
    Rejection,
    SignedHead,
    UnverifiedHead,
    VerifiedRequest,
    key_id_of,
    sign,
    signed_fields,
    verify_body,
    verify_head,
)
from schemas.media_types import ACTIVITY_JSON, LD_JSON, holds_activity
from schemas.nonces import Nonces
from schemas.proof import Reason as Key
from tests.fakes_peers import BODY, INBOX, NOW, ed25519_key, head_of, rsa_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from schemas.http_signature import VerifyingKey
    from schemas.keys import SigningKey
    from schemas.rsa_keys import RsaSigningKey

RSA, ED25519, STRANGER = rsa_key(), ed25519_key(), ed25519_key("https://autre.example/users/x")
KEYS = {key.key_id: key.public for key in (RSA, ED25519, STRANGER)}
SECONDS = int(NOW.timestamp())
LEAST = ("@method", "@target-uri", "content-digest")
SAID = {
    "content-type": ACTIVITY_JSON,
    "content-digest": content_digest(BODY),
    "host": "porte.example",
    "date": "Sun, 22 Nov 2026 12:00:00 GMT",
}
asked: list[str] = []


def find(key_id: str) -> VerifyingKey | Key:
    asked.append(key_id)
    return KEYS.get(key_id, Key.KEY_UNKNOWN)


def judged(head: UnverifiedHead, demands: Demands = OF_PEERS_WITH_BODY, now: datetime = NOW) -> SignedHead | Rejection:
    return verify_head(head, demands, find, Nonces(), now)


def reason_of(found: SignedHead | VerifiedRequest | Rejection) -> str | None:
    return found.reason if isinstance(found, Rejection) else None


def signature(
    components: Sequence[str] = LEAST,
    key: RsaSigningKey | SigningKey = RSA,
    label: str = "sig1",
    parameters: Mapping[str, object] | None = None,
) -> tuple[str, str]:
    """A right signature: the members of Signature-Input and Signature."""
    usual = {"created": SECONDS, "keyid": key.key_id}
    chosen = {name: value for name, value in {**usual, **(parameters or {})}.items() if value is not None}
    made = sign(UnverifiedHead("POST", INBOX, list(SAID.items())), components, chosen, key, label)
    return made["Signature-Input"], made["Signature"]


def bearing(*signatures: tuple[str, str], uri: str = INBOX, method: str = "POST", **fields: str) -> UnverifiedHead:
    """A request that bears these signatures."""
    inputs, values = zip(*signatures, strict=True)
    return head_of({**SAID, **fields, "signature-input": ", ".join(inputs), "signature": ", ".join(values)}, method, uri)


def broken(one: tuple[str, str]) -> tuple[str, str]:
    """The same claim with another signature's bytes."""
    return one[0], f"{one[1].partition('=')[0]}=:{'A' * 342}==:"


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_what_we_sign_for_peers_is_what_we_ask_of_them(key: RsaSigningKey | SigningKey) -> None:
    head = head_of(signed_fields(key, "POST", INBOX, NOW, LD_JSON, BODY))
    proved = judged(head)
    assert isinstance(proved, SignedHead)
    assert verify_body(proved, BODY) == VerifiedRequest(key.key_id, BODY)
    got = head_of(signed_fields(key, "GET", f"{INBOX}#fragment", NOW), "GET")
    assert isinstance(judged(got, OF_PEERS), SignedHead)


MASTODON = signature(LEAST)
FEDIFY = signature(("@method", "@target-uri", "@authority", "host", "date", "content-digest"))


@pytest.mark.parametrize(
    "one",
    [
        MASTODON,
        FEDIFY,
        signature(LEAST[::-1], parameters={"nonce": "n" * 20, "tag": "activitypub", "alg": "rsa-v1_5-sha256"}),
        signature((*LEAST, "content-type"), ED25519, label="ed"),
    ],
)
def test_what_the_fediverse_sends_passes(one: tuple[str, str]) -> None:
    assert isinstance(judged(bearing(one)), SignedHead)


def test_the_order_in_which_fedify_writes_its_parameters_is_the_one_that_is_signed() -> None:
    components = ["@method", "@target-uri", "@authority", "host", "date", "content-digest"]
    parameters = {"alg": "rsa-v1_5-sha256", "keyid": RSA.key_id, "created": SECONDS}
    made = sign(UnverifiedHead("POST", INBOX, list(SAID.items())), components, parameters, RSA)
    assert made["Signature-Input"].endswith(f'"content-digest");alg="rsa-v1_5-sha256";keyid="{RSA.key_id}";created={SECONDS}')
    assert isinstance(judged(bearing((made["Signature-Input"], made["Signature"]))), SignedHead)


@pytest.mark.parametrize("name", LEAST)
def test_each_component_that_we_ask_for_must_be_covered(name: str) -> None:
    assert judged(bearing(signature([one for one in LEAST if one != name]))) == Rejection(Reason.NOT_COVERED, name)


@pytest.mark.parametrize("name", ["created", "keyid"])
def test_each_parameter_that_we_ask_for_must_be_there(name: str) -> None:
    assert judged(bearing(signature(parameters={name: None}))) == Rejection(Reason.PARAMETER_MISSING, name)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"created": SECONDS - 301}, Reason.TOO_OLD),
        ({"created": SECONDS - 299}, None),
        ({"created": SECONDS + 301}, Reason.IN_FUTURE),
        ({"expires": SECONDS}, Reason.EXPIRED),
        ({"expires": SECONDS + 1}, None),
        ({"alg": "hmac-sha256"}, Reason.ALGORITHM_MISMATCH),
        ({"alg": "rsa-pss-sha512"}, Reason.ALGORITHM_MISMATCH),
        ({"alg": "ed25519"}, Reason.ALGORITHM_MISMATCH),
        ({"alg": "rsa-v1_5-sha256"}, None),
        ({"audience": "x"}, Reason.PARAMETER_UNKNOWN),
        ({"tag": 1}, Reason.PARAMETER_MALFORMED),
        ({"keyid": "https://pair.example/autre"}, Key.KEY_UNKNOWN),
    ],
)
def test_each_parameter_is_judged_by_name(parameters: dict[str, object], reason: str | None) -> None:
    assert reason_of(judged(bearing(signature(parameters=parameters)))) == reason


@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("PUT", INBOX),
        ("POST", INBOX.replace("de=pair", "de=autre")),
        ("POST", INBOX.partition("?")[0]),
        ("POST", INBOX.replace("porte.", "autre.")),
        ("POST", INBOX.replace("https", "http")),
    ],
)
def test_another_method_target_or_query_is_another_message(method: str, uri: str) -> None:
    assert judged(bearing(MASTODON, method=method, uri=uri)) == Rejection(Reason.INVALID)


def test_a_legacy_digest_says_nothing_beside_rfc_9421() -> None:
    lying = bearing(MASTODON, digest="SHA-256=" + "A" * 43 + "=")
    proved = judged(lying)
    assert isinstance(proved, SignedHead)
    assert isinstance(verify_body(proved, BODY), VerifiedRequest)
    swapped = bearing(MASTODON, digest=signed_with_cavage(RSA, "POST", INBOX, NOW, ACTIVITY_JSON, b"{}")["Digest"])
    found = judged(swapped)
    assert isinstance(found, SignedHead)
    assert verify_body(found, b"{}") == Rejection(DigestFault.MISMATCH)


# --- several signatures -----------------------------------------------------------------------------------------------

BARE = signature(("@method",), STRANGER, "proxy")


def test_the_first_label_that_covers_what_we_ask_counts_whatever_stands_beside_it() -> None:
    for others in ([BARE, MASTODON], [MASTODON, BARE], [BARE, MASTODON, signature(key=STRANGER, label="late")]):
        proved = judged(bearing(*others))
        assert isinstance(proved, SignedHead)
        assert proved.key_id == RSA.key_id
        assert key_id_of(bearing(*others), OF_PEERS_WITH_BODY) == RSA.key_id


@pytest.mark.parametrize("second", [signature(key=STRANGER, label="sig2"), signature(key=ED25519, label="sig2"), BARE])
def test_a_good_second_signature_never_covers_for_a_bad_one(second: tuple[str, str]) -> None:
    assert judged(bearing(broken(MASTODON), second)) == Rejection(Reason.INVALID)


def test_whether_a_signature_holds_has_no_part_in_the_choice_and_one_key_is_asked_for() -> None:
    asked.clear()
    judged(bearing(broken(MASTODON), signature(key=ED25519, label="sig2")))
    judged(bearing(signature(parameters={"keyid": "https://pair.example/inconnue"}), signature(key=ED25519, label="sig2")))
    assert asked == [RSA.key_id, "https://pair.example/inconnue"]


def test_where_no_label_covers_what_we_ask_the_first_is_refused_by_name() -> None:
    found = judged(bearing(BARE, signature(("@target-uri",), label="sig2")))
    assert found == Rejection(Reason.NOT_COVERED, "@target-uri, content-digest")


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ('"@method";req "@target-uri" "content-digest"', Reason.COMPONENT_UNKNOWN),
        ('"@method" "@target-uri" "content-digest";sf', Reason.COMPONENT_UNKNOWN),
        ('"@method" "@target-uri" "content-digest";bs', Reason.COMPONENT_UNKNOWN),
        ('"@method" "@target-uri" "content-digest" "@query-param";name="de"', Reason.COMPONENT_UNKNOWN),
        ('"@method" "@target-uri" "content-digest" "@status"', Reason.COMPONENT_UNKNOWN),
        ('"@method" "@target-uri" "content-digest" "@signature-params"', Reason.COMPONENT_UNKNOWN),
        ('"@method" "@target-uri" "content-digest" "@target-uri"', Reason.COMPONENT_REPEATED),
        ('"@method" "@target-uri" "content-digest" "x-absent"', Reason.FIELD_MISSING),
        ('"@method" "@target-uri" "content-digest" "Host"', Reason.COMPONENT_UNKNOWN),
    ],
)
def test_strange_components_are_refused_by_name(listed: str, reason: Reason) -> None:
    said = f'sig1=({listed});created={SECONDS};keyid="{RSA.key_id}"'
    assert reason_of(judged(bearing((said, MASTODON[1])))) == reason


@pytest.mark.parametrize(
    ("inputs", "values", "reason"),
    [
        (MASTODON[0], f"sig1={MASTODON[1][5:]}, {MASTODON[1]}", Reason.MALFORMED),
        (f"{MASTODON[0]}, {MASTODON[0]}", MASTODON[1], Reason.MALFORMED),
        (f"{MASTODON[0]};created={SECONDS}", MASTODON[1], Reason.MALFORMED),
        (f"{MASTODON[0]}, {BARE[0]}", BARE[1], Reason.AMBIGUOUS),
        (MASTODON[0], MASTODON[1].replace("sig1", "sig2"), Reason.AMBIGUOUS),
        (f"{BARE[0]}, sig1", f"{BARE[1]}, {MASTODON[1]}", Reason.NOT_COVERED),
        (f"{MASTODON[0]}, {BARE[0]}", f"{MASTODON[1]};x=1, {BARE[1]}", Reason.MALFORMED),
        (f"{MASTODON[0]}, {BARE[0]}", f'sig1="text", {BARE[1]}', Reason.MALFORMED),
        (f"{MASTODON[0]}, {BARE[0]}", f"{MASTODON[1][:-3]}=:, {BARE[1]}", Reason.MALFORMED),
        (", ".join(MASTODON[0].replace("sig1", f"s{n}") for n in range(9)), "s0=:AA==:, s1=:AA==:", Reason.AMBIGUOUS),
        (", ".join(f"s{n}=()" for n in range(9)), ", ".join(f"s{n}=:AA==:" for n in range(9)), Reason.AMBIGUOUS),
        ("", MASTODON[1], Reason.MALFORMED),
    ],
)
def test_labels_that_do_not_fit_each_other_are_refused(inputs: str, values: str, reason: Reason) -> None:
    assert reason_of(judged(bearing((inputs, values)))) == reason


def test_a_digest_that_comes_in_several_fields_is_joined_as_its_signer_joined_it() -> None:
    twice = [("content-digest", content_digest(BODY)), ("content-digest", "sha-512=:AAAA:")]
    head = UnverifiedHead("POST", INBOX, twice)
    made = sign(head, LEAST, {"created": SECONDS, "keyid": RSA.key_id}, RSA)
    proved = judged(UnverifiedHead("POST", INBOX, [*twice, *((name.lower(), value) for name, value in made.items())]))
    assert isinstance(proved, SignedHead)
    assert verify_body(proved, BODY) == Rejection(DigestFault.MISMATCH)


def test_the_key_id_is_known_before_any_key_and_only_of_a_claim_that_could_pass() -> None:
    asked.clear()
    assert key_id_of(bearing(broken(MASTODON)), OF_PEERS_WITH_BODY) == RSA.key_id
    assert reason_of(verify_head(bearing(BARE), OF_PEERS_WITH_BODY, find, Nonces(), NOW)) == Reason.NOT_COVERED
    assert isinstance(key_id_of(bearing(BARE), OF_PEERS_WITH_BODY), Rejection)
    assert isinstance(key_id_of(head_of(SAID), OF_PEERS_WITH_BODY), Rejection)
    assert asked == []


def test_the_401_tells_a_peer_what_is_wanted() -> None:
    [(listed, wished)] = structured.dictionary(OF_PEERS_WITH_BODY.accepted()).values()
    assert [name for name, _ in listed] == list(LEAST)
    assert wished == {"keyid": True, "created": True}
    assert OF_PEERS.accepted() == 'sig1=("@method" "@target-uri");keyid;created'


def test_a_signature_is_good_for_five_minutes() -> None:
    assert isinstance(judged(bearing(MASTODON), now=NOW + timedelta(seconds=299)), SignedHead)
    assert reason_of(judged(bearing(MASTODON), now=NOW + timedelta(seconds=300))) == Reason.EXPIRED


HEADS = {"mastodon": bearing(MASTODON), "two": bearing(BARE, signature(key=ED25519, label="sig2"))}


@given(
    place=some.integers(0),
    bit=some.integers(0, 6),
    which=some.sampled_from(["signature-input", "signature", "content-digest"]),
    of=some.sampled_from(sorted(HEADS)),
)
def test_one_changed_bit_is_refused_or_is_in_a_signature_that_does_not_count(place: int, bit: int, which: str, of: str) -> None:
    head = HEADS[of]
    value = dict(head.fields)[which]
    spot = place % len(value)
    altered = value[:spot] + chr(ord(value[spot]) ^ (1 << bit)) + value[spot + 1 :]
    found = judged(head_of({**dict(head.fields), which: altered}))
    if isinstance(found, SignedHead) and not isinstance(verify_body(found, BODY), Rejection):
        assert of == "two"
        assert altered.endswith(value[value.index("sig2=") :])
        assert found.key_id == ED25519.key_id


@given(some.text(max_size=60), some.text(alphabet='abz01=:;,()"\\ ?@%.-*', max_size=60))
def test_whatever_the_fields_say_the_answer_is_a_rejection(said: str, likely: str) -> None:
    for text in (said, likely):
        assert isinstance(judged(bearing((text, MASTODON[1]))), Rejection)
        assert isinstance(judged(bearing((MASTODON[0], text))), Rejection)
        assert isinstance(key_id_of(bearing((text, text)), OF_PEERS), Rejection | str)


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (ACTIVITY_JSON, True),
        (LD_JSON, True),
        ('application/ld+json;charset=utf-8;profile="https://www.w3.org/ns/activitystreams"', True),
        ('application/ld+json; profile="https://example.org/p https://www.w3.org/ns/activitystreams"', True),
        ('Application/Activity+JSON ; Charset="UTF-8"', True),
        ("application/ld+json", False),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams#"', False),
        ("application/json", False),
        ("text/html", False),
        ("application/activity+json; charset=iso-8859-1", False),
        ("application/activity+json; charset=utf-8; charset=utf-8", False),
        ("application/activity+json, text/html", False),
        ("application/activity+json; " + "x=y; " * 200, False),
        ("", False),
    ],
)
def test_the_types_of_activitypub_are_told_from_all_others(said: str, *, taken: bool) -> None:
    assert holds_activity(said) is taken


@given(some.text(max_size=60), some.text(alphabet='application/activity+ld json;charset=utf-8"', max_size=60))
def test_any_content_type_is_judged_without_an_error(said: str, likely: str) -> None:
    assert holds_activity(said) in {True, False}
    assert holds_activity(f"{ACTIVITY_JSON};{likely}") in {True, False}
