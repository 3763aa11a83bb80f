"""publiccode.yml says what the standard demands, and what it says is true of this program."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

CLONE = Path(__file__).resolve().parents[2]
SAID: dict[str, Any] = yaml.safe_load((CLONE / "publiccode.yml").read_text())
PROJECT: dict[str, Any] = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
STATES = {"concept", "development", "beta", "stable", "obsolete"}
KINDS = {"standalone/mobile", "standalone/iot", "standalone/desktop", "standalone/web", "standalone/backend", "standalone/other"}
KINDS |= {"addon", "library", "configurationFiles"}


@pytest.mark.parametrize(
    "key",
    [
        "publiccodeYmlVersion",
        "name",
        "url",
        "platforms",
        "developmentStatus",
        "softwareType",
        "description",
        "legal",
        "maintenance",
        "localisation",
    ],
)
def test_what_the_standard_demands_is_there(key: str) -> None:
    assert SAID[key]


def test_its_words_are_those_of_the_standard() -> None:
    assert SAID["developmentStatus"] in STATES
    assert SAID["softwareType"] in KINDS
    assert SAID["maintenance"]["type"] in {"internal", "contract", "community", "none"}
    assert all(contact["name"] for contact in SAID["maintenance"]["contacts"])
    assert isinstance(SAID["localisation"]["localisationReady"], bool)
    assert SAID["intendedAudience"]["countries"] == ["FR"]  # ISO 3166-1, in capitals


@pytest.mark.parametrize("language", sorted(SAID["description"]))
def test_a_description_has_the_lengths_of_the_standard(language: str) -> None:
    words = SAID["description"][language]
    assert 0 < len(words["shortDescription"]) <= 150
    assert 150 <= len(words["longDescription"]) <= 10_000
    assert all(0 < len(feature) <= 100 for feature in words["features"])


def test_it_says_the_version_licence_and_python_of_the_package() -> None:
    assert SAID["softwareVersion"] == PROJECT["version"]
    assert SAID["legal"]["license"] == PROJECT["license"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(SAID["releaseDate"]))
    needed = {one["name"]: one.get("versionMin") for one in SAID["dependsOn"]["open"]}
    assert f">={needed['Python']}" == PROJECT["requires-python"]
