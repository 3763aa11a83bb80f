"""The operators' commands: topics, nodes, peers, people, manifests, communities, moderation, ties, trace, dlq, keys, registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def add_to(app: typer.Typer) -> None:
    """Add the groups to a command line. They are loaded here: a process that lives long comes through this package and needs none of them."""
    from hub.commands import communities, dead_letters, keys, manifest, moderation, nodes, peers, people, registry, ties, topics, trace

    app.add_typer(topics.app, name="topics")
    app.add_typer(nodes.app, name="nodes")
    app.add_typer(peers.app, name="peers")
    app.add_typer(people.app, name="people")
    app.add_typer(manifest.app, name="manifest")
    app.add_typer(communities.app, name="communities")
    app.add_typer(moderation.app, name="moderation")
    app.add_typer(ties.app, name="ties")
    app.add_typer(dead_letters.app, name="dlq")
    app.add_typer(keys.app, name="keys")
    app.add_typer(registry.app, name="registry")
    app.command("trace")(trace.trace)
