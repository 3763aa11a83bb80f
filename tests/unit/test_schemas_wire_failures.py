"""What a log tells of an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from schemas.facts.message import Author
from schemas.jcs import parse
from schemas.wire.failures import told

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET_WORDS = "ce que Madame Durand a écrit"


def caught(fails: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011 - any will do
        fails()
    return found.value


def test_the_text_of_an_exception_is_never_told() -> None:
    error = caught(lambda: Author.model_validate({"name": [SECRET_WORDS]}))
    assert isinstance(error, ValidationError)
    assert SECRET_WORDS in str(error)
    assert told(error) == {"error": "ValidationError", "where": ""}


def test_the_deepest_line_of_our_own_is_told() -> None:
    said = told(caught(lambda: parse(SECRET_WORDS.encode())))
    assert said["where"].startswith("schemas/jcs.py:")
    assert SECRET_WORDS not in str(said)


def test_a_group_tells_its_first_member() -> None:
    assert told(ExceptionGroup(SECRET_WORDS, [ExceptionGroup("inner", [KeyError(SECRET_WORDS)])]))["error"] == "KeyError"
