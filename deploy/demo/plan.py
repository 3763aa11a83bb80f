"""What a session decides before anything runs: ports, secrets, keys, and the settings of every process."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import yaml
from nacl.public import PrivateKey

from deploy.demo import cast, manifests
from deploy.demo.federated import Place
from deploy.demo.ground import port_near
from deploy.demo.instances import described
from deploy.local.application_service import ApplicationService
from deploy.local.ports import LOOPBACK
from schemas.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deploy.demo.cast import Ministry, Way
    from deploy.demo.ground import Ground


@dataclass(frozen=True, slots=True)
class Post:
    """One ministry's place: its ports, its secrets, its key."""

    ministry: Ministry
    gateway_port: int
    rse_port: int
    key: SigningKey
    webhook_secret: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    api_secret: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)

    @property
    def webhook(self) -> str:
        """Where its RSE sends what happens there."""
        return f"http://{LOOPBACK}:{self.gateway_port}/webhooks/{self.ministry.node}"

    @property
    def rse_url(self) -> str:
        """Where people find its RSE."""
        return f"http://{LOOPBACK}:{self.rse_port}"


@dataclass(frozen=True, slots=True)
class Plan:
    """One session's decisions."""

    ground: Ground
    site_port: int
    door_port: int
    place: Place
    hub_key: SigningKey
    operators_key: PrivateKey
    posts: Mapping[str, Post]

    @classmethod
    def make(cls, ground: Ground, way: Way | None = None) -> Plan:
        """Choose ports and make keys; the private halves lie in the folder, readable by us alone. `way`: how every connector reaches the hub, if not each its own."""
        posts = {one.node: _post(replace(one, way=way or one.way), ground) for one in cast.MINISTRIES}
        hub_key, operators_key = SigningKey.generate("hub"), PrivateKey.generate()
        place = Place(LOOPBACK, port_near(cast.PEER_DOOR_PORT), ground.folder / "keys")
        plan = cls(ground, port_near(cast.SITE_PORT), port_near(cast.DOOR_PORT), place, hub_key, operators_key, posts)
        hub_key.save(plan.keys / "hub.pem")
        path = plan.keys / "operators.hex"
        path.touch(mode=0o600)
        path.write_text(bytes(operators_key).hex())
        return plan

    @property
    def keys(self) -> Path:
        """Where the private keys lie."""
        return self.ground.folder / "keys"

    @property
    def site(self) -> str:
        """The hub's pages."""
        return f"http://{LOOPBACK}:{self.site_port}"

    @property
    def door(self) -> str:
        """The hub's door for ministries without Kafka."""
        return f"http://{LOOPBACK}:{self.door_port}"

    def way(self, node: str) -> dict[str, str]:
        """The settings that lead a ministry's connector to the hub; beside the door, no broker is where it would look for one."""
        if self.posts[node].ministry.way is cast.Way.KAFKA:
            return {}
        return {"TRAITDUNION_DOOR": self.door, "TRAITDUNION_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1"}

    @property
    def service(self) -> ApplicationService:
        """What the Matrix server knows of our connector."""
        post = self.posts[cast.EDUCATION.node]
        return ApplicationService(post.webhook, as_token=post.api_secret, hs_token=post.webhook_secret)

    def environment(self, kafka: Mapping[str, str], database: str) -> dict[str, str]:
        """The settings of the hub's processes and of the connectors, to add to our own environment."""
        return {
            **kafka,
            "TRAITDUNION_DATABASE_URL": database,
            "TRAITDUNION_LEDGER_URL": database,
            "TRAITDUNION_SIGNING_KEY": str(self.keys / "hub.pem"),
            "TRAITDUNION_OPERATORS_PRIVATE_KEY": str(self.keys / "operators.hex"),
            "TRAITDUNION_OPERATORS_KEY": bytes(self.operators_key.public_key).hex(),
            "TRAITDUNION_REGISTRY_ANCHOR": self.hub_key.public.multibase,
            "TRAITDUNION_REGISTRY_URL": f"{self.site}/.well-known/traitdunion/registry",
            "TRAITDUNION_HUB_URL": self.site,
            "TRAITDUNION_SITE_HOST": LOOPBACK,
            "TRAITDUNION_SITE_PORT": str(self.site_port),
            "TRAITDUNION_DOOR_HOST": LOOPBACK,
            "TRAITDUNION_DOOR_PORT": str(self.door_port),
            "TRAITDUNION_METRICS_PORT": "0",
        }

    def write_manifest(self, node: str) -> Path:
        """A ministry's manifest, signed by its key."""
        path, post = self.ground.folder / f"{node}.json", self.posts[node]
        path.write_bytes(manifests.signed(post.ministry, post.key, datetime.now(UTC)))
        return path

    def write_instances(self, node: str, url: str, space: str) -> Path:
        """The file that tells a connector which RSE it serves and which space may federate."""
        post = self.posts[node]
        path = self.ground.folder / "instances" / f"{node}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        said = described(
            post.ministry, url, space, webhook_secret=post.webhook_secret, api_secret=post.api_secret,
            signing_key=self.keys / f"{node}.pem", service=self.service,
        )  # fmt: skip
        path.write_text(yaml.safe_dump(said, allow_unicode=True))
        return path

    def twin_command(self, node: str, registration: Path | None = None) -> list[str]:
        """The command line of a ministry's twin."""
        post = self.posts[node]
        words = [sys.executable, "-m", f"adapters.{post.ministry.platform}.twin", "--port", str(post.rse_port)]
        words += ["--state", str(self.ground.folder / f"rse-{node}.db")]
        if registration is not None:
            return [*words, "--server-name", cast.MATRIX_SERVER, "--registration", str(registration)]
        words += ["--api-key", post.api_secret, "--title", f"{post.ministry.rse} — {post.ministry.name}"]
        return [*words, *(_portal_words(post) if post.ministry.platform == "exo" else forum_words(post))]


def forum_words(post: Post) -> list[str]:
    """What a Discourse twin must know of its category, its people and where it tells what happens."""
    words = ["--webhook", post.webhook, "--secret", post.webhook_secret, "--restricted-category", f"{cast.CATEGORY}:{cast.TITLE}"]
    people = (post.ministry.agent, cast.LIKER)
    return [*words, *(word for one in people for word in ("--user", f"{one.username}:{one.name}")), "--rate", "600"]


def _portal_words(post: Post) -> list[str]:
    pretty, agent = cast.COMMUNITY.replace("-", "_"), post.ministry.agent
    return ["--closed-space", f"{cast.SPACE}:{pretty}:{cast.TITLE}", "--user", f"{agent.username}:{agent.name}"]


def _post(ministry: Ministry, ground: Ground) -> Post:
    key = SigningKey.generate(ministry.node)
    key.save(ground.folder / "keys" / f"{ministry.node}.pem")
    return Post(ministry, port_near(ministry.gateway_port), port_near(ministry.rse_port), key)
