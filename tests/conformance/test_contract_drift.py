"""Real payloads hold nothing that is not known or explained; what they do not know is counted by name, version and platform, never by value."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.discourse import ADAPTER as DISCOURSE
from adapters.discourse.contract import counted, strange
from adapters.drift import OTHER, UNTOLD, Drift, changed_values, version_in
from adapters.exo.contract import strange as strange_in_exo
from adapters.exo.reading import EVER
from adapters.gateway import Counter, application
from adapters.matrix import ADAPTER as MATRIX
from adapters.matrix.contract import strange as strange_in_matrix
from adapters.observed import GatewaySilent, drifts, exposition, paces
from adapters.port import AuthenticRequest, Nonsense, Reading, Strange, Unused, What
from adapters.settings import AdapterSettings
from adapters.sorting import Stored
from deploy.local.ports import free_port
from schemas.wire.telemetry import Health, Metric
from tests import fakes_discourse, fakes_exo, fakes_matrix
from tests.fakes_asgi import call
from tests.fakes_exo_twin import portal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.port import Outcome

PAYLOADS = Path(__file__).resolve().parents[3] / "shared" / "payloads"
with_payloads = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the real payloads are not beside this clone")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(["post", "events", "unsigned", "likes"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text(encoding="utf-8"))


def told(found: Iterable[Strange]) -> list[str]:
    return [f"{strange.what.value} {strange.name}" for strange in found]


@with_payloads
@pytest.mark.parametrize("name", ["like_post_liked", "post_edited_reply", "topic_created"])
def test_a_real_discourse_webhook_holds_nothing_unknown(name: str) -> None:
    captured = payload(f"discourse/{name}.json")
    assert told(strange(captured["body"], captured["headers"]["X-Discourse-Event"])) == []


@with_payloads
@pytest.mark.parametrize("file", sorted(PAYLOADS.glob("matrix/*.json")) if PAYLOADS.is_dir() else [], ids=lambda file: file.stem)
def test_a_real_matrix_payload_holds_nothing_unknown(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    transaction = document if "events" in document else {"events": [document]}
    assert told(strange_in_matrix(transaction)) == []


@with_payloads
def test_a_real_exo_answer_holds_nothing_unknown() -> None:
    page, posted = payload("exo/v1_activities_page.json"), payload("exo/v1alpha3_activity_post_response.json")
    assert [told(strange_in_exo(one, root=True)) for one in (*page["activities"], posted)] == [[], []]


def test_what_a_new_version_adds_is_named_where_it_stands() -> None:
    post = fakes_discourse.post() | {"mood": "gay", "reply_to_user": {"whatever": 1}}
    assert told(strange({"post": post, "signed_by": "x"}, "post_created")) == ["field post.mood", "field body.signed_by"]
    assert told(strange({"like": {"post": post, "user": {"id": 1, "shoe_size": 44}}}, "post_liked")) == [
        "field like.post.mood",
        "field like.user.shoe_size",
    ]
    assert told(strange({"post": post}, "post_praised")) == ["type post_praised"]
    event = fakes_matrix.room_event(unsigned={"age": 1, "m.new": 2}) | {"m.top": 1}
    assert sorted(told(strange_in_matrix({"events": [event], "m.queue": []}))) == [
        "field event.m.top",
        "field event.unsigned.m.new",
        "field transaction.m.queue",
    ]
    assert told(strange_in_exo(fakes_exo.activity(colour="blue", type="HOLOGRAM"), root=True)) == ["type HOLOGRAM", "field activity.colour"]


def test_what_a_member_of_a_room_invents_is_counted_and_not_named() -> None:
    content = {"msgtype": "m.text", "body": "Bonjour", "je suis malade": 1, "m.spoiler": 2, "m.new_content": {"x": 1}}
    invented = fakes_matrix.room_event(content=content)
    assert sorted(told(strange_in_matrix({"events": [invented, fakes_matrix.room_event(kind="ma.vie.privée")]}))) == [
        "field content.m.spoiler",
        "field content.other",
        "field content.other",
        "type other",
    ]


def test_a_value_of_another_type_is_named_by_its_field() -> None:
    broken = {"post": fakes_discourse.post() | {"id": "one", "created_at": 7}}
    request = DISCOURSE.signed_request(json.dumps(broken).encode(), fakes_discourse.instance(), "post_created")
    outcomes = DISCOURSE.translate(AuthenticRequest(request), fakes_discourse.instance())
    assert told(changed_values(outcomes)) == ["value post.created_at", "value post.id"]
    assert told(changed_values([Nonsense("text_too_long"), Unused("ping")])) == []


def test_an_event_name_that_the_signature_does_not_cover_makes_no_series_of_its_own() -> None:
    request = DISCOURSE.signed_request(b'{"topic": {"id": 1}}', fakes_discourse.instance(), "topic_created")
    renamed = replace(request, headers=dict(request.headers) | {"x-discourse-event": "invented_by_a_thief"})
    assert DISCOURSE.translate(AuthenticRequest(request), fakes_discourse.instance()) == [Unused("topic_created")]
    assert DISCOURSE.translate(AuthenticRequest(renamed), fakes_discourse.instance()) == [Unused("other")]
    assert counted("invented_by_a_thief") == "other"


async def test_what_a_poll_reads_is_counted_with_the_version_that_the_platform_tells(tmp_path: Path) -> None:
    async with portal(tmp_path) as rse:
        root = await rse.post("Bonjour à tous")
        await rse.comment(root, "Merci")
        assert isinstance(await rse.client.window("12", EVER, 50, ""), Reading)
        assert isinstance(await rse.client.replies("12", root, ""), Reading)
        assert series("exo") == {}
        await rse.call("POST", "/twin/system", space="12", username="camille", title="Un hologramme", type="HOLOGRAM")
        await rse.client.window("12", EVER, 50, "")
    assert series("exo") == {("6.5.0", "type", "HOLOGRAM"): 1.0}


@given(ANYTHING, st.sampled_from(["", "post_created", "post_liked", "x"]))
def test_nothing_that_comes_makes_us_fail(document: Any, event: str) -> None:
    for found in (
        strange(document, event),
        strange_in_matrix(document),
        strange_in_exo(document, root=True),
        strange_in_exo(document, root=False),
    ):
        assert all(isinstance(one, Strange) for one in found)
    for authentic in (AuthenticRequest(fakes_matrix.knock(b""), document), AuthenticRequest(fakes_matrix.knock(b""))):
        assert list(MATRIX.strange(authentic)) is not None
        assert list(DISCOURSE.strange(authentic)) is not None


def test_a_version_is_read_where_the_platform_tells_it() -> None:
    agents = ("Discourse/3.3.0.beta2", "Synapse/1.163.0", "Discourse/x.y.z", "curl/8", "", "Synapse/" + "9" * 400)
    assert [version_in(agent) for agent in agents] == ["3.3.0.beta2", "1.163.0", "x.y.z", UNTOLD, UNTOLD, "9" * 31]


def series(platform: str) -> dict[tuple[str, str, str], float]:
    (family,) = Metric.contract_drift.collect()
    return {
        (sample.labels["version"], sample.labels["what"], sample.labels["name"]): sample.value
        for sample in family.samples
        if sample.labels["platform"] == platform and sample.name.endswith("_total")
    }


def test_a_million_names_and_versions_make_few_series_and_few_lines_of_log() -> None:
    drift = Drift(names=3, versions=2)
    with capture_logs() as logs:
        for number in range(1_000):
            drift.notice("flood", f"1.{number}", [Strange(What.FIELD, f"post.f{number % 50}"), Strange(What.FIELD, "dit un secret à tous")])
    found = series("flood")
    assert {name for _, _, name in found} == {"post.f0", "post.f1", OTHER}
    assert {version for version, _, _ in found} == {"1.0", "1.1", UNTOLD}
    assert sum(found.values()) == 2_000
    assert [line["name"] for line in logs] == ["post.f0", OTHER, "post.f1"]
    assert "secret" not in str(logs)


class Storing:
    """An admission that keeps nothing."""

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str) -> Stored:
        del body, correlation
        return Stored(tuple(type(outcome).__name__.lower() for outcome in outcomes))


async def test_the_gateway_counts_what_comes_through_its_door_and_a_command_tells_it() -> None:
    instance = fakes_discourse.instance()
    counter = Counter("rse", instance, DISCOURSE, cast("Any", None), cast("Any", Storing()))
    body = json.dumps({"post": fakes_discourse.post() | {"mood_at_the_door": "gay"}}).encode()
    request = DISCOURSE.signed_request(body, instance, "post_created")
    headers = dict(request.headers) | {"user-agent": "Discourse/9.9.1"}
    forged = headers | {"x-discourse-event-signature": "sha256=00", "user-agent": "Discourse/6.6.6"}
    app = cast("Any", application({"rse": counter}, Health()))
    answers = [await call(app, "/webhooks/rse", method="POST", headers=sent, body=body) for sent in (headers, forged)]
    page = (await call(app, "/metrics")).text
    assert [answer.status for answer in answers] == [200, 401]
    assert "discourse 9.9.1 : champ post.mood_at_the_door, 1 fois" in drifts(page)
    assert "6.6.6" not in page
    assert "gay" not in page


def test_a_connector_that_has_seen_nothing_says_so() -> None:
    assert drifts("") == ["Rien que nos modèles ne connaissent."]
    assert paces("") == ["Aucun appel."]


def test_a_pace_is_told_by_instance_and_kind_of_call() -> None:
    told = {"instance": "wifip", "kind": "api"}
    labels = ",".join(f'{name}="{said}"' for name, said in told.items())
    page = "\n".join(
        [
            "# TYPE traitdunion_rse_calls_total counter", f"traitdunion_rse_calls_total{{{labels}}} 2000.0",
            "# TYPE traitdunion_rse_limited_total counter", f"traitdunion_rse_limited_total{{{labels}}} 5.0",
            "# TYPE traitdunion_rse_waited_seconds_total counter", f"traitdunion_rse_waited_seconds_total{{{labels}}} 77.4",
            "# TYPE traitdunion_rse_pace gauge", f"traitdunion_rse_pace{{{labels}}} 0.95", "",
        ]
    )  # fmt: skip
    assert paces(page) == ["wifip api : 57.0 appels par minute ; 2000 appels, 5 de trop (2.5 ‰), 77 s d'attente"]


def test_what_is_strange_is_counted_by_platform_and_version() -> None:
    drift = Drift()
    for version, times in (("3.2", 2), ("3.3", 1)):
        for _ in range(times):
            drift.notice("counted", version, [Strange(What.FIELD, "post.mood")])
    assert series("counted") == {("3.2", "field", "post.mood"): 2.0, ("3.3", "field", "post.mood"): 1.0}


async def test_a_connector_that_does_not_run_is_told_from_one_that_has_seen_nothing() -> None:
    with pytest.raises(GatewaySilent, match=r"127\.0\.0\.1"):
        await exposition(AdapterSettings(gateway_port=free_port()))
