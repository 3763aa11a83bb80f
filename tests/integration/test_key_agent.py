"""A key that lies with OpenSSH's own agent: it signs what readers verify, and cannot be had."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub import bootstrap
from hub.settings import HubSettings
from schemas.agent import AgentKey, AgentSilent, open_key
from schemas.documents import document_holds, sign_document
from schemas.keys import ED25519_PUBLIC, KeyMalformed, SigningKey, to_multibase

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


def added(agent: Path, folder: Path) -> str:
    """A new key in the agent, by its Multikey; nothing of it stays on disk."""
    file = folder / "ssh"
    subprocess.run([str(KEYGEN), "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)  # noqa: S603 - as above
    environment = {"SSH_AUTH_SOCK": str(agent)}
    subprocess.run([str(ADD), "-q", str(file)], check=True, env=environment, capture_output=True)  # noqa: S603 - as above
    raw = b64decode(file.with_suffix(".pub").read_text().split()[1])[-32:]
    file.unlink()
    return to_multibase(ED25519_PUBLIC + raw)


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
    subprocess.run([str(ADD), "-q", "-D"], check=True, env={"SSH_AUTH_SOCK": str(agent)}, capture_output=True)  # noqa: S603 - as above
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
