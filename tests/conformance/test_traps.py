"""Every trap that the three platforms are known for has tests that exist by name; those that no other file holds stand here."""

from __future__ import annotations

import ast
import asyncio
import functools
import json
import logging
from contextlib import AsyncExitStack
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.discourse import ADAPTER as DISCOURSE_ADAPTER
from adapters.gateway import Counter, application
from adapters.port import Act, AuthenticRequest, Change, Unused, Written
from adapters.sorting import NotStored, Stored
from schemas.wire.telemetry import Health
from tests import fakes_discourse, traps
from tests.fakes_asgi import Answer, call
from tests.fakes_matrix import NOON, posting
from tests.fakes_matrix_twin import BOT, House
from tests.fakes_plain import PlainRse
from tests.rses.kinds import PUSHING, RSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.port import Outcome
    from tests.rses.rse import Pushing, Rse

TESTS = Path(__file__).resolve().parents[1]
NAMED = sorted({named for trap in traps.TRAPS for named in trap.tests})


# --- the table -------------------------------------------------------------------------------------------------------


@functools.cache
def functions(file: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions at the top level of a test file: those that pytest collects, if they are called test_."""
    body = ast.parse((TESTS / file).read_text()).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_traps_test_exists_is_collected_and_asserts_something(file: str, name: str) -> None:
    assert Path(file).name.startswith("test_")
    assert name.startswith("test_")
    assert name in functions(file), f"no {name} in {file}"
    assert any(isinstance(node, ast.Assert | ast.With | ast.AsyncWith) for node in ast.walk(functions(file)[name]))
    assert not [mark for mark in functions(file)[name].decorator_list if "skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark)]


def test_every_trap_has_a_name_a_platform_a_fact_and_a_test() -> None:
    names = [trap.name for trap in traps.TRAPS]
    assert len(names) == len(set(names))
    assert {trap.platform for trap in traps.TRAPS} == {traps.DISCOURSE, traps.MATRIX, traps.EXO, traps.ALL}
    assert all(trap.tests and trap.fact.endswith(".") for trap in traps.TRAPS)


# --- at the door -----------------------------------------------------------------------------------------------------


class Admitting:
    """An admission that answers as it is told, or fails."""

    def __init__(self, answer: Stored | NotStored | Exception) -> None:
        self._answer = answer
        self.asking = asyncio.Lock()

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str) -> Stored | NotStored:
        del outcomes, body, correlation
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def knocked(kind: type[Pushing], answer: Stored | NotStored | Exception, instance: str = "rse", **headers: str) -> Answer:
    """The platform's sample, posted to a gateway whose admission answers so."""
    adapter, configured = kind.platform().adapter, kind.configured
    request = adapter.signed_request(kind.sample.payload, configured, kind.sample.event)
    admission: Any = Admitting(answer)
    gateway = application({"rse": Counter("rse", configured, adapter, PlainRse(), admission)}, Health({}))
    path = f"/webhooks/{instance}/{request.path}".rstrip("/")
    return await call(gateway, path, method=request.method, headers={**request.headers, **headers}, body=request.body)


@pytest.mark.parametrize("kind", PUSHING, ids=lambda kind: kind.name)
@pytest.mark.parametrize("fault", [NotStored("ledger_unavailable"), NotStored("spool_full"), ConnectionError(), KeyError("x")], ids=repr)
async def test_a_fault_of_ours_is_never_answered_not_found_or_gone(kind: type[Pushing], fault: NotStored | Exception) -> None:
    answer = await knocked(kind, fault)
    assert answer.status == (503 if isinstance(fault, NotStored) else 500)


@pytest.mark.parametrize("kind", PUSHING, ids=lambda kind: kind.name)
async def test_every_answer_of_the_door_tells_its_length(kind: type[Pushing]) -> None:
    answers = [
        await knocked(kind, Stored(())),
        await knocked(kind, NotStored("spool_full")),
        await knocked(kind, KeyError("x")),
        await knocked(kind, Stored(()), **{kind.signature: "faux"}),
        await knocked(kind, Stored(()), instance="inconnu"),
    ]
    assert [answer.status for answer in answers][:3] == [200, 503, 500]
    assert [int(answer.headers["content-length"]) for answer in answers] == [len(answer.body) for answer in answers]


@pytest.fixture
def libraries() -> Iterator[StringIO]:
    """What libraries log, whole."""
    lines = StringIO()
    handler, root = logging.StreamHandler(lines), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.mark.parametrize("kind", PUSHING, ids=lambda kind: kind.name)
@pytest.mark.parametrize("answer", [Stored(("event=1",)), NotStored("spool_full"), KeyError("x")], ids=repr)
async def test_no_log_line_of_the_door_holds_what_people_said(
    kind: type[Pushing], answer: Stored | NotStored | Exception, capsys: pytest.CaptureFixture[str], libraries: StringIO
) -> None:
    await knocked(kind, answer)
    await knocked(kind, answer, **{kind.signature: "faux"})
    logged = capsys.readouterr().out + libraries.getvalue()
    assert "webhook" in logged
    assert [word for word in _words_of(json.loads(kind.sample.payload)) if word in logged] == []


def _words_of(document: object) -> set[str]:
    """All that is said in a document, in words long enough to be nobody else's."""
    match document:
        case dict():
            return {word for name, value in document.items() if name != "type" for word in _words_of(value)}
        case list():
            return {word for value in document for word in _words_of(value)}
        case str():
            return {document} if len(document) > len("discourse") and not document[0].isdecimal() else set()
        case _:
            return set()


async def test_the_greatest_transaction_of_a_homeserver_is_read_and_a_greater_one_answered_in_its_words() -> None:
    matrix = next(kind for kind in PUSHING if kind.name == "matrix")
    adapter, cap = matrix.platform().adapter, 24 * 1024 * 1024
    admission: Any = Admitting(Stored(()))
    gateway = application({"rse": Counter("rse", matrix.configured, adapter, PlainRse(), admission)}, Health({}))
    request = adapter.signed_request(matrix.sample.payload, matrix.configured, None)
    sizes = {size: request.body + b" " * (size - len(request.body)) for size in (cap, cap + 1)}
    answers = [
        await call(gateway, f"/webhooks/rse/{request.path}", method="PUT", headers=request.headers, body=body) for body in sizes.values()
    ]
    assert adapter.body_limit == cap > 100 * 3 * 65_536
    assert [answer.status for answer in answers] == [200, 413]
    assert json.loads(answers[1].body)["errcode"].startswith("M_")


@pytest.mark.parametrize("kind", RSES, ids=lambda kind: f"{kind.name} {kind.__name__}")
def test_every_connector_says_how_long_its_platform_tries_and_what_an_outage_costs(kind: type[Rse]) -> None:
    told = kind.platform().capabilities
    table = (TESTS.parent / "README.md").read_text()
    assert told.retries in table
    assert told.outage in table


# --- what is read ------------------------------------------------------------------------------------------------------


def grown(document: Any) -> Any:
    """The document with a member more in each of its objects, as a later version of the platform may send it."""
    match document:
        case dict():
            return {**{name: grown(value) for name, value in document.items()}, "un_membre_de_demain": {"et": ["sa", 1.5, None]}}
        case list():
            return [grown(one) for one in document]
        case _:
            return document


@pytest.mark.parametrize("kind", RSES, ids=lambda kind: f"{kind.name} {kind.__name__}")
def test_members_that_we_do_not_know_change_nothing(kind: type[Rse]) -> None:
    adapter, sample = kind.platform().adapter, kind.sample
    more = json.dumps(grown(json.loads(sample.payload))).encode()
    if kind.name == "discourse":  # its top level names the kind of event alone
        more = json.dumps({"post": grown(json.loads(sample.payload))["post"]}).encode()
    plain, longer = (
        adapter.translate(AuthenticRequest(adapter.signed_request(body, kind.configured, sample.event)), kind.configured)
        for body in (sample.payload, more)
    )
    assert [type(one) for one in plain] == [Change]
    assert [_without_version(one) for one in longer] == [_without_version(one) for one in plain]


def _without_version(outcome: Outcome) -> object:
    assert isinstance(outcome, Change)
    return (outcome.act, outcome.native_id, outcome.version, outcome.marker, outcome.space, outcome.actor, outcome.content, outcome.author)


def test_a_topics_own_event_says_nothing_that_its_first_post_does_not_say_better() -> None:
    topic = {"id": 108, "title": "Des nouvelles du mois", "category_id": 97}
    told = DISCOURSE_ADAPTER.translate(fakes_discourse.authentic("topic_created", {"topic": topic}), fakes_discourse.instance())
    (first,) = DISCOURSE_ADAPTER.translate(
        fakes_discourse.authentic("post_created", {"post": fakes_discourse.post()}), fakes_discourse.instance()
    )
    assert list(told) == [Unused("topic_created")]
    assert isinstance(first, Change)
    assert (first.act, first.title, first.space) == (Act.POSTED, "Des nouvelles du mois", "97")


# --- what is written ---------------------------------------------------------------------------------------------------


async def test_a_copy_in_a_room_bears_the_time_of_its_message(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        claire = await house.person()
        room = await claire.create_room("Futurs Publics", invite=[BOT])
        assert isinstance(await house.client.write(posting(space=room)), Written)
        assert [message["ts"] for message in await house.visible(room)] == [int(NOON.timestamp() * 1000)]
