"""Libraries that say one thing ten times a second are heard at once, and then now and then."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.wire.hushed import EVERY_SECONDS, KINDS, Hushed, JsonLines


@dataclass
class Log:
    """A library's log, and what is written of it."""

    now: float = 0.0
    written: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        handler = logging.StreamHandler(self.written)
        handler.setFormatter(JsonLines())
        handler.addFilter(Hushed(lambda: self.now))
        self.logger = logging.getLogger("library.of.a.test")
        self.logger.handlers, self.logger.propagate = [handler], False

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def away(log: Log, node: int = 1) -> None:
    log.logger.error("Unable connect to node with id %s: %s", node, 'refused "127.0.0.1:9092"')


def test_the_first_line_is_written_at_once_and_those_like_it_are_kept_back(log: Log) -> None:
    for log.now in range(10):
        away(log)
    [line] = log.lines()
    assert line == {"level": "error", "logger": "library.of.a.test", "event": 'Unable connect to node with id 1: refused "127.0.0.1:9092"'}


def test_after_a_while_one_more_is_written_and_tells_how_many_were_kept_back(log: Log) -> None:
    for _ in range(5):
        away(log)
    log.now = EVERY_SECONDS
    away(log)
    assert [line.get("kept_back") for line in log.lines()] == [None, 4]


def test_another_thing_said_is_never_hidden_by_the_first(log: Log) -> None:
    away(log)
    away(log, node=2)
    log.logger.error("Heartbeat failed")
    assert len(log.lines()) == 3


def test_what_is_remembered_is_bounded_and_forgetting_hides_nothing(log: Log) -> None:
    for node in range(KINDS + 10):
        away(log, node)
    assert len(log.lines()) == KINDS + 10
    away(log, 0)
    assert len(log.lines()) == KINDS + 11
