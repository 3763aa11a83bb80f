"""A real Synapse on the loopback, in a folder of its own: configured, started, stopped, with an application service on it."""

from __future__ import annotations

import base64
import secrets
import urllib.request
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError

import yaml

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.process import Process, Program, make_way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.local.application_service import ApplicationService

PYTHON = Path(__file__).resolve().parents[2] / ".venv-synapse" / "bin" / "python"
START_WITHIN = 120.0  # seconds, on a machine with other things to do

_FREELY = {"per_second": 10_000, "burst_count": 10_000}


class SynapseMissing(RuntimeError):
    """Synapse's own virtual environment is not there: `make synapse` makes it."""


class LocalSynapse:
    """One homeserver whose database, keys and log lie in `folder`; what was said in it outlives a restart.

    It limits nobody, but for what `limits` says in the words of its own configuration (`rc_message` …).
    """

    def __init__(
        self,
        folder: Path,
        services: Sequence[ApplicationService],
        server_name: str = "tchap.example",
        python: Path = PYTHON,
        limits: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        if not python.exists():
            raise SynapseMissing(f"{python} is not there: run `make synapse`")
        self.server_name = server_name
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._folder = folder.resolve()
        self._services = services
        self._python = python
        self._limits = dict(limits)
        self._process: Process | None = None

    def start(self) -> None:
        """Configure it, start it, return when it answers. Raises ServerFailed with the end of its log."""
        self._folder.mkdir(parents=True, exist_ok=True)
        make_way(self._folder, self._python.name)
        config = self._configure()
        command = [str(self._python), "-m", "synapse.app.homeserver", "--config-path", str(config)]
        self._process = Process(Program("synapse", command, self._folder / "synapse.log", folder=self._folder))
        try:
            self._process.wait_until(self.is_well, START_WITHIN)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it; safe to repeat."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it at once (-9), as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def is_well(self) -> bool:
        """Ask its health page."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:  # noqa: S310 (our own loopback address)
                return bool(answer.status == 200)  # noqa: PLR2004 (an HTTP status names itself)
        except (URLError, OSError):
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _configure(self) -> Path:
        files = [service.write(self._folder / f"{service.id}.yaml") for service in self._services]
        (self._folder / "log.yaml").write_text(yaml.safe_dump(_LOG))
        self._keep_signing_key()
        config = self._folder / "homeserver.yaml"
        config.touch(mode=0o600)
        config.write_text(yaml.safe_dump({**self._settings(), "app_service_config_files": [str(file) for file in files]}))
        return config

    def _settings(self) -> dict[str, Any]:
        """No federation, no statistics, no key servers, nothing but the loopback; registration open to whoever is on this machine."""
        return {
            "server_name": self.server_name,
            "public_baseurl": f"{self.url}/",
            "pid_file": str(self._folder / "synapse.pid"),
            "listeners": [
                {"port": self.port, "bind_addresses": [LOOPBACK], "type": "http", "tls": False, "resources": [{"names": ["client"]}]}
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self._folder / "homeserver.db")}},
            "log_config": str(self._folder / "log.yaml"),
            "media_store_path": str(self._folder / "media"),
            "signing_key_path": str(self._folder / "signing.key"),
            "registration_shared_secret": secrets.token_urlsafe(24),
            "macaroon_secret_key": secrets.token_urlsafe(24),
            "form_secret": secrets.token_urlsafe(24),
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "report_stats": False,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "presence": {"enabled": False},
            "url_preview_enabled": False,
            **{f"rc_{limit}": _FREELY for limit in ("message", "registration", "joins_per_room", "admin_redaction")},
            "rc_joins": {"local": _FREELY, "remote": _FREELY},
            "rc_login": {"address": _FREELY, "account": _FREELY, "failed_attempts": _FREELY},
            "rc_invites": {"per_room": _FREELY, "per_user": _FREELY, "per_issuer": _FREELY},
            "rc_room_creation": _FREELY,
            **self._limits,
        }

    def _keep_signing_key(self) -> None:
        """Write the key once: a start that has to make it runs Synapse twice."""
        path = self._folder / "signing.key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(f"ed25519 a_local {base64.b64encode(secrets.token_bytes(32)).decode().rstrip('=')}\n")


_LOG = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
    "disable_existing_loggers": False,
}
