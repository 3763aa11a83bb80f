"""What the hub tells from its own memory says so to whoever reads it: its ministry's proof is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.envelope import object_id
from schemas.facts.message import TEXT_LIMIT, Content

if TYPE_CHECKING:
    from adapters.last_door import Passed
    from schemas.facts.message import MessagePosted

TAKEN_FROM_HISTORY: Final = "Repris de l’historique du hub : la preuve du ministère n’est plus conservée."


def stood_in(fact: MessagePosted) -> MessagePosted:
    """The message with that sentence under it; without it where no room is left."""
    html, text = f"{fact.content.html}<p><em>{TAKEN_FROM_HISTORY}</em></p>", f"{fact.content.text}\n\n{TAKEN_FROM_HISTORY}"
    if max(len(html), len(text)) > TEXT_LIMIT:
        return fact
    return fact.model_copy(update={"content": Content(html=html, text=text, language=fact.content.language)})


def is_of_ours(passed: Passed, node: str, hub: str) -> bool:
    """Tell whether the hub reminds a node of something of its own: nothing is to be written, the RSE itself knows how it stands."""
    envelope = passed.verified.event.envelope
    return (envelope.source, envelope.onbehalf) == (hub, node) and passed.resent and envelope.subject == object_id(node, envelope.nativeid)
