"""A key that lies with OpenSSH's own agent: it signs what readers verify, and cannot be had."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hub import bootstrap
from hub.__main__ import command_line
from hub.federation.delivery import Scheme
from hub.federation.keyring import Hand, Keys
from hub.federation.pair_files import PairFiles
from hub.settings import HubSettings
from schemas import agent as agents
from schemas import cavage, http_signature, rotation
from schemas.actor_keys import ActorKey, rsa_multikey
from schemas.agent import AgentKey, AgentSilent, name_of, open_key, open_rsa_key
from schemas.documents import document_holds, sign_document
from schemas.http_signature import Rejection, UnverifiedHead
from schemas.keys import KeyMalformed, SigningKey
from schemas.nonces import Nonces
from schemas.rsa_keys import MAIN_KEY, RsaSigningKey
from tests.fakes_courier import World, record

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT, KEYGEN, ADD = (shutil.which(name) for name in ("ssh-agent", "ssh-keygen", "ssh-add"))
pytestmark = pytest.mark.skipif(not (AGENT and KEYGEN and ADD), reason="OpenSSH's agent is not installed")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
READY_SECONDS = 60.0


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An agent of the test's own, empty."""
    path = tmp_path / "agent.sock"
    process = subprocess.Popen([str(AGENT), "-D", "-a", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - OpenSSH's own
    try:
        end = time.monotonic() + READY_SECONDS
        while not _listens(path):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        yield path
    finally:
        process.kill()
        process.wait()


def _listens(path: Path) -> bool:
    """Its name is there a moment before it can be spoken to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        return asking.connect_ex(str(path)) == 0


def added(agent: Path, folder: Path, kind: str = "ed25519") -> str:
    """A new key in the agent, by its Multikey; nothing of it stays on disk."""
    file = folder / "ssh"
    subprocess.run([str(KEYGEN), "-q", "-t", kind, "-b", "2048", "-N", "", "-f", str(file)], check=True)  # noqa: S603 - as above
    environment = {"SSH_AUTH_SOCK": str(agent)}
    subprocess.run([str(ADD), "-q", str(file)], check=True, env=environment, capture_output=True)  # noqa: S603 - as above
    public = file.with_suffix(".pub").read_bytes()
    file.unlink()
    return name_of(public)


def emptied(agent: Path) -> None:
    """Its keys are taken out."""
    subprocess.run([str(ADD), "-q", "-D"], check=True, env={"SSH_AUTH_SOCK": str(agent)}, capture_output=True)  # noqa: S603 - as above


def pair_in(agent: Path, folder: Path) -> dict[str, Path]:
    """Two pairs in the agent, as settings name them."""
    names = ("federation_key", "federation_rsa_key", "federation_key_next", "federation_rsa_key_next")
    kinds = ("ed25519", "rsa", "ed25519", "rsa")
    return {name: Path(f"agent:{agent}#{added(agent, folder, kind)}") for name, kind in zip(names, kinds, strict=True)}


def test_the_hub_signs_by_a_key_that_it_does_not_have(agent: Path, tmp_path: Path) -> None:
    said = f"agent:{agent}#{added(agent, tmp_path)}"
    (key,) = bootstrap.hub_files(HubSettings(signing_key=Path(said))).held().values()
    assert isinstance(key, AgentKey)
    assert document_holds(sign_document({"a": 1}, key, NOW), key.public)
    with pytest.raises(TypeError, match="does not leave its agent"):
        key.save(tmp_path / "stolen.pem")
    assert "private" not in repr(vars(key)).lower()


def test_a_key_taken_out_of_the_agent_signs_no_more(agent: Path, tmp_path: Path) -> None:
    said = Path(f"agent:{agent}#{added(agent, tmp_path)}")
    key = open_key("hub", said)
    emptied(agent)
    with pytest.raises(AgentSilent):
        key.sign(b"message")
    with pytest.raises(AgentSilent):
        open_key("hub", said)


def test_an_agent_that_is_not_there_and_a_key_that_is_none_are_said(tmp_path: Path) -> None:
    other = SigningKey.generate("hub").public.multibase
    with pytest.raises(AgentSilent):
        open_key("hub", Path(f"agent:{tmp_path}/absent.sock#{other}"))
    with pytest.raises(KeyMalformed):
        open_key("hub", Path(f"agent:{tmp_path}/absent.sock#nothing"))
    with pytest.raises(FileNotFoundError):
        open_key("hub", tmp_path / "absent.pem")
    with pytest.raises(KeyMalformed):
        open_rsa_key("hub", Path(f"agent:{tmp_path}/absent.sock#{other}"))  # of the other kind


@pytest.mark.parametrize("scheme", list(Scheme))
async def test_requests_to_other_servers_are_signed_by_a_pair_that_lies_in_an_agent(agent: Path, tmp_path: Path, scheme: Scheme) -> None:
    settings = HubSettings.model_validate({"federation_url": "https://hub.example"} | pair_in(agent, tmp_path))
    held = PairFiles.of(settings).held("https://hub.example/actor")
    assert (len(held.ed25519), len(held.rsa)) == (2, 2)
    keys = Keys(next(iter(held.ed25519.values())), next(iter(held.rsa.values())))
    body, actor = b'{"type":"Create"}', "https://hub.example/nodes/wifip"
    said = Hand(keys, lambda: NOW).fields(scheme, actor, "https://pair.example/inbox", "application/activity+json", body)
    head = UnverifiedHead("POST", "https://pair.example/inbox", [(name.lower(), value) for name, value in said.items()])
    public = keys.ed25519.public if scheme is Scheme.ED25519 else keys.rsa.public
    known = {f"{actor}#{keys.ed25519.public.multibase}": public, f"{actor}#{MAIN_KEY}": public}

    def key_of(key_id: str) -> ActorKey:
        return ActorKey(key_id, actor, known[key_id])

    if scheme is Scheme.CAVAGE:
        found = cavage.verify_head(head, cavage.OF_PEERS_WITH_BODY, key_of, NOW)
    else:
        found = http_signature.verify_head(head, http_signature.OF_PEERS_WITH_BODY, key_of, Nonces(), NOW)
    assert not isinstance(found, Rejection), found


def test_a_pair_in_an_agent_announces_the_one_that_follows_it(agent: Path, tmp_path: Path) -> None:
    """It is made by who keeps the agent, and not here."""
    settings = HubSettings.model_validate({"federation_url": "https://hub.example"} | pair_in(agent, tmp_path))
    files = PairFiles.of(settings)
    said = rotation.read(files.announce(NOW))
    assert isinstance(said, rotation.Announced)
    assert (said.old, said.new, said.rsa) == tuple(
        str(one).partition("#")[2] for one in (files.ed25519, files.next_ed25519, files.next_rsa)
    )
    emptied(agent)
    with pytest.raises(AgentSilent):
        files.announce(NOW)


async def test_what_an_agent_will_not_sign_waits_and_is_never_set_aside(agent: Path, tmp_path: Path) -> None:
    world = World()
    world.follow("a.example")
    settings = HubSettings.model_validate({"federation_url": "https://hub.example"} | pair_in(agent, tmp_path))
    held = PairFiles.of(settings).held("https://hub.example/actor")
    world.inboxes.own = [Hand(Keys(next(iter(held.ed25519.values())), next(iter(held.rsa.values()))), world.clock)]
    emptied(agent)
    async with world.run():
        await world.say(record(0))
        await world.goes_by(timedelta(days=3))
        standing = world.kept.standings["a.example"]
        assert (standing.reason, standing.position, world.kept.refusals) == ("our_key_silent", 0, [])
        assert standing.next_try is not None
        assert standing.next_try - world.now <= timedelta(minutes=1)  # it is no fault of that server


def test_an_agent_that_hangs_is_left_in_peace_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who signs waits for it, and everybody else in that process."""
    monkeypatch.setattr(agents, "SECONDS", 0.05)
    path, other = tmp_path / "hung.sock", SigningKey.generate("hub").public
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen()
        key = AgentKey("hub", other, agents.agent_at(path))
        for _ in range(3):
            with pytest.raises(AgentSilent):
                key.sign(b"message")
        hung.settimeout(0)
        hung.accept()[0].close()
        with pytest.raises(BlockingIOError):
            hung.accept()


def test_a_command_says_the_name_of_a_public_key(tmp_path: Path) -> None:
    rsa, other = RsaSigningKey.generate("hub", bits=2048), tmp_path / "absent.pem"
    (tmp_path / "key.pem").write_text(rsa.public_pem)
    said = CliRunner().invoke(command_line(), ["keys", "name", str(tmp_path / "key.pem")])
    assert (said.exit_code, said.output.strip()) == (0, rsa_multikey(rsa.public))
    (tmp_path / "none.pem").write_text("ssh-rsa AAAA")
    for path, words in ((other, "introuvable"), (tmp_path / "none.pem", "pas une clé publique")):
        said = CliRunner().invoke(command_line(), ["keys", "name", str(path)])
        assert said.exit_code != 0
        assert words in said.output
