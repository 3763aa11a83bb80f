"""The operators' commands on a real database and broker: what they do, and what they say when they cannot."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from kafka import KafkaProducer
from nacl.public import PrivateKey, PublicKey, SealedBox
from typer.testing import CliRunner

from hub import bootstrap, commands
from hub.operations import dlq, quarantine, topics
from hub.operations.broker import administrator, reader
from hub.storage.engine import engine_for
from schemas.keys import SigningKey
from schemas.manifest import Registry, issue
from schemas.topics import ADAPTERS_DLQ, PEER_INBOUND
from schemas.wire.kafka import KafkaSettings, TopicNames
from tests import fakes_hub
from tests.fakes_application import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from tests.servers import Kafka

ANNE, BAKARY = "anne.jeton", "bakary.jeton"


def run(*words: str) -> Result:
    app = typer.Typer()
    commands.add_to(app)
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def hub(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub with a key and a database without rows, reached by its settings as a person would set them."""
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    monkeypatch.setenv("TRAITDUNION_SIGNING_KEY", str(tmp_path / "hub.pem"))
    SigningKey.generate("hub").save(tmp_path / "hub.pem")
    return tmp_path


@pytest.fixture
def people(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Two people of the federation; who is named acts from then on."""
    for name, file, siret in (("Anne Lefort", ANNE, "00000100600014"), ("Bakary Diop", BAKARY, "00000100500016")):
        run("people", "add", "--name", name, "--organisation", "DINUM", "--siret", siret, "--token-file", str(hub / file))

    def acts(file: str) -> None:
        monkeypatch.setenv("TRAITDUNION_PERSON_TOKEN_FILE", str(hub / file))

    return acts


def applying(folder: Path, key: SigningKey, *more: str) -> str:
    """A node's manifest in a file, made by the command that integrators have."""
    key.save(folder / "node.pem")
    contacts = [word for role in ROLES for word in ("--contact", f"{role}=Camille Roux <{role}@ministere.example>")]
    made = run(
        "manifest", "new", key.owner, "--organisation", "Finances", "--siret", "00000100100015", "--platform", "discourse",
        "--endpoint", "rse=https://rse.example/", "--key", str(folder / "node.pem"), "--out", str(folder / "manifest.json"),
        *contacts, *more,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    return str(folder / "manifest.json")


def admitted(folder: Path, key: SigningKey, people: Callable[[str], None]) -> None:
    assert run("nodes", "apply", applying(folder, key)).exit_code == 0
    for file in (ANNE, BAKARY):
        people(file)
        assert run("nodes", "approve", key.owner).exit_code == 0


@pytest.fixture
def broker(kafka: Kafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> TopicNames:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    return TopicNames()


def test_a_node_from_its_application_to_its_revoked_key(hub: Path, people: Callable[[str], None]) -> None:
    key = SigningKey.generate("wifip")
    assert "candidat" in run("nodes", "apply", applying(hub, key)).output
    people(ANNE)
    assert "1 approbation sur 2" in run("nodes", "approve", "wifip").output
    assert "Vous l'avez déjà approuvé" in run("nodes", "approve", "wifip").output
    assert run("registry", "show").exit_code == 1
    people(BAKARY)
    assert "est admis" in run("nodes", "approve", "wifip").output
    anchor = run("registry", "anchor").output.strip()
    opened = Registry.open(run("registry", "show").output.strip().encode(), anchor, fakes_hub.NOW)
    assert opened.node("wifip") is not None
    assert [node["grade"] for node in json.loads(run("nodes", "list", "--json").output)] == ["full"]
    assert run("nodes", "suspend", "wifip", "--reason", "essai").exit_code == 0
    assert run("nodes", "revoke-key", "wifip", key.public.multibase).exit_code == 0
    registry = json.loads(run("registry", "show").output)
    assert registry["version"] == 3
    assert "revokedAt" in registry["nodes"][0]["keys"][0]
    shown = run("nodes", "show", "wifip").output
    for said in (
        "suspendu",
        "raison : essai",
        "Anne Lefort (DINUM)",
        "clé chez le ministère",
        "révoquée",
        "hub:token",
        "rssi@ministere.example",
    ):
        assert said in shown
    (act, *_) = [one for one in json.loads(run("nodes", "show", "wifip", "--json").output)["acts"] if one["kind"] == "key_revoked"]
    assert act["attestation"]["by"]["name"] == "Bakary Diop"


def test_a_manifest_that_ended_is_said_wherever_its_node_is_listed(
    hub: Path, people: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    (listed,) = json.loads(run("nodes", "list", "--json").output)
    end = datetime.fromisoformat(listed["manifest_expires"])
    for days, said in ((-31, ""), (-29, "manifeste bientôt expiré"), (0, "manifeste expiré")):
        monkeypatch.setattr(bootstrap, "clock", lambda days=days: end + timedelta(days=days))
        shown = run("nodes", "list").output
        assert [word for word in ("manifeste bientôt expiré", "manifeste expiré") if word in shown] == ([said] if said else [])
    assert "manifeste expiré (jusqu'au" in run("nodes", "show", "wifip").output
    run("nodes", "suspend", "wifip", "--reason", "essai")
    assert "Son manifeste a expiré" in run("nodes", "approve", "wifip").output


def test_a_node_is_lowered_to_observer_and_raised_again(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    assert "redevient observateur par « lower »" in run("nodes", "approve", "wifip", "--grade", "observer").output
    assert "1 approbation sur 2" in run("nodes", "lower", "wifip", "--reason", "En attendant leur RSSI").output
    people(ANNE)
    assert "wifip est observateur." in run("nodes", "lower", "wifip", "--reason", "En attendant leur RSSI").output
    assert "rien à faire" in run("nodes", "lower", "wifip", "--reason", "encore").output
    assert json.loads(run("registry", "show").output)["nodes"][0]["grade"] == "observer"
    assert "raison : En attendant leur RSSI" in run("nodes", "show", "wifip").output
    run("nodes", "approve", "wifip")
    people(BAKARY)
    assert "wifip est admis." in run("nodes", "approve", "wifip").output


def test_opening_a_federation_again_changes_nothing(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    run("communities", "open", "c", "--title", "C")
    registry = run("registry", "show").output
    added = ("people", "add", "--name", "Anne Lefort", "--organisation", "DINUM", "--siret", "00000100600014", "--token-file")
    opening = [
        (*added, str(hub / ANNE)), ("nodes", "apply", str(hub / "manifest.json")), ("nodes", "approve", "wifip"),
        ("communities", "open", "c", "--title", "C"),
    ]  # fmt: skip
    for words in opening:
        again = run(*words)
        assert (again.exit_code, again.output.strip()[-15:]) == (0, ": rien à faire.")
    assert run("registry", "show").output == registry
    assert len(json.loads(run("people", "list", "--json").output)) == 2


def test_a_node_that_applies_again_as_somebody_else_is_refused(hub: Path) -> None:
    key = SigningKey.generate("wifip")
    run("nodes", "apply", applying(hub, key))
    again = run("nodes", "apply", applying(hub, SigningKey.generate("wifip")))
    assert (again.exit_code, again.output.strip()) == (1, "Un nœud « wifip » s'est déjà présenté, par d'autres clés, ou est parti.")
    (listed,) = json.loads(run("nodes", "list", "--json").output)
    assert listed["keys"] == [key.key_id]


def test_a_person_is_listed_without_her_token_and_acts_no_more_once_revoked(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = run("people", "add", "--name", "Chloé Martin", "--organisation", "DINUM", "--siret", "00000100600014")
    token = added.output.strip()
    assert token.startswith("tdu-")
    (listed,) = json.loads(run("people", "list", "--json").output)
    assert token not in run("people", "list").output
    assert run("people", "revoke", listed["id"]).exit_code == 0
    assert "Personne n'agit" in run("people", "revoke", listed["id"]).output
    run("nodes", "apply", applying(hub, SigningKey.generate("wifip")))
    assert "Qui agit ?" in run("nodes", "approve", "wifip").output
    monkeypatch.setenv("TRAITDUNION_PERSON_TOKEN", token)
    assert "n'agit plus" in run("nodes", "approve", "wifip").output


def test_a_manifest_is_checked_and_signed_again_and_every_fault_is_told(hub: Path) -> None:
    key = SigningKey.generate("wifip")
    path = Path(applying(hub, key))
    assert "convient" in run("manifest", "check", str(path)).output
    said = json.loads(path.read_text())
    said["organisation"]["siret"] = "00000100100016"
    del said["contacts"]["rssi"]
    path.write_text(json.dumps(said))
    wrong = run("manifest", "check", str(path))
    assert wrong.exit_code == 1
    for reason in ("organisation_siret_checksum", "contacts_rssi_missing", "proof_invalid"):
        assert f"[{reason}]" in wrong.output
    resigned = run("manifest", "sign", str(path), "--key", str(hub / "node.pem"))
    assert "proof_invalid" not in resigned.output
    assert "contacts_rssi_missing" in resigned.output


def test_a_peer_applies_is_admitted_and_is_no_node(hub: Path, people: Callable[[str], None]) -> None:
    path = applying(hub, SigningKey.generate("opsi.example"), "--kind", "peer", "--server", "activitypub", "--cavage")
    assert "serveur pair" in run("nodes", "apply", path).output
    assert "candidat" in run("peers", "apply", path).output
    for file in (ANNE, BAKARY):
        people(file)
        run("peers", "approve", "opsi.example", "--grade", "observer")
    assert "observateur" in run("peers", "acts", "opsi.example").output
    assert "est suspendu" in run("peers", "suspend", "opsi.example", "--reason", "panne").output
    assert "1 approbation sur 2" in run("peers", "depart", "opsi.example", "--reason", "fin").output
    assert "Aucune candidature" in run("peers", "refuse", "opsi.example", "--reason", "x").output


def test_a_server_that_signs_no_manifest_is_declared(hub: Path, people: Callable[[str], None]) -> None:
    del hub
    people(ANNE)
    words = ("peers", "declare", "Social.example", "--organisation", "OPSI", "--reason", "Mastodon n'en signe pas.")
    for option, wrong in (("--siret", "12345678901234"), ("--network", "10.0.0.1/8")):
        refused = run(*words, option, wrong)
        assert (refused.exit_code, option in refused.output) == (1, True)
    assert "deux fois" in run(*words, "--cavage", "--network", "10.2.0.0/16").output
    assert "rien à faire" in run(*words, "--cavage", "--network", "10.2.0.0/16").output
    shown = run("peers", "acts", "social.example").output
    for said in ("déclaré par la fédération, sans manifeste signé", "draft-cavage", "10.2.0.0/16", "Mastodon n'en signe pas."):
        assert said in shown
    assert '"authority": "social.example"' in run("peers", "acts", "social.example", "--json").output
    for file in (ANNE, BAKARY):
        people(file)
        run("peers", "approve", "social.example")
    assert "admis" in run("peers", "acts", "social.example").output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nodes", "approve", "absent"), "Qui agit ?"),
        (("nodes", "show", "absent"), "Aucun nœud ne s'appelle « absent »."),
        (("nodes", "release", "absent", "--reason", "x"), "Qui agit ?"),
        (("nodes", "apply", "absent.json"), "Fichier introuvable : absent.json"),
        (("people", "add", "--name", "A", "--organisation", "B", "--siret", "12345678901234"), "n'est pas un SIRET"),
        (("communities", "open", "Futurs Publics", "--title", "x"), "ne peut pas nommer une communauté"),
        (("communities", "open", "c", "--title", "x", "--audience", "unknown"), "jamais fédérée"),
        (("communities", "open", "c", "--title", ""), "1 à 200 caractères"),
        (("ties", "propose", "absent", "espace", "c"), "Aucun nœud"),
        (("trace", "absent"), "Aucun message ni événement"),
        (("dlq", "show", "topic"), "Une place s'écrit topic/partition/offset"),
        (("dlq", "show", "topic/0/x"), "Une place s'écrit topic/partition/offset"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(hub: Path, words: tuple[str, ...], sentence: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert hub.exists()


def test_communities_and_ties_are_opened_proposed_and_listed(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    assert run("communities", "open", "futurs-publics", "--title", "Futurs Publics").exit_code == 0
    assert "déjà ouverte" in run("communities", "open", "futurs-publics", "--title", "Encore").output
    assert run("communities", "open", "autre", "--title", "Autre").exit_code == 0
    assert run("ties", "propose", "wifip", "espace", "futurs-publics").exit_code == 0
    assert "déjà rattaché" in run("ties", "propose", "wifip", "espace", "autre").output
    assert "Aucune communauté" in run("ties", "propose", "wifip", "espace", "absente").output
    assert [(tie["node"], tie["state"]) for tie in json.loads(run("ties", "list", "--json").output)] == [("wifip", "proposed")]
    assert [community["id"] for community in json.loads(run("communities", "list", "--json").output)] == ["autre", "futurs-publics"]
    assert "Futurs Publics" in run("communities", "list").output
    assert "proposé" in run("ties", "list").output
    assert hub.exists()


def test_a_trace_tells_the_way_and_says_what_is_unknown(hub: Path, database_url: str) -> None:
    async def fill() -> None:
        engine = engine_for(database_url)
        async with engine.begin() as connection:
            await fakes_hub.people_of(connection)
            await fakes_hub.thread_of(connection)
        await engine.dispose()

    asyncio.run(fill())
    said = run("trace", "m2").output
    for word in ("rse.inbound.v1-2-103", "hub.facts.v1-4-503", "message modifié", "en attente", "inconnu", "vérifié"):
        assert word in said
    assert "académie" not in said
    assert [step["sequence"] for step in json.loads(run("trace", "e-m2-bis", "--json").output)] == [3, 5]
    assert hub.exists()


def test_what_nodes_missed_is_listed_with_what_was_sent_of_it(hub: Path, database_url: str) -> None:
    async def fill() -> None:
        engine = engine_for(database_url)
        async with engine.begin() as connection:
            await fakes_hub.people_of(connection)
            await fakes_hub.resync(connection, "education", reached=28)
        await engine.dispose()

    assert "n'a rien redemandé" in run("nodes", "resyncs").output
    asyncio.run(fill())
    assert "en cours" in run("nodes", "resyncs").output
    (said,) = json.loads(run("nodes", "resyncs", "--json").output)
    assert (said["node"], said["reached"], said["to_go"], said["originals"], said["stand_ins"]) == ("education", 28, 12, 25, 1)
    assert hub.exists()


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("TRAITDUNION_DATABASE_URL", ("nodes", "list")),
        ("TRAITDUNION_KAFKA_BOOTSTRAP", ("topics", "check")),
        ("TRAITDUNION_KAFKA_BOOTSTRAP", ("dlq", "list")),
    ],
)
def test_a_server_that_does_not_answer_is_named_with_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, variable: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv(variable, "127.0.0.1:1" if "KAFKA" in variable else "postgresql://nobody@127.0.0.1:1/none")
    result = run(*words)
    assert result.exit_code == 69
    assert "ne répond pas" in result.output


def test_a_database_without_tables_says_which_command_makes_them(bare_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", bare_database_url)
    result = run("nodes", "list")
    assert result.exit_code == 1
    assert "traitdunion migrate" in result.output


def test_a_missing_hub_key_says_which_command_makes_it(hub: Path) -> None:
    (hub / "hub.pem").unlink()
    assert "traitdunion keys generate hub" in run("communities", "open", "c", "--title", "C").output
    made = run("keys", "generate", "hub", str(hub / "hub.pem"))
    assert made.output.strip() == run("registry", "anchor").output.strip()
    assert (hub / "hub.pem").stat().st_mode & 0o077 == 0
    assert "ne s'écrase pas" in run("keys", "generate", "hub", str(hub / "hub.pem")).output
    assert run("communities", "open", "c", "--title", "C").exit_code == 0


def test_the_operators_pair_seals_and_opens(tmp_path: Path) -> None:
    path = tmp_path / "sealed.key"
    public = run("keys", "generate", "operators", str(path)).output.strip()
    sealed = SealedBox(PublicKey(bytes.fromhex(public))).encrypt(b"corps")
    assert SealedBox(PrivateKey(bytes.fromhex(path.read_text().strip()))).decrypt(sealed) == b"corps"
    assert path.stat().st_mode & 0o077 == 0


def test_topics_are_applied_checked_and_listed(broker: TopicNames) -> None:
    assert run("topics", "check").exit_code == 1
    assert "créé" in run("topics", "apply").output
    assert run("topics", "check").exit_code == 0
    assert {row["state"] for row in json.loads(run("topics", "list", "--json").output)} == {"in_order"}
    assert "conforme" in run("topics", "list").output
    assert "Aucun rebut" in run("dlq", "list").output
    assert broker.topic_prefix


def test_a_sealed_letter_is_shown_without_its_content_unless_asked(
    broker: TopicNames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = KafkaSettings()
    with administrator(settings) as admin:
        topics.apply(admin, [ADAPTERS_DLQ], broker, settings)
    key = PrivateKey.generate()
    producer = KafkaProducer(**settings.options())
    headers = [("dlq_reason", b"json_malformed"), ("node", b"wifip\x1b[2J")]
    producer.send(
        broker.of(ADAPTERS_DLQ), value=SealedBox(key.public_key).encrypt("{é\x1b[2J".encode()), key=b"wifip", headers=headers
    ).get(timeout=60)
    producer.close()
    (listed,) = json.loads(run("dlq", "list", "--json").output)
    assert listed["reason"] == "json_malformed"
    assert "\x1b" not in run("dlq", "list").output
    shown = run("dlq", "show", listed["place"]).output
    assert "json_malformed" in shown
    assert "{é" not in shown
    assert "TRAITDUNION_OPERATORS_PRIVATE_KEY" in run("dlq", "show", listed["place"], "--content").output
    (tmp_path / "key").write_text(bytes(key).hex())
    monkeypatch.setenv("TRAITDUNION_OPERATORS_PRIVATE_KEY", str(tmp_path / "key"))
    opened = run("dlq", "show", listed["place"], "--content").output
    assert "{é" in opened
    assert "\x1b" not in opened


def test_a_node_is_provisioned_and_released(hub: Path, broker: TopicNames, people: Callable[[str], None]) -> None:
    people(ANNE)
    run("topics", "apply")
    run("nodes", "apply", applying(hub, SigningKey.generate("wifip")))
    assert "node.wifip.outbound.v1" in run("nodes", "provision", "wifip").output.replace("\n", "")
    assert "Aucun nœud ne s'appelle « absent »." in run("nodes", "release", "absent", "--reason", "x").output
    assert "Il faut dire pourquoi" in run("nodes", "release", "wifip", "--reason", " ").output
    result = run("nodes", "release", "wifip", "--reason", "Corrigé.")
    assert result.exit_code == 0
    assert "wifip n'est pas en quarantaine ; enregistrements rejoués : 0" in result.output
    assert (hub.exists(), bool(broker.topic_prefix)) == (True, True)


def test_a_peer_in_quarantine_is_seen_and_let_go_on_in_somebodys_name(
    hub: Path, broker: TopicNames, people: Callable[[str], None], database_url: str
) -> None:
    people(ANNE)
    run("topics", "apply")
    run("peers", "declare", "social.example", "--organisation", "OPSI", "--reason", "Mastodon n'en signe pas.")
    asyncio.run(quarantined(database_url, "social.example"))
    parked(broker, "social.example", "autre.example")
    assert "en quarantaine" in run("peers", "list").output
    assert "depuis le 2026-11-20" in run("peers", "show", "social.example").output
    assert json.loads(run("peers", "show", "social.example", "--json").output)["quarantined_at"]
    released = run("peers", "release", "social.example", "--reason", "Corrigé chez eux.").output
    assert "social.example sort de quarantaine ; enregistrements rejoués : 1." in released
    assert "en quarantaine" not in run("peers", "list").output
    shown = run("peers", "acts", "social.example").output
    for said in ("fin de quarantaine", "Anne Lefort (DINUM)", "Corrigé chez eux.", "hub:token"):
        assert said in shown
    again = run("peers", "release", "social.example", "--reason", "encore").output
    assert "social.example n'est pas en quarantaine ; enregistrements rejoués : 0." in again
    with reader(KafkaSettings()) as client:
        (come,) = dlq.read(client, broker.of(PEER_INBOUND))
    assert (come.unverified_value, come.headers) == (b"social.example", (("peer_server", b"social.example"),))
    assert hub.exists()


async def quarantined(database_url: str, peer: str) -> None:
    engine = engine_for(database_url)
    async with engine.begin() as connection:
        await quarantine.quarantine_peers(connection, [peer], fakes_hub.NOW)
    await engine.dispose()


def parked(broker: TopicNames, *peers: str) -> None:
    """One record of each peer among the dead letters."""
    producer = KafkaProducer(**KafkaSettings().options())
    for peer in peers:
        headers = [("dlq_reason", b"peer_quarantined"), ("peer_server", peer.encode())]
        producer.send(broker.of(PEER_INBOUND.dead_letters), value=peer.encode(), key=peer.encode(), headers=headers).get(timeout=30)
    producer.close()


def test_a_registry_is_compared_and_verified_offline(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    assert run("nodes", "suspend", "wifip", "--reason", "essai").exit_code == 0
    assert "nœud wifip : admis → suspendu" in run("registry", "diff", "1", "2").output
    assert "Aucune version 9" in run("registry", "diff", "1", "9").output
    anchor, first, second = run("registry", "anchor").output.strip(), hub / "1.json", hub / "2.json"
    first.write_text(run("registry", "show", "--version", "1").output)
    second.write_text(run("registry", "show").output)
    (hub / "anchor").write_text(anchor + "\n")
    assert run("registry", "verify", str(second), "--anchor", str(hub / "anchor"), "--after", str(first)).exit_code == 0
    assert run("registry", "diff", str(first), str(first)).output.endswith("Rien d'autre que les dates.\n")
    back = run("registry", "verify", str(first), "--anchor", anchor, "--after", str(second))
    assert (back.exit_code, "registry_rolled_back" in back.output) == (4, True)
    other = run("registry", "verify", str(first), "--anchor", SigningKey.generate("hub").public.multibase)
    assert (other.exit_code, "registry_signature_invalid" in other.output) == (1, True)
    old = json.loads(second.read_text()) | {"expires": "2026-01-01T00:00:00.000Z"}
    second.write_bytes(
        issue({name: said for name, said in old.items() if name != "proof"}, SigningKey.load("hub", hub / "hub.pem"), fakes_hub.NOW)
    )
    assert run("registry", "verify", str(second), "--anchor", anchor).exit_code == 3


def test_a_key_is_announced_by_the_ministry_and_taken_by_the_operator(hub: Path, people: Callable[[str], None]) -> None:
    key = SigningKey.generate("wifip")
    admitted(hub, key, people)
    word, out = ("keys", "announce", "wifip", "--key", str(hub / "node.pem"), "--out", str(hub / "annonce.json")), str(hub / "annonce.json")
    assert "node.pem.next suivra" in run(*word).output
    beside = SigningKey.load("wifip", hub / "node.pem.next")
    assert run(*word).exit_code == 0  # an announcement that was lost names the same key again
    assert SigningKey.load("wifip", hub / "node.pem.next").key_id == beside.key_id
    assert "sera active le" in run("keys", "rotate", out, "--lead", "0", "--overlap", "1").output
    assert "Cette clé est déjà connue." in run("keys", "rotate", out).output
    shown = run("nodes", "show", "wifip").output
    assert f"clé {beside.key_id} : active" in shown
    assert f"clé {key.key_id} : bientôt retirée" in shown
    assert "clé relayée" in shown
    (hub / "annonce.json").write_text("{}")
    assert "rotation_malformed" in run("keys", "rotate", out).output
    assert "dans le futur" in run("keys", "compromised", "wifip", key.public.multibase, "--since", "2100-01-01").output
    assert "est douteux" in run("keys", "compromised", "wifip", key.public.multibase, "--since", "2026-01-01").output
    assert "compromisedSince" in run("registry", "show").output


def test_an_encrypted_key_is_opened_by_its_passphrase_and_by_nothing_else(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_KEY_PASSPHRASE", "une phrase")
    run("keys", "generate", "node", str(hub / "node.pem"), "--owner", "wifip")
    assert b"ENCRYPTED" in (hub / "node.pem").read_bytes()
    (hub / "m.json").write_text('{"id": "wifip"}')
    signing = ("manifest", "sign", str(hub / "m.json"), "--key", str(hub / "node.pem"))
    assert "La clé ne s'ouvre pas" not in run(*signing).output
    monkeypatch.delenv("TRAITDUNION_KEY_PASSPHRASE")
    refused = run(*signing)
    assert "TRAITDUNION_KEY_PASSPHRASE" in refused.output
    assert "une phrase" not in refused.output
