"""Freezes today's language as yesterday's: run once per release (`python -m tests.conformance.yesterday.freeze`), commit what it writes.

What is frozen stays readable for ever: add to these files, never rewrite an event that somebody may still hold.
"""

from __future__ import annotations

import json
from pathlib import Path

from schemas.generate import documents
from schemas.manifest import issue
from tests.fakes_schemas import FACTS, FINANCES, HUB, NOW, registry_document, signed

HERE = Path(__file__).parent


def freeze(folder: Path = HERE) -> None:
    """Write JSON Schemas, and one signed event per fact with the registry that verifies them; the keys are forgotten."""
    for name, text in documents().items():
        if name.startswith("jsonschema/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    events = [signed(fact) for fact in FACTS]
    frozen = {
        "anchor": HUB.public.multibase,
        "registry": issue(registry_document(), HUB, NOW).decode(),
        "admitted_at": NOW.isoformat(),
        "signed_by": FINANCES.key_id,
        "events": [{"attributes": dict(event.attributes), "value": event.value.decode(), "salt": event.salt.hex()} for event in events],
    }
    (folder / "events.json").write_text(json.dumps(frozen, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    freeze()
