"""What the pages make of what ministries wrote: trees, harmless HTML, French numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.communities.model import Message, MessageState
from hub.operations.arrivals import Stand, stand_of
from hub.operations.dlq import Letter, Wanted, printable
from hub.operations.threads import DEEPEST, Branch, nest
from hub.operations.trace import Arrival, Place, Step
from hub.ui import TAGS, age, clean, latency, moment, plural, web_link

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def a_message(name: str, number: int, parent: str | None = None) -> Message:
    return Message(
        name,
        "c",
        "wifip",
        MessageState.VISIBLE,
        parent,
        name,
        "Inès Exemple",
        "Finances",
        None,
        "<p>x</p>",
        None,
        NOW,
        number,
        number,
        f"e-{name}",
    )


def shape(branches: tuple[Branch, ...]) -> list[object]:
    return [[branch.message.id, shape(branch.replies)] for branch in branches]


def test_replies_stand_under_what_they_answer() -> None:
    messages = [a_message("a", 1), a_message("b", 2, "a"), a_message("c", 3), a_message("d", 4, "b"), a_message("e", 5, "a")]
    assert shape(nest(messages)) == [["a", [["b", [["d", []]]], ["e", []]]], ["c", []]]


def test_a_reply_to_another_page_stands_alone_and_says_so() -> None:
    (branch,) = nest([a_message("b", 101, "a")])
    assert branch.parent_elsewhere


def test_messages_that_answer_each_other_are_each_shown_once() -> None:
    assert shape(nest([a_message("a", 1, "b"), a_message("b", 2, "a"), a_message("c", 3, "c")])) == [["a", [["b", []]]], ["c", []]]


@given(st.lists(st.integers(min_value=0, max_value=120), max_size=100))
def test_whatever_the_parents_every_message_appears_once_and_never_too_deep(parents: list[int]) -> None:
    messages = [a_message(str(number), number + 1, str(parent)) for number, parent in enumerate(parents)]
    found: list[str] = []

    def walk(branches: tuple[Branch, ...], depth: int) -> None:
        assert depth <= DEEPEST + 1
        for branch in branches:
            found.append(branch.message.id)
            walk(branch.replies, depth + 1)

    walk(nest(messages), 0)
    assert sorted(found) == sorted(message.id for message in messages)


def test_a_chain_of_replies_longer_than_the_stack_is_still_shown() -> None:
    messages = [a_message(str(number), number + 1, str(number - 1) if number else None) for number in range(5_000)]
    assert len(nest(messages)) == 1


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))


ATTACKS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>x</a>", "<a href=' jAvAsCrIpT:alert(1)'>x</a>",
    "<svg onload=alert(1)>", "<iframe src='https://pirate.example'></iframe>", "<style>@import 'https://pirate.example'</style>",
    "<p style='background:url(https://pirate.example)'>x</p>", "<form action='https://pirate.example'><input name=jeton></form>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "<meta http-equiv=refresh content='0;url=https://pirate.example'>",
    "<base href='https://pirate.example'>", "<a href='data:text/html,<script>1</script>'>x</a>", "</article></main><h1>faux</h1>",
    "<p id='contenu' class='notice'>x</p>", "<a href='//pirate.example' target='_self' onclick='x()'>x</a>", "<noscript><p title='</noscript><img src=x onerror=1>'>",
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_in_a_message_is_shown_harmless(attack: str) -> None:
    assert_harmless(str(clean(attack)))


@given(st.text(alphabet="<>/=\"' abcdehijlmnoprstuvx:()&;!-", max_size=300))
def test_no_text_whatever_becomes_an_element_that_we_do_not_allow(text: str) -> None:
    assert_harmless(str(clean(text)))


def assert_harmless(html: str) -> None:
    elements = Elements()
    elements.feed(html)
    for tag, attributes in elements.seen:
        assert tag in TAGS
        for name, said in attributes:
            assert name in {"href", "rel", "title"}
            assert name != "href" or said is None or ":" not in said.partition("/")[0] or said.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", None, "", "https:pirate", "file:///etc/passwd", "//pirate.example"]
)
def test_what_is_no_web_address_is_no_link(link: str | None) -> None:
    assert web_link(link) is None


def test_a_web_address_is_a_link() -> None:
    assert web_link("https://wifip.example/t/1") == "https://wifip.example/t/1"


@pytest.mark.parametrize(("span", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_700, "1 h 01 min"), (90_000, "1 j 1 h")])
def test_an_age_is_told_in_its_largest_unit(span: int, said: str) -> None:
    assert age(timedelta(seconds=span)) == said


@pytest.mark.parametrize(("milliseconds", "said"), [(None, ""), (0, "0 ms"), (999, "999 ms"), (1_240, "1,2 s"), (180_000, "3 min")])
def test_a_latency_is_short(milliseconds: int | None, said: str) -> None:
    assert latency(milliseconds) == said


def test_french_counts_from_two() -> None:
    assert [plural(count, "message", "messages") for count in (0, 1, 2, 1_204)] == [
        "0 message",
        "1 message",
        "2 messages",
        "1\u202f204 messages",
    ]


def test_a_time_is_exact_for_machines_and_an_unknown_one_is_said() -> None:
    assert 'datetime="2026-11-20T09:30:00.000+00:00"' in moment(NOW)
    assert "inconnu" in moment(None)


def a_step(event: str, kind: str, *arrivals: Arrival) -> Step:
    return Step(
        event, f"fr.gouv.rse.message.{kind}.v1", "wifip", "m", "sequenced", 1, "c", "d", "k", NOW, NOW, NOW,
        Place("rse.inbound.v1", 0, 1), NOW, Place("hub.facts.v1", 0, 1), bool(arrivals), arrivals,
    )  # fmt: skip


def test_a_node_stands_where_the_newest_change_stands_there() -> None:
    posted = a_step("e1", "posted", Arrival("a", "written", at=NOW, latency_ms=8), Arrival("b", "written"))
    edited = a_step("e2", "edited", Arrival("a"), Arrival("b", "refused", "too_short"))
    first, second = stand_of("m", [posted, edited], {})
    assert (first.node, first.stand, first.change) == ("a", Stand.PENDING, "edited")
    assert (second.stand, second.reason) == (Stand.REFUSED, "too_short")


def test_a_local_withdrawal_is_shown_until_the_message_itself_is_deleted() -> None:
    posted, deleted = a_step("e1", "posted", Arrival("a", "written")), a_step("e2", "deleted", Arrival("a", "written"))
    copies = {("m", "a"): ("withdrawn", NOW)}
    assert [one.stand for one in stand_of("m", [posted], copies)] == [Stand.WITHDRAWN]
    assert [one.stand for one in stand_of("m", [posted, deleted], copies)] == [Stand.WRITTEN]


def test_an_edited_copy_is_marked_and_another_messages_copy_is_not() -> None:
    posted = a_step("e1", "posted", Arrival("a", "written"))
    assert stand_of("m", [posted], {("m", "a"): ("edited", NOW)})[0].copy_edited
    assert not stand_of("m", [posted], {("autre", "a"): ("edited", NOW)})[0].copy_edited


def a_letter(**headers: str) -> Letter:
    return Letter("t.dlq.v1", 0, 7, NOW, b"wifip/espace", b"secret", tuple((name, said.encode()) for name, said in headers.items()))


def test_a_summary_of_a_dead_letter_holds_no_content() -> None:
    summary = a_letter(dlq_reason="proof_invalid", ce_source="wifip").summary()
    assert "secret" not in str(summary)
    assert (summary["reason"], summary["node"], summary["place"]) == ("proof_invalid", "wifip", "t.dlq.v1/0/7")


@given(st.text(max_size=50))
def test_a_strangers_text_cannot_move_a_terminals_cursor(text: str) -> None:
    assert printable(text).isprintable()


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), True), (Wanted(reason="proof_invalid"), True), (Wanted(reason="autre"), False), (Wanted(node="wifip"), True),
        (Wanted(node="education"), False), (Wanted(since=NOW), True), (Wanted(since=NOW + timedelta(seconds=1)), False),
    ],
)  # fmt: skip
def test_filters_pick_letters(wanted: Wanted, *, fits: bool) -> None:
    assert wanted.fits(a_letter(dlq_reason="proof_invalid", ce_source="wifip")) is fits
