"""What the agents of a run write: words by which a message, its version and each of its sentences are known everywhere."""

from __future__ import annotations

import re
from typing import Final

WORD: Final = re.compile(r"parole(\d{6})v(\d{2})")
SENTENCE: Final = re.compile(r"suite(\d{6})v(\d{2})s(\d{3})")


def text_of(number: int, version: int, sentences: int = 0) -> str:
    """What an agent writes: a word by which the message and its version are known everywhere, and so many sentences more."""
    more = (f" Et voici suite{number:06}v{version:02}s{one:03}, une phrase de plus pour un message très long." for one in range(sentences))
    return f"Bonjour à tous, voici parole{number:06}v{version:02} pour notre communauté.{''.join(more)}"


def title_of(number: int) -> str:
    """A title, where one is asked for; it does not hold the word."""
    return f"Une question de plus, la {number:06}"


def word_of(text: str) -> tuple[int | None, int | None]:
    """The number and the version of the message whose word this text holds."""
    found = WORD.search(text)
    return (int(found[1]), int(found[2])) if found else (None, None)


def words_of(text: str) -> set[int]:
    """The numbers of all messages of which this text holds anything."""
    return {int(found[1]) for pattern in (WORD, SENTENCE) for found in pattern.finditer(text)}


def sentences_of(text: str) -> tuple[tuple[int, int, int], ...]:
    """The sentences behind a first one that a text holds: the message's number, its version, their own number."""
    return tuple((int(one[1]), int(one[2]), int(one[3])) for one in SENTENCE.finditer(text))
