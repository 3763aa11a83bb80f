"""The peers' door's valid requests: every way to sign, every act, every inbox."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from schemas.documents import sign_document
from tests.forgeries import older
from tests.forgeries.abroad import ACTIVITY_JSON
from tests.forgeries.drafts import Base, Draft, drafted, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.forgeries.abroad import Actor, World
    from tests.forgeries.drafts import Wire
    from tests.forgeries.older import OlderDraft

ED25519: Final = frozenset({"body", "ed25519"})
RSA: Final = frozenset({"body"})


def signed_by(world: World, actor: Actor, said: Mapping[str, Any] | bytes, path: str = "/inbox") -> Draft:
    """Somebody's activity, signed with her Ed25519 key as RFC 9421 has it."""
    return _draft(world, actor.key.sign, actor.key.key_id, said, path)


def _draft(world: World, sign: Callable[[bytes], bytes], key_id: str, said: Mapping[str, Any] | bytes, path: str) -> Draft:
    draft = Draft("POST", world.here.base + path, sign, key_id, time.time(), written(said), ACTIVITY_JSON, ("@method", "@target-uri"))
    return drafted(draft)


def as_mastodon_signs(draft: Draft) -> Draft:
    """Covering the least, and without a nonce."""
    return replace(draft.without("nonce").without("expires"), components=("@method", "@target-uri", "content-digest"))


def older_by(world: World, actor: Actor, said: Mapping[str, Any] | bytes, path: str = "/inbox") -> OlderDraft:
    """Somebody's activity, signed with her RSA key as the fediverse does."""
    return older.drafted(world.here.base + path, actor.rsa.sign, actor.rsa.key_id, time.time(), written(said))


def written(said: Mapping[str, Any] | bytes) -> bytes:
    """As it travels."""
    return said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()


def bases(world: World) -> list[Base]:
    """The valid requests on which the shared table of RFC 9421 is tried."""
    group = f"/groups/{world.group.rpartition('/')[2]}/inbox"

    def proved() -> Draft:
        return signed_by(world, world.carol, sign_document(world.creates(world.carol, path=path()), world.carol.key, world.now))

    def rsa() -> Draft:
        return _draft(world, world.alice.rsa.sign, world.alice.rsa.key_id, world.creates(world.alice, path=path()), group)

    return [
        Base("Create by Ed25519", lambda: signed_by(world, world.alice, world.creates(world.alice, path=path())), 202, ED25519),
        Base("Create by RSA at a group", rsa, 202, RSA),
        Base("Create with a proof", proved, 202, ED25519),
    ]


def older_base(world: World) -> OlderDraft:
    """The valid request on which the older signatures' table is tried."""
    said = world.forum.does("Announce", world.member.does("Create", world.note(world.member, path()), path()), path())
    return older_by(world, world.forum, said)


_count = 0


def path() -> str:
    """An address that nothing had before."""
    global _count  # noqa: PLW0603 - the one count of these tables
    _count += 1
    return f"acts/{_count}"


@dataclass(frozen=True)
class Valid:
    """A request that passes as it stands."""

    name: str
    make: Callable[[World], Wire]
    tags: frozenset[str] = field(default_factory=frozenset)


def _ed25519(
    name: str, said: Callable[[World], Any], by: Callable[[World], Actor] = lambda world: world.alice, inbox: str = "/inbox"
) -> Valid:
    return Valid(name, lambda world: signed(signed_by(world, by(world), said(world), inbox)))


def _inner(world: World, **more: Any) -> dict[str, Any]:
    return world.member.does("Create", world.note(world.member, path(), **more), path())


def _turned(said: Any) -> Any:
    """The same JSON, every object from its end."""
    if isinstance(said, dict):
        return {name: _turned(said[name]) for name in reversed(said)}
    return [_turned(one) for one in said] if isinstance(said, list) else said


def _otherwise(said: Mapping[str, Any]) -> bytes:
    """The same JSON in other bytes: turned round, spaced, all but ASCII escaped."""
    return json.dumps(_turned(said), indent=2).encode()


def _by_carol(world: World, **more: Any) -> dict[str, Any]:
    """A note that carol wrote, which stands nowhere, under her own proof."""
    return sign_document({**world.note(world.carol, path()), **more}, world.carol.key, world.now)


VALID: Final = (
    Valid("Create as Mastodon signs it", lambda world: signed(as_mastodon_signs(signed_by(world, world.alice, world.creates(world.alice, path=path()))))),
    Valid("Announce by draft-cavage", lambda world: older.signed(older_base(world))),
    Valid("Announce by draft-cavage, with (created)", lambda world: older.signed(_created(older_base(world)))),
    _ed25519("Follow", lambda world: world.alice.does("Follow", world.group, path())),
    _ed25519("Follow at the group", lambda world: world.alice.does("Follow", world.group, path()), inbox="/groups/futurs-publics/inbox"),
    _ed25519("Update", lambda world: world.alice.does("Update", world.note(world.alice), path())),
    _ed25519("Delete", lambda world: world.alice.does("Delete", world.note(world.alice)["id"], path())),
    _ed25519("Undo", lambda world: world.alice.does("Undo", world.alice.does("Follow", world.group), path())),
    _ed25519("Like", lambda world: world.alice.does("Like", world.here.note("m"), path())),
    _ed25519("Move", lambda world: world.alice.does("Move", world.alice.id, path(), target=world.moved.id)),
    _ed25519("an act that nobody knows", lambda world: world.alice.does("Dance", world.group, path())),
    _ed25519("Announce of a member's", lambda world: world.forum.does("Announce", _inner(world), path()), lambda world: world.forum),
    _ed25519("Announce of what stands elsewhere", lambda world: world.forum.does("Announce", world.creates(world.carol), path()), lambda world: world.forum),
    _ed25519("Announce of what its author proves", lambda world: world.forum.does("Announce", sign_document(world.creates(world.carol, world.note(world.carol, path()), path()), world.carol.key, world.now), path()), lambda world: world.forum),
    _ed25519("Announce of a bare note that its author proves", lambda world: world.forum.does("Announce", _by_carol(world), path()), lambda world: world.forum),
    _ed25519("Announce of a bare note that its author, named twice, proves", lambda world: world.forum.does("Announce", _by_carol(world, actor=world.carol.id), path()), lambda world: world.forum),
    _ed25519("Announce of what its author proves, written again", lambda world: _otherwise(world.forum.does("Announce", sign_document(world.creates(world.carol, world.note(world.carol, path(), content="<p>Été 😀</p>"), path()), world.carol.key, world.now), path())), lambda world: world.forum),
    _ed25519("Announce of what moderation brings back", lambda world: world.forum.does("Announce", world.brings_back(world.member, f"{world.member.origin}/post/back", path()), path()), lambda world: world.forum),
    _ed25519("Receipt of a Trait d'union", lambda world: world.servers["opsi"].does("Receipt", world.here.host_actor, path(), receipt=world.receipt()), lambda world: world.servers["opsi"]),
    _ed25519("a ministry's message", lambda world: world.creates(world.ministries["opsi"], world.ministry_note(), path()), lambda world: world.ministries["opsi"]),
    _ed25519("Delete of a suspended peer's", lambda world: world.graded["suspendu"].does("Delete", world.note(world.graded["suspendu"])["id"], path()), lambda world: world.graded["suspendu"]),
    _ed25519("Follow of an observer", lambda world: world.graded["observateur"].does("Follow", world.group, path()), lambda world: world.graded["observateur"]),
)  # fmt: skip
"""What else must pass, so that a refusal of something near it proves something."""


def _created(draft: OlderDraft) -> OlderDraft:
    parameters = (("algorithm", '"hs2019"'), ("created", str(int(draft.now))), ("expires", str(int(draft.now) + 60)))
    return replace(draft, parameters=parameters, covered=("(request-target)", "host", "(created)", "(expires)", "digest"))
