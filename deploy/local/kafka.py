"""A real Kafka broker of one's own: KRaft in one process, on the loopback, its data in a folder."""

from __future__ import annotations

import base64
import shutil
import uuid
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from deploy.local import ports
from deploy.local.process import Process, Program, make_way, run

if TYPE_CHECKING:
    from collections.abc import Sequence

CLONE = Path(__file__).resolve().parents[2]
JARS = CLONE / ".local" / "kafka"
TEMPLATE = CLONE / "deploy" / "kafka" / "server.properties"
JAVA = ("java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-Djava.awt.headless=true", "-Dlog4j2.level=WARN")
STARTS_FAST = ("-XX:TieredStopAtLevel=1",)  # half the work to start, less speed afterwards: for what runs shortly or is little used
READY_WITHIN = 300.0


class KafkaNotInstalled(RuntimeError):
    """The broker's jars, or Java, are missing."""


class LocalKafka:
    """A broker on a free port, which it keeps: clients find it again after a restart."""

    def __init__(self, folder: Path, jars: Path = JARS, java_options: Sequence[str] = ()) -> None:
        self._folder = folder.absolute()
        self._java_options = java_options
        self._jars = jars.absolute()
        self._port, self._controller_port = ports.free_ports(2)
        self._process: Process | None = None

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"{ports.LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        return self._process.pid if self._process and self._process.exit_code is None else None

    @property
    def log(self) -> Path:
        """Where the broker writes what happens."""
        return self._folder / "kafka.log"

    def start(self) -> None:
        """Start the broker on the data that it has, or on new data; return when it takes clients. Safe to repeat."""
        if self.pid is not None:
            return
        _check_installed(self._jars)
        make_way(self._folder, "java")
        self._write_properties()
        if not (self._data / "meta.properties").exists():
            self._format()
        self._process = Process(self._program("kafka", self._java_options, "kafka.Kafka", str(self._properties)))
        self._process.wait_until(lambda: ports.answers(self._port), READY_WITHIN)

    def stop(self) -> None:
        """Stop it politely. Safe to repeat."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Stop it as a power cut would (-9)."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop it and start it again: same port, same records."""
        self.stop()
        self.start()

    def discard(self) -> None:
        """Stop it and remove its data; its log stays for whoever asks what happened."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _write_properties(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        values = {"port": self._port, "controller_port": self._controller_port, "data": self._data}
        self._properties.write_text(Template(TEMPLATE.read_text()).substitute(values))

    def _format(self) -> None:
        """Lay new storage; what a format that was cut short left behind is no data."""
        shutil.rmtree(self._data, ignore_errors=True)
        words = ("format", "--standalone", "-t", _cluster_id(), "-c", str(self._properties))
        run(self._program("kafka storage format", STARTS_FAST, "kafka.tools.StorageTool", *words))

    def _program(self, name: str, options: Sequence[str], *words: str) -> Program:
        return Program(name, [*JAVA, *options, "-cp", f"{self._jars}/*", *words], self.log, folder=self._folder)


def _cluster_id() -> str:
    """Sixteen random bytes, the first below 128: one name in sixty-four would begin with a dash, which the broker's command line takes for an option."""
    first, *others = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *others])).decode().rstrip("=")


def _check_installed(jars: Path) -> None:
    if not any(jars.glob("kafka_*.jar")):
        raise KafkaNotInstalled(f"no Kafka in {jars}: run `make kafka` in the clone")
    if shutil.which("java") is None:
        raise KafkaNotInstalled("no `java` on the path: install Java 17 or later")
