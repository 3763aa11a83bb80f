"""What becomes of markup: one sanitised subset of HTML, and plain text and Markdown made of it."""

from __future__ import annotations

from adapters.markup.markdown import escape_markdown, to_markdown
from schemas.markup.canon import Rewrite, canonical
from schemas.markup.safe import TAG_LIMIT, from_text, safe_html
from schemas.markup.words import spoken, to_text, words

__all__ = [
    "TAG_LIMIT",
    "Rewrite",
    "canonical",
    "escape_markdown",
    "from_text",
    "safe_html",
    "spoken",
    "to_markdown",
    "to_text",
    "words",
]
