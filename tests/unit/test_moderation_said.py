"""What the moderation's commands say: what was asked for, never that it is done; and where a message stands that is brought back."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from hub.__main__ import command_line
from hub.commands import terminal
from hub.communities.model import MessageState

REMOVE = ("remove", "m1", "--ground", "off_topic")


@pytest.mark.parametrize(
    ("words", "became", "said"),
    [
        (REMOVE, True, "Le retrait est demandé à tous les RSE"),
        (REMOVE, False, "Ce message était déjà retiré : rien à faire."),
        (("restore", "m1"), MessageState.VISIBLE, "Le rétablissement est demandé à tous les RSE"),
        (("restore", "m1"), MessageState.DELETED, "son auteur l'a supprimé depuis : il reste supprimé."),
        (("restore", "m1"), None, "Ce message n'était pas retiré : rien à faire."),
    ],
)
def test_the_command_says_what_was_asked_for(words: tuple[str, ...], became: object, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def done(_: Any) -> object:
        return became

    monkeypatch.setattr(terminal, "in_transaction", done)
    shown = CliRunner().invoke(command_line(), ["moderation", *words])
    assert (shown.exit_code, said in shown.output) == (0, True), shown.output
    assert "partout." not in shown.output
