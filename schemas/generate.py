"""Publishes the language for programs that are not ours: JSON Schema for each document, AsyncAPI for topics, OpenAPI for the node door."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from schemas import asyncapi, openapi
from schemas.application import Manifest
from schemas.envelope import Envelope
from schemas.facts import FACTS
from schemas.manifest import RegistryDocument
from schemas.peer_receipt import PeerReceipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

HERE: Final = Path(__file__).parent
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
COMMAND: Final = "python -m schemas.generate"


def documents() -> dict[str, str]:
    """Every published file: its path under `schemas/`, and its text."""
    models: dict[str, type[BaseModel]] = {
        "envelope": Envelope,
        "registry": RegistryDocument,
        "manifest": Manifest,
        "peer_receipt": PeerReceipt,
        **FACTS,
    }
    texts = {f"jsonschema/{name}.json": _as_json(name, model) for name, model in sorted(models.items())}
    whole = {"asyncapi.yaml": asyncapi.document(), "openapi.yaml": openapi.document()}
    return {
        **texts,
        **{name: yaml.dump(said, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120) for name, said in whole.items()},
    }


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files, and remove schemas of documents that no longer exist."""
    for path in _obsolete(folder, texts):
        path.unlink()
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def drift(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Names of the files that do not say what the code says: different, missing or left over."""
    different = [name for name, text in texts.items() if not _says(folder / name, text)]
    return sorted(different + [f"jsonschema/{path.name}" for path in _obsolete(folder, texts)])


def main(arguments: Sequence[str] | None = None, folder: Path = HERE) -> int:
    """Write the files, or with `--check` only compare: 1 and a sentence where they differ."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the committed files differ from the code")
    if not parser.parse_args(arguments).check:
        write(folder, documents())
        return 0
    differing = drift(folder, documents())
    if differing:
        sys.stderr.write(f"The published schemas do not say what the code says; run `{COMMAND}` and commit: {', '.join(differing)}\n")
    return 1 if differing else 0


class _Plain(yaml.SafeDumper):
    """YAML without anchors: a part that stands twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's own signature
        """Nothing is an alias."""
        return True


def _as_json(name: str, model: type[BaseModel]) -> str:
    published = {"$schema": DIALECT, "$id": f"urn:traitdunion:schema:{name}", **_for_readers(model.model_json_schema())}
    return json.dumps(published, ensure_ascii=False, indent=2) + "\n"


def _for_readers(schema: Any) -> Any:
    """What a reader may count on: our own strictness when writing (no unknown names) is no promise about tomorrow's writers."""
    if isinstance(schema, dict):
        return {name: _for_readers(part) for name, part in schema.items() if (name, part) != ("additionalProperties", False)}
    return [_for_readers(part) for part in schema] if isinstance(schema, list) else schema


def _obsolete(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    return [path for path in (folder / "jsonschema").glob("*.json") if f"jsonschema/{path.name}" not in texts]


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
