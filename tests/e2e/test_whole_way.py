"""The whole system as processes, with three RSEs, one of them behind the HTTPS door: payloads of others fed through the doors, and faults in the middle of a conversation."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import pytest_asyncio
from aiohttp import ClientSession, ClientTimeout

from deploy.demo import cast, opening
from deploy.demo.ground import FOLDER, MARK, Ground
from deploy.demo.narrator import Narrator
from deploy.demo.plan import Plan
from deploy.demo.scene import Scene
from deploy.demo.spaces import find
from deploy.demo.stack import Stack
from deploy.local.ports import free_port
from schemas.proof import timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from deploy.demo.spaces import Shown

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENCE = 180.0
CLONE = Path(__file__).resolve().parents[2]
FOLDER_OF_CONNECTORS = CLONE / "adapters"
EVENT = re.compile(r"événement ([0-9a-f]{32})")


@dataclass
class Whole:
    """The running system and the people in it."""

    scene: Scene
    folder: Path

    @property
    def stack(self) -> Stack:
        return self.scene.stack

    async def command(self, node: str, *words: str) -> str:
        """A `traitdunion` command as the operator of a ministry types it."""
        instances = self.folder / "instances" / f"{node}.yaml"
        port = str(self.scene.plan.posts[node].gateway_port)
        environment = {**self.stack.environment, "TRAITDUNION_INSTANCES": str(instances), "TRAITDUNION_GATEWAY_PORT": port}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub", *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        return f"{said.decode()}\nexit {process.returncode}"

    def logs(self) -> dict[str, str]:
        """What the processes of hub and connectors have written."""
        return {
            log.name: log.read_text()
            for log in (self.folder / "logs").glob("*.log")
            if log.name.startswith(("worker", "conn", "relay", "site", "door"))
        }

    def processes(self, *words: str) -> list[psutil.Process]:
        """This session's processes whose command line holds all these words."""
        return [one for one in psutil.process_iter() if _is_ours(one, self.folder) and all(word in _line(one) for word in words)]

    async def kill(self, *words: str) -> None:
        """Kill -9, and wait until the supervisor has started another in its place."""
        victims = self.processes(*words)
        assert victims, words
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
        await self.until(lambda: any(one.pid not in {v.pid for v in victims} for one in self.processes(*words)))

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - other processes tell nobody when they change
                await asyncio.sleep(0.1)

    async def words_everywhere(self, expected: Sequence[str]) -> dict[str, list[str]]:
        """Wait until every RSE shows all these words; node → the words in the order shown, doubles and all."""
        async with asyncio.timeout(PATIENCE):
            while True:
                shown = {node: [m.text for m in await space.shown()] for node, space in self.scene.spaces.items()}
                found = {node: [word for text in texts for word in expected if word in text] for node, texts in shown.items()}
                if all(set(words) == set(expected) for words in found.values()):
                    return found
                await asyncio.sleep(0.2)


@dataclass
class Terminal:
    """An integrator's shell: what she types, and whether it went well."""

    shell: asyncio.subprocess.Process

    @classmethod
    async def open(cls, whole: Whole, folder: Path) -> Terminal:
        plan = whole.scene.plan
        ours = {"PORTE": plan.door, "HUB": plan.site, "JUMEAU": str(free_port()), "PASSERELLE": str(free_port())}
        environment = {**whole.stack.environment, **ours, "TRAITDUNION_KAFKA_BOOTSTRAP": "127.0.0.1:1", "PYTHONPATH": str(CLONE)}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with (folder / "said").open("wb") as said:
            shell = await asyncio.create_subprocess_exec(
                "bash", "-e", "-m", cwd=folder, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=said,
                start_new_session=True,
            )  # fmt: skip
        return cls(shell)

    async def type(self, block: str) -> None:
        """Run a block; the shell ends at the first command that fails."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{block}\necho DONE >&1\n".encode())
        async with asyncio.timeout(PATIENCE):
            while (line := await self.shell.stdout.readline()) != b"DONE\n":
                assert line, f"the shell ended in: {block}"

    async def close(self) -> None:
        """End the shell and whatever it started."""
        for one in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if os.getsid(one.pid) == self.shell.pid:
                    one.kill()
        await self.shell.communicate()


@pytest.fixture(scope="module")
def monkeymodule() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory, monkeymodule: pytest.MonkeyPatch) -> AsyncIterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    monkeymodule.setenv(FOLDER, str(folder))
    ground, narrator = Ground.claim(), Narrator()
    async with ClientSession(timeout=ClientTimeout(total=120), trust_env=False) as http:
        plan = Plan.make(ground)
        stack = Stack(plan, http, "twin", narrator.progress)
        try:
            claire = await stack.start_servers()
            scene = Scene.set_up(plan, stack, narrator, http, claire)
            await opening.nodes(scene)
            await opening.ties(scene)
            yield Whole(scene, ground.folder)
        finally:
            await asyncio.shield(stack.stop())
            ground.release()
    assert not [one for one in psutil.process_iter() if _is_ours(one, ground.folder) and one.pid != os.getpid()]


def _said_now(payload: Any, file: Path) -> Path:
    """The same, of now: what was said before its space was tied stays there. A moment later: so near a tie no clock tells on which side it is."""
    now = datetime.now(UTC) + timedelta(seconds=3)
    file.write_text(json.dumps(_renewed(payload, now)))
    return file


def _renewed(said: Any, now: datetime) -> Any:
    match said:
        case dict():
            times = {"origin_server_ts": int(now.timestamp() * 1000), "created_at": timestamp(now), "updated_at": timestamp(now)}
            return {key: times[key] if key in times and value else _renewed(value, now) for key, value in said.items()}
        case list():
            return [_renewed(one, now) for one in said]
        case other:
            return other


@pytest.mark.parametrize(("platform", "node"), [("discourse", "wifip"), ("matrix", "education")])
async def test_every_shared_payload_gets_its_answer_through_the_real_doors(
    whole: Whole, payloads: Path, tmp_path: Path, platform: str, node: str
) -> None:
    files = [_said_now(json.loads(file.read_text()), tmp_path / file.name) for file in sorted((payloads / platform).glob("*.json"))]
    assert files
    said = await whole.command(node, "connector", "feed", node, *map(str, files), "--space", whole.stack.spaces[node], "--wait", "60")
    assert said.endswith("exit 0"), said
    for file in files:
        part = said.split(f"{file.name} :", 1)[1]
        assert re.search(r"événement|inutilisé|refusé|écarté|à demander", part.split(".json :", 1)[0]), said
    if platform == "matrix":
        assert EVENT.search(said), said
        assert "arrivé chez diplomatie : written" in said, said
        assert "arrivé chez wifip : written" in said, said


async def test_a_real_edit_with_its_text_arrives_in_the_other_ministries(whole: Whole, payloads: Path, tmp_path: Path) -> None:
    payload = json.loads((payloads / "discourse" / "post_edited_reply.json").read_text())
    payload["body"]["post"]["cooked"] = "<p>Le terminal répond de nouveau, merci à vous tous.</p>"
    payload["body"]["post"] |= {
        "post_number": 1,
        "reply_to_post_number": None,
    }  # what it answers, its forum here would be asked for in vain
    file = _said_now(payload, tmp_path / "with_text.json")
    said = await whole.command("wifip", "connector", "feed", "wifip", str(file), "--wait", "60")
    assert EVENT.search(said), said
    for node in (cast.EDUCATION, cast.DIPLOMATIE):
        await whole.scene.seen(node, "le message", lambda shown: find(shown, "Le terminal répond de nouveau"), PATIENCE)


async def test_a_forged_feed_is_refused_by_name(whole: Whole, tmp_path: Path) -> None:
    file = tmp_path / "nonsense.json"
    file.write_text(json.dumps({"headers": {"X-Discourse-Event": "post_created"}, "body": {"post": {"id": "pas un nombre"}}}))
    said = await whole.command("wifip", "connector", "feed", "wifip", str(file))
    assert "refusé post_malformed" in said, said


async def test_every_tied_space_tells_once_who_reads_it(whole: Whole) -> None:
    for ministry in cast.MINISTRIES:
        others = [one.name for one in cast.MINISTRIES if one is not ministry]

        def whole_notice(shown: Sequence[Shown], others: Sequence[str] = others) -> Shown | None:
            notice = find(shown, "par Trait d’union")
            return notice if notice is not None and all(name in notice.text for name in others) else None

        await whole.scene.seen(ministry, "l'avis", whole_notice, PATIENCE)
        shown = await whole.scene.spaces[ministry.node].shown()
        assert len([one for one in shown if "par Trait d’union" in one.text]) == 1


@pytest.mark.long
async def test_what_a_space_held_before_its_tie_comes_silently_at_its_date_and_is_taken_back(whole: Whole) -> None:
    text = "Un message d’il y a dix jours, d’avant le rattachement."
    at = datetime.now(UTC) - timedelta(days=10)
    old = {
        "title": "Un sujet d’avant le rattachement",
        "raw": text,
        "category": cast.CATEGORY,
        "created_at": at.isoformat(),
        "import_mode": True,
    }
    await whole.scene.wifip._call("POST", "/posts.json", old)
    said = await whole.command("wifip", "connector", "backfill", "start", "wifip", cast.CATEGORY, "--days", "30")
    assert said.endswith("exit 0"), said
    others = (cast.EDUCATION, cast.DIPLOMATIE)
    await whole.scene.arrives(text, others, PATIENCE)
    (copy,) = [post for post in await whole.scene.diplomatie._call("GET", "/twin/posts") if text in post["raw"].replace("\\", "")]
    assert (copy["created_at"][:19], copy["alerted"]) == (at.isoformat()[:19], False)
    assert find(await whole.scene.portal.shown(), text) is None  # eXo would notify
    async with whole.scene.http.get(f"{whole.scene.plan.site}/communautes/{cast.COMMUNITY}") as page:
        assert '<span class="history">historique</span>' in await page.text()
    said = ""
    for _ in range(20):  # what was brought is told a moment before the whole is done
        if "fait" in (said := await whole.command("wifip", "connector", "backfill", "list")):
            break
    assert "fait" in said
    await whole.command("wifip", "connector", "backfill", "undo", "wifip", cast.CATEGORY)
    await whole.scene.leaves(text, others, PATIENCE)
    assert find(await whole.scene.wifip.shown(), text) is not None


async def test_one_correlation_id_leads_from_the_webhook_to_the_receipts(whole: Whole) -> None:
    text = "Un message que l'on suivra de bout en bout."
    await whole.scene.wifip.open_topic("Un message suivi pas à pas", text)
    await whole.words_everywhere([text])
    messages = await whole.scene.hub.messages(cast.COMMUNITY)
    name = next(one["id"] for one in messages if text in one["html"])
    trace = json.loads((await whole.command("wifip", "trace", name, "--json")).rsplit("\nexit", 1)[0])
    correlation = re.search(r'"correlation": "([0-9a-f]{32})"', json.dumps(trace))
    assert correlation, trace
    way = {"connector-wifip.log", "connector-diplomatie.log", "worker-receipts.log"}
    await whole.until(lambda: way <= {name for name, log in whole.logs().items() if correlation[1] in log})
    assert not [name for name, log in whole.logs().items() if text in log or "Camille" in log]


async def test_a_ministry_behind_the_door_runs_without_any_broker(whole: Whole) -> None:
    process = psutil.Process(pid_of_connector(whole, cast.DIPLOMATIE.node))
    seen: set[int] = set()

    def reached() -> bool:
        seen.update(one.raddr.port for one in process.net_connections() if one.raddr)
        return whole.scene.plan.door_port in seen

    await whole.until(reached)
    assert int(whole.stack.environment["TRAITDUNION_KAFKA_BOOTSTRAP"].rpartition(":")[2]) not in seen
    assert "kafka_connected" not in whole.logs()["connector-diplomatie.log"]


@pytest.mark.long
async def test_the_page_for_integrators_leads_from_nothing_to_a_first_message(whole: Whole, tmp_path: Path) -> None:
    page = (FOLDER_OF_CONNECTORS / "RACCORDER.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh( operateur)?\n(.*?)```", page, re.DOTALL)
    terminal = await Terminal.open(whole, tmp_path)
    try:
        for operators, block in blocks:
            if operators:
                for line in block.strip().splitlines():
                    await _typed_by_the_operator(whole, shlex.split(line), tmp_path)
            else:
                await terminal.type(block)
    finally:
        await terminal.close()
    assert "arrivé sans Kafka" in json.dumps(await whole.scene.hub.messages("essai"), ensure_ascii=False)


async def _typed_by_the_operator(whole: Whole, words: list[str], folder: Path) -> None:
    """A line as she types it: who acts stands before it, files are those of this session."""
    if words[0] != "traitdunion":
        name, _, file = words.pop(0).partition("=")
        await whole.stack.operator.learn({name: str(whole.scene.plan.keys / file)})
    await whole.stack.operator.run(*(str(folder / word) if word.endswith(".json") else word for word in words[1:]))


@pytest.mark.long
async def test_any_process_killed_in_the_middle_loses_and_doubles_nothing(whole: Whole) -> None:
    room, expected = whole.scene.room, []
    victims: tuple[tuple[str, ...], ...] = (
        ("hub", "worker", "inbound"),
        ("hub", "worker", "fanout"),
        ("hub", "relay"),
        ("hub", "worker", "receipts"),
        ("hub", "door"),
    )
    connectors = [pid_of_connector(whole, node) for node in ("diplomatie", "education", "wifip")]
    everybody: list[tuple[str, ...] | int] = [*victims, *connectors]
    for number, victim in enumerate(everybody):
        for half in ("avant", "après"):
            text = f"Parole n° {number} {half} la coupure."
            expected.append(text)
            await room.write(text)
            if half == "avant":
                await (whole.kill(*victim) if isinstance(victim, tuple) else _kill_pid(victim))
    shown = await whole.words_everywhere(expected)
    assert {node: words for node, words in shown.items() if words != expected} == {}


@pytest.mark.long
async def test_broker_and_database_that_go_and_come_back_lose_and_double_nothing(whole: Whole) -> None:
    room, wifip = whole.scene.room, whole.scene.wifip
    first = "Avant que le courtier ne redémarre, un mot."
    await room.write(first)
    await asyncio.to_thread(whole.stack.broker._kafka.stop)  # type: ignore[attr-defined]  # this session's own broker
    during = "Pendant que le courtier est arrêté, un autre."
    await wifip.open_topic("Écrit pendant l'arrêt du courtier", during)
    await asyncio.to_thread(whole.stack.broker._kafka.start)  # type: ignore[attr-defined]  # the same
    await whole.words_everywhere([first, during])
    server = whole.stack._database._server  # type: ignore[attr-defined]  # this session's own database
    await asyncio.to_thread(server.stop)
    without = "Pendant que la base est arrêtée, un troisième."
    await room.write(without)
    await asyncio.to_thread(server.start)
    shown = await whole.words_everywhere([first, during, without])
    assert {node: words for node, words in shown.items() if sorted(words) != sorted([first, during, without])} == {}


def pid_of_connector(whole: Whole, node: str) -> int:
    """The connector process of a node: the one whose environment names its instances file."""
    [found] = [
        one.pid for one in whole.processes("adapters", "run") if one.environ().get("TRAITDUNION_INSTANCES", "").endswith(f"/{node}.yaml")
    ]
    return found


async def _kill_pid(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.5)


def _is_ours(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(folder)
    except psutil.Error:
        return False


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
