"""The fediverse's older signatures: what is believed, and what each refusal is called."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas import cavage
from schemas.cavage import OF_PEERS, OF_PEERS_WITH_BODY, CavageReason, signed_fields
from schemas.content_digest import DigestFault
from schemas.http_signature import Reason, Rejection, SignedHead, UnverifiedHead, VerifiedRequest, verify_body
from schemas.proof import Reason as Key
from tests.fakes_peers import BODY, INBOX, INES, NOW, ed25519_key, head_of, rsa_key

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.http_signature import VerifyingKey

KEY = rsa_key()
USUAL = "(request-target) host date digest"
SIGNED = signed_fields(KEY, "POST", INBOX, NOW, "application/activity+json", BODY)
SECONDS = int(NOW.timestamp())


def find(key_id: str) -> VerifyingKey | Key:
    return KEY.public if key_id == KEY.key_id else Key.KEY_UNKNOWN


def judged(head: UnverifiedHead, demands: cavage.Demands = OF_PEERS_WITH_BODY, now: datetime = NOW) -> SignedHead | Rejection:
    return cavage.verify_head(head, demands, find, now)


def reason_of(found: SignedHead | VerifiedRequest | Rejection) -> str | None:
    return found.reason if isinstance(found, Rejection) else None


def by_hand(
    components: str = USUAL, *, parameters: str = "", uri: str = INBOX, more: tuple[tuple[str, str], ...] = (), **fields: str
) -> UnverifiedHead:
    """A rightly signed request whose components, parameters and fields are of the test's choosing."""
    said = {**{name.lower(): value for name, value in SIGNED.items() if name != "Signature"}, **fields}
    head = UnverifiedHead("POST", uri, [*((name, value) for name, value in said.items() if value), *more])
    found = dict(part.split("=") for part in parameters.split(",") if part)
    base = cavage._base(head, components.lower().split(" "), found.get("created"), found.get("expires"))
    signature = base64.b64encode(KEY.sign(base)).decode()
    written = f'keyId="{KEY.key_id}",headers="{components}",signature="{signature}"' + (f",{parameters}" if parameters else "")
    return UnverifiedHead("POST", uri, [*head.fields, ("signature", written)])


def test_what_we_sign_is_believed_and_binds_the_body() -> None:
    proved = judged(head_of(SIGNED))
    assert isinstance(proved, SignedHead)
    assert verify_body(proved, BODY) == VerifiedRequest(KEY.key_id, BODY)
    assert verify_body(proved, BODY + b" ") == Rejection(DigestFault.MISMATCH)
    assert proved.until == (NOW + cavage.WINDOW).timestamp()


@pytest.mark.parametrize(
    ("components", "parameters", "ends"),
    [
        (USUAL, f"expires={SECONDS + 60}", 300),
        (USUAL, f"created={SECONDS - 90}", 300),
        (USUAL, f"created={SECONDS - 90},expires={SECONDS + 60}", 300),
        (USUAL + " (expires)", f"created={SECONDS - 90},expires={SECONDS + 60}", 60),
        (USUAL + " (created)", f"created={SECONDS - 90},expires={SECONDS + 60}", 210),
        ("(request-target) host digest (created)", f"created={SECONDS - 90},expires={SECONDS + 60}", 210),
    ],
)
def test_until_when_a_signature_is_remembered_is_said_by_what_it_covers_alone(components: str, parameters: str, ends: int) -> None:
    proved = judged(by_hand(components, parameters=parameters))
    assert isinstance(proved, SignedHead)
    assert proved.until == SECONDS + ends


def test_a_request_without_a_body_needs_no_digest() -> None:
    head = head_of(signed_fields(KEY, "GET", INBOX, NOW), "GET")
    proved = judged(head, OF_PEERS)
    assert isinstance(proved, SignedHead)
    assert verify_body(proved, b"") == VerifiedRequest(KEY.key_id, b"")
    assert verify_body(proved, b"x") == Rejection(Reason.DIGEST_MISSING)


@pytest.mark.parametrize("label", ["rsa-sha256", "hs2019", "rsa-sha512", "hmac-sha256", "ed25519", ""])
def test_the_label_of_an_algorithm_changes_nothing(label: str) -> None:
    fields = {**SIGNED, "Signature": SIGNED["Signature"].replace('"rsa-sha256"', f'"{label}"')}
    assert isinstance(judged(head_of(fields)), SignedHead)


def test_an_ed25519_key_signs_under_any_label_too() -> None:
    key = ed25519_key()
    head = by_hand()
    base = cavage._base(head, USUAL.split(" "), None, None)
    written = f'algorithm="rsa-sha256",signature="{base64.b64encode(key.sign(base)).decode()}",headers="{USUAL}",keyId="{key.key_id}"'
    signed = UnverifiedHead("POST", INBOX, [*(one for one in head.fields if one[0] != "signature"), ("signature", written)])
    assert isinstance(cavage.verify_head(signed, OF_PEERS_WITH_BODY, lambda _: key.public, NOW), SignedHead)
    assert reason_of(cavage.verify_head(signed, OF_PEERS_WITH_BODY, lambda _: KEY.public, NOW)) == Reason.INVALID


@pytest.mark.parametrize("name", USUAL.split(" "))
def test_each_component_that_we_ask_for_must_be_signed(name: str) -> None:
    assert judged(by_hand(" ".join(one for one in USUAL.split(" ") if one != name))) == Rejection(Reason.NOT_COVERED, name)


@pytest.mark.parametrize(
    ("method", "uri", "reason"),
    [
        ("GET", INBOX, Reason.INVALID),
        ("POST", "https://porte.example/groups/autres/inbox?de=pair", Reason.INVALID),
        ("POST", "https://porte.example/groups/ateliers/inbox", Reason.INVALID),
        ("POST", "https://porte.example/groups/ateliers/inbox?de=autre", Reason.INVALID),
        ("POST", "https://autre.example/groups/ateliers/inbox?de=pair", CavageReason.HOST_MISMATCH),
    ],
)
def test_another_method_target_or_server_is_another_message(method: str, uri: str, reason: str) -> None:
    assert reason_of(judged(head_of(SIGNED, method, uri))) == reason


@pytest.mark.parametrize(
    ("ours", "said", "taken"),
    [
        ("porte.example", "porte.example", True),
        ("porte.example", "PORTE.example", True),
        ("porte.example", "porte.example:443", True),
        ("porte.example:8443", "porte.example:8443", True),
        ("porte.example:8443", "porte.example", True),
        ("porte.example:8443", "porte.example:443", False),
        ("porte.example", "porte.example:80", False),
        ("porte.example", "porte.example.autre.example", False),
        ("porte.example", "autre.example", False),
    ],
)
def test_the_host_is_ours_with_or_without_its_port(ours: str, said: str, *, taken: bool) -> None:
    found = judged(by_hand(uri=f"https://{ours}/inbox", host=said))
    assert reason_of(found) == (None if taken else CavageReason.HOST_MISMATCH)


@pytest.mark.parametrize(
    ("components", "parameters", "reason"),
    [
        ("(request-target) host (created) digest", f"created={SECONDS}", None),
        ("(request-target) host (created) (expires) digest", f"created={SECONDS},expires={SECONDS + 9}.5", None),
        ("(request-target) host (created) digest", f"created={SECONDS - 301}", Reason.TOO_OLD),
        ("(request-target) host (created) digest", f"created={SECONDS + 301}", Reason.IN_FUTURE),
        ("(request-target) host (created) (expires) digest", f"created={SECONDS - 9},expires={SECONDS - 1}", Reason.EXPIRED),
        (USUAL, f"created={SECONDS + 301}", Reason.IN_FUTURE),
        (USUAL, f"expires={SECONDS - 1}", Reason.EXPIRED),
        (USUAL, "created=-1", Reason.PARAMETER_MALFORMED),
        (USUAL, "expires=bientot", Reason.PARAMETER_MALFORMED),
        (USUAL, "version=2", None),
    ],
)
def test_created_and_expires_are_honoured_and_created_may_stand_for_the_date(components: str, parameters: str, reason: str | None) -> None:
    assert reason_of(judged(by_hand(components, parameters=parameters))) == reason


@pytest.mark.parametrize("name", ["created", "expires"])
def test_a_moment_that_is_signed_must_be_said(name: str) -> None:
    fields = {**SIGNED, "Signature": SIGNED["Signature"].replace(" date ", f" date ({name}) ")}
    assert judged(head_of(fields)) == Rejection(Reason.PARAMETER_MISSING, name)


def test_a_signature_is_good_for_five_minutes_before_and_after() -> None:
    head = head_of(SIGNED)
    assert isinstance(judged(head, now=NOW + timedelta(seconds=299)), SignedHead)
    assert isinstance(judged(head, now=NOW - timedelta(seconds=300)), SignedHead)
    assert judged(head, now=NOW + timedelta(seconds=301)) == Rejection(Reason.TOO_OLD)
    assert judged(head, now=NOW - timedelta(seconds=301)) == Rejection(Reason.IN_FUTURE)


@pytest.mark.parametrize("date", ["2026-11-22T12:00:00Z", "Sun, 22 Nov 2026 12:00:00 +0000", "Sun, 31 Feb 2026 12:00:00 GMT", "Sunday"])
def test_only_one_writing_of_a_date_is_read(date: str) -> None:
    assert judged(by_hand(date=date)) == Rejection(Reason.FIELD_MALFORMED, "date")


def digest_said(said: str) -> SignedHead | VerifiedRequest | Rejection:
    found = judged(by_hand(digest=said))
    return found if isinstance(found, Rejection) else verify_body(found, BODY)


RIGHT = SIGNED["Digest"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (RIGHT, None),
        (RIGHT.replace("SHA-256", "sha-256"), None),
        (RIGHT + ",unixsum=30637", None),
        ("MD5=AAAA, " + RIGHT, None),
        (RIGHT + ", SHA-512=AAAA", DigestFault.MISMATCH),
        (RIGHT + "," + RIGHT, DigestFault.MALFORMED),
        (RIGHT + ",sha-256=AAAA", DigestFault.MALFORMED),
        (RIGHT[:-2], DigestFault.MALFORMED),
        ("SHA-256=AAAA", DigestFault.MISMATCH),
        ("SHA-512=AAAA", DigestFault.UNSUPPORTED),
        ("SHA-256", DigestFault.MALFORMED),
        ("SHA-256=:AAAA:", DigestFault.MALFORMED),
    ],
)
def test_the_digest_is_that_of_the_body_and_no_algorithm_speaks_twice(said: str, reason: str | None) -> None:
    assert reason_of(digest_said(said)) == reason


@pytest.mark.parametrize(
    "key_id",
    [
        "https://pair.example/category/2#key",
        "https://pair.example/users/alice/main-key",
        "https://pair.example/?author=1#main-key",
        "https://pair.example/?a=1,b=2&c=(d)",
    ],
)
def test_every_shape_of_key_id_is_read(key_id: str) -> None:
    fields = {**SIGNED, "Signature": SIGNED["Signature"].replace(KEY.key_id, key_id)}
    assert cavage.key_id_of(head_of(fields), OF_PEERS_WITH_BODY) == key_id
    assert judged(head_of(fields)) == Rejection(Key.KEY_UNKNOWN)


def test_the_key_id_is_told_only_of_a_claim_that_could_pass() -> None:
    assert cavage.key_id_of(by_hand("(request-target) host date"), OF_PEERS_WITH_BODY) == Rejection(Reason.NOT_COVERED, "digest")
    assert cavage.key_id_of(UnverifiedHead("POST", INBOX, []), OF_PEERS_WITH_BODY) == Rejection(Reason.MISSING)


PARTS = SIGNED["Signature"].split(",")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_parameters_come_in_any_order_and_spaces_between_them_mean_nothing(order: tuple[int, ...]) -> None:
    for written in (",".join(PARTS[place] for place in order), " , ".join(PARTS[place].replace("=", " = ", 1) for place in order)):
        assert isinstance(judged(head_of({**SIGNED, "Signature": written})), SignedHead)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (",".join([*PARTS, PARTS[0]]), CavageReason.PARAMETER_REPEATED),
        (",".join([*PARTS, 'KEYID="x"']), CavageReason.PARAMETER_REPEATED),
        (",".join([*PARTS, 'x="1"', 'x="1"']), CavageReason.PARAMETER_REPEATED),
        (",".join(PARTS[1:]), Reason.PARAMETER_MISSING),
        (",".join(PARTS[:3]), Reason.PARAMETER_MISSING),
        (",".join([PARTS[0], PARTS[1], PARTS[3]]), Reason.NOT_COVERED),
        (",".join(PARTS).replace("host date", "host host date"), Reason.COMPONENT_REPEATED),
        (",".join(PARTS).replace("host date", "host  date"), Reason.COMPONENT_UNKNOWN),
        (",".join(PARTS).replace("host date", "host (status) date"), Reason.COMPONENT_UNKNOWN),
        (",".join(PARTS).replace("host date", "host x-absent date"), Reason.FIELD_MISSING),
        (",".join(PARTS)[:-1], Reason.MALFORMED),
        (",".join(PARTS)[:-3] + '"', Reason.PARAMETER_MALFORMED),
        (",".join(PARTS).replace('signature="', 'signature=" '), Reason.PARAMETER_MALFORMED),
        (" ".join(PARTS), Reason.MALFORMED),
        ("Signature " + ",".join(PARTS), Reason.MALFORMED),
        (",".join([*PARTS, "x" * 9000]), Reason.MALFORMED),
        (",".join([*PARTS, f'x="{"y" * 9000}"']), Reason.MALFORMED),
        (",".join([*PARTS, 'x="é"']), Reason.MALFORMED),
        (",".join([*PARTS, 'x="\x07"']), Reason.MALFORMED),
        (",".join(PARTS)[:-4] + "B" + ",".join(PARTS)[-3:], Reason.PARAMETER_MALFORMED),
        (",".join(PARTS).replace("host date", "host date " + " ".join(f"x{n}" for n in range(28))), Reason.FIELD_MISSING),
        (",".join(PARTS).replace("host date", "host date " + " ".join(f"x{n}" for n in range(29))), Reason.MALFORMED),
        ("", Reason.PARAMETER_MISSING),
    ],
)
def test_strange_signatures_are_refused_by_name(written: str, reason: str) -> None:
    assert reason_of(judged(head_of({**SIGNED, "Signature": written}))) == reason


def test_a_signature_stands_once_and_in_its_own_field() -> None:
    head = head_of(SIGNED)
    unsigned = [one for one in head.fields if one[0] != "signature"]
    signature = SIGNED["Signature"]
    assert judged(UnverifiedHead("POST", INBOX, [*head.fields, ("signature", signature)])) == Rejection(Reason.AMBIGUOUS)
    elsewhere = ("authorization", f"Signature {signature}")
    assert judged(UnverifiedHead("POST", INBOX, [*unsigned, elsewhere])) == Rejection(Reason.MISSING, "authorization")
    assert judged(UnverifiedHead("POST", INBOX, [*head.fields, elsewhere])) == Rejection(Reason.AMBIGUOUS)
    assert judged(UnverifiedHead("POST", INBOX, unsigned)) == Rejection(Reason.MISSING)


@pytest.mark.parametrize("name", ["host", "date", "content-type"])
def test_a_field_that_may_stand_once_is_refused_twice(name: str) -> None:
    head = head_of(SIGNED)
    doubled = [*head.fields, (name, dict(head.fields)[name])]
    assert judged(UnverifiedHead("POST", INBOX, doubled)) == Rejection(Reason.FIELD_REPEATED, name)


def test_fields_that_come_several_times_are_joined_and_their_edges_trimmed() -> None:
    more = (("x-part", " un"), ("x-part", "deux  trois\t"))
    head = by_hand(f"{USUAL} x-part", more=more)
    assert isinstance(judged(head), SignedHead)
    joined = [(name, "un, deux  trois" if name == "x-part" else value) for name, value in dict(head.fields).items()]
    assert isinstance(judged(UnverifiedHead("POST", INBOX, joined)), SignedHead)


def test_names_of_fields_may_be_in_capitals() -> None:
    assert isinstance(judged(by_hand("(request-target) Host Date Digest")), SignedHead)


@given(place=some.integers(min_value=0), bit=some.integers(0, 6), which=some.sampled_from(["signature", "digest", "date", "host"]))
def test_one_changed_bit_is_refused_or_changes_nothing_that_is_read(place: int, bit: int, which: str) -> None:
    value = dict(head_of(SIGNED).fields)[which]
    spot = place % len(value)
    altered = value[:spot] + chr(ord(value[spot]) ^ (1 << bit)) + value[spot + 1 :]
    head = head_of({**{name.lower(): said for name, said in SIGNED.items()}, which: altered})
    found = judged(head)
    if isinstance(found, SignedHead):  # the label of the algorithm, or a capital in the name of a field: nothing that is read
        assert cavage._read(head) == cavage._read(head_of(SIGNED))
        assert which == "signature"


@given(some.text(max_size=80), some.text('(request-tag)hosd ="",:/keyIdlrn0123456789', max_size=120))
def test_whatever_the_field_says_the_answer_is_a_rejection(said: str, likely: str) -> None:
    for written in (said, likely, f"{SIGNED['Signature']},{likely}"):
        found = judged(head_of({**SIGNED, "Signature": written}))
        assert isinstance(found, Rejection | SignedHead)


def test_a_name_in_the_key_is_that_of_its_owner() -> None:
    assert KEY.key_id == f"{INES}#main-key"
