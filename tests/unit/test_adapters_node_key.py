"""Which of a node's keys signs: what the registry says, whatever the files do, and never one that a reader would refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters import rotation
from adapters.node_key import MARGIN, NodeKey
from schemas.keys import KeyMalformed, SigningKey
from schemas.manifest import Registry, issue
from schemas.proof import timestamp
from tests.fakes_schemas import HUB, node_entry, registry_document

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class World:
    def __init__(self, folder: Path) -> None:
        self.path, self.now = folder / "node.pem", NOW
        self.old, self.new = SigningKey.generate("wifip"), SigningKey.generate("wifip")
        self.old.save(self.path)
        self.registry: Registry | None = None
        self.key = NodeKey("wifip", self.path, lambda: self.registry, lambda: self.now)

    def follow(self) -> None:
        self.new.save(self.path.with_name("node.pem.next"))

    def publish(self, old: dict[str, datetime], new: dict[str, datetime] | None = None) -> None:
        keys = [self._entry(self.old, old)] + ([self._entry(self.new, new)] if new is not None else [])
        said = registry_document(nodes=[node_entry(self.old, keys=keys)], expires=timestamp(NOW + timedelta(days=9)))
        self.registry = Registry.open(issue(said, HUB, NOW), HUB.public.multibase, NOW)

    def _entry(self, key: SigningKey, dates: dict[str, datetime]) -> dict[str, Any]:
        said = {name: timestamp(at) for name, at in dates.items()}
        return {"id": key.key_id, "publicKeyMultibase": key.public.multibase, **said}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "LOOK_SECONDS", 0.0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


SINCE = {"activeFrom": NOW - timedelta(days=9)}
RETIRING = {**SINCE, "retiringFrom": NOW, "retiredAt": NOW + 60 * SECOND}


def test_the_first_key_signs_until_another_follows_it(world: World) -> None:
    assert world.key.held() is world.key.held()
    world.publish(SINCE)
    world.follow()
    assert world.key.held().key_id == world.old.key_id


def test_a_key_that_follows_signs_a_moment_after_it_became_active(world: World) -> None:
    world.follow()
    world.publish({**RETIRING}, {"activeFrom": NOW})
    signed = []
    for after in (timedelta(), MARGIN - SECOND, MARGIN, MARGIN + SECOND):
        world.now = NOW + after
        signed.append(world.key.held().key_id == world.new.key_id)
    assert signed == [False, False, True, True]


def test_a_file_that_is_replaced_too_early_changes_nothing(world: World) -> None:
    world.publish(SINCE, {})
    world.new.save(world.path)
    assert world.key.held().key_id == world.old.key_id
    world.publish(RETIRING, {"activeFrom": NOW - 60 * SECOND})
    assert world.key.held().key_id == world.new.key_id


def test_a_key_that_nobody_admitted_or_that_was_revoked_signs_nothing(world: World) -> None:
    world.follow()
    world.publish(SINCE)
    assert world.key.held().key_id == world.old.key_id
    world.publish(SINCE, {"activeFrom": NOW - timedelta(days=1), "revokedAt": NOW - SECOND})
    assert world.key.held().key_id == world.old.key_id


def test_a_file_without_a_key_leaves_the_one_that_signs(world: World) -> None:
    world.path.with_name("node.pem.next").write_text("half of a k")
    world.publish(SINCE)
    assert world.key.held().key_id == world.old.key_id
    with pytest.raises(KeyMalformed):
        NodeKey("wifip", world.path.with_name("node.pem.next"), lambda: None, lambda: NOW)


def test_keys_are_opened_by_their_passphrase(tmp_path: Path) -> None:
    key = SigningKey.generate("wifip")
    key.save(tmp_path / "k.pem", b"phrase")
    assert NodeKey("wifip", tmp_path / "k.pem", lambda: None, lambda: NOW, b"phrase").held().key_id == key.key_id
    with pytest.raises(KeyMalformed):
        NodeKey("wifip", tmp_path / "k.pem", lambda: None, lambda: NOW, b"another")
