"""The front page says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from adapters.commands import app

ROOT = Path(__file__).resolve().parents[2]


def test_the_capability_table_is_the_one_that_the_code_prints() -> None:
    printed = CliRunner().invoke(app, ["capabilities"]).output.strip()
    assert printed in (ROOT / "README.md").read_text()


def test_every_link_of_the_front_page_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
