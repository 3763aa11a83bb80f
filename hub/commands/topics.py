"""traitdunion topics: the broker's topics, as they are declared and as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.operations.topics import Finding

app = terminal.group("Les topics de Kafka : déclarés une fois, créés, comparés.")
SAID = {"created": "créé", "in_order": "conforme", "missing": "absent", "drifted": "différent"}


@app.command("apply")
def apply_() -> None:
    """Crée les topics qui manquent ; ne change rien à ceux qui existent, et dit ce qui en diffère."""
    from hub.operations import topics
    from hub.operations.broker import administrator
    from schemas.topics import STATIC
    from schemas.wire.kafka import KafkaSettings, TopicNames

    settings = KafkaSettings()
    with terminal.named_errors(), administrator(settings) as admin:
        show(topics.apply(admin, STATIC, TopicNames(), settings))


@app.command("list")
def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les topics déclarés et leur état sur ce courtier."""
    from schemas.topics import STATIC
    from schemas.wire.kafka import TopicNames

    names = TopicNames()
    findings = {finding.topic: finding for finding in _checked()}
    rows = [
        {"topic": names.of(topic), "key": topic.key, "value": topic.value, "partitions": topic.partitions, "days": topic.days,
         "state": findings[names.of(topic)].state.value}
        for topic in STATIC
    ]  # fmt: skip
    if as_json:
        terminal.show_json(rows)
    else:
        cells = [(row["topic"], row["key"], row["partitions"], f"{row['days']} j", SAID[str(row["state"])]) for row in rows]
        terminal.show_table("Topics", ("Topic", "Clé", "Partitions", "Durée", "État"), cells, "Aucun topic n'est déclaré.")


@app.command()
def check(
    retention: Annotated[bool, typer.Option(help="Vérifie aussi que le courtier se souvient assez longtemps des groupes.")] = True,
) -> None:
    """Compare les topics et le courtier avec ce qui est déclaré ; sort avec 1 s'ils diffèrent."""
    findings = _checked()
    show(findings)
    short = _short_memories() if retention else []
    for sentence in short:
        terminal.say(sentence)
    if short or any(finding.state.value in {"missing", "drifted"} for finding in findings):
        raise typer.Exit(terminal.FAILED)


def show(findings: Sequence[Finding]) -> None:
    """Topics with what differs from their declaration."""
    rows = [(one.topic, SAID[one.state.value], one.partitions or "", _differences(one)) for one in findings]
    terminal.show_table("Topics", ("Topic", "État", "Partitions", "Ce qui diffère"), rows, "Aucun topic.")


def _differences(finding: Finding) -> str:
    return "\n".join(f"{name} : déclaré {declared}, trouvé {found}" for name, declared, found in finding.differences)


def _checked() -> list[Finding]:
    from hub.operations import topics
    from hub.operations.broker import administrator
    from schemas.topics import STATIC
    from schemas.wire.kafka import KafkaSettings, TopicNames

    settings = KafkaSettings()
    with terminal.named_errors(), administrator(settings) as admin:
        return topics.check(admin, STATIC, TopicNames(), settings)


def _short_memories() -> list[str]:
    from hub.operations import topics
    from hub.operations.broker import administrator
    from schemas.wire.kafka import KafkaSettings

    with terminal.named_errors(), administrator(KafkaSettings()) as admin:
        kept = topics.offsets_retention(admin)
    least = topics.OFFSETS_RETENTION_MINUTES
    return [
        f"Courtier {broker} : {topics.RETENTION_NAME} vaut {minutes} ; il faut au moins {least} (45 jours), "
        "sinon un nœud en pause oublie où il en était."
        for broker, minutes in kept.items()
        if minutes < least
    ]
