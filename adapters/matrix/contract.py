"""What a homeserver's transactions are known to hold beside what we read; names that people may invent are not told."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from adapters.drift import OTHER, Shape, shape, unknown_fields
from adapters.matrix.compose import KEY, SUBJECT
from adapters.matrix.payload import Event, Message, Relating
from adapters.matrix.translate import KNOWN_TYPES
from adapters.port import Strange, What

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRANSACTION: Final = Shape(
    frozenset(
        (
            "events", "ephemeral", "to_device", "device_lists", "device_one_time_keys_count", "device_unused_fallback_key_types",
            "de.sorunome.msc2409.ephemeral", "de.sorunome.msc2409.to_device", "org.matrix.msc3202.device_lists",
            "org.matrix.msc3202.device_one_time_keys_count", "org.matrix.msc3202.device_one_time_key_counts",
            "org.matrix.msc3202.device_unused_fallback_key_types",
        )
    ),
)  # fmt: skip
_UNSIGNED: Final = Shape(
    frozenset(
        (
            "age", "age_ts", "membership", "prev_content", "prev_sender", "redacted_because", "redacted_by", "replaces_state",
            "transaction_id", "invite_room_state", "knock_room_state", "m.relations", "io.element.synapse.soft_failed",
            "io.element.synapse.policy_server_spammy", "org.matrix.msc4115.membership", "org.matrix.msc4354.sticky_duration_ttl_ms",
        )
    )
)  # fmt: skip
_EVENT: Final = shape(
    Event, ("state_key", "user_id", "age", "prev_content", "replaces_state", "membership", "msc4354_sticky"), unsigned=_UNSIGNED
)
_CONTENT: Final = shape(Message).fields | shape(Relating).fields | {
    KEY, SUBJECT, "m.mentions", "m.text", "m.file", "m.image", "m.audio", "m.video", "m.caption", "file", "external_url", "geo_uri", "redacts", "reason",
    "org.matrix.msc1767.text", "org.matrix.msc1767.message", "org.matrix.msc1767.file", "org.matrix.msc1767.audio", "org.matrix.msc1767.image",
    "org.matrix.msc3245.voice", "org.matrix.msc3245.voice.v2", "org.matrix.msc3488.asset", "org.matrix.msc3488.location",
    "org.matrix.msc3488.ts", "org.matrix.msc3952.mentions", "page_url", "origin_server_ts", "com.beeper.linkpreviews", "fi.mau.double_puppet_source",
}  # fmt: skip
_SPECIFIED: Final = ("m.", "org.matrix.")


def strange(transaction: Any) -> Iterator[Strange]:
    """What is not known in a transaction, of events that we read; nothing, whatever came, raises."""
    if not isinstance(transaction, dict):
        return
    yield from unknown_fields(transaction, _TRANSACTION, "transaction")
    events = transaction.get("events")
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            yield from _of_event(event)


def _of_event(event: dict[str, Any]) -> Iterator[Strange]:
    kind, content = event.get("type"), event.get("content")
    if kind not in KNOWN_TYPES:
        yield Strange(What.TYPE, _told(kind if isinstance(kind, str) else OTHER))
        return
    yield from unknown_fields(event, _EVENT, "event")
    if isinstance(content, dict) and "state_key" not in event and kind in {"m.room.message", "m.room.redaction", "m.reaction"}:
        edit = content.get("m.new_content")
        names = chain(content, edit if isinstance(edit, dict) else ())
        yield from (Strange(What.FIELD, "content." + _told(name)) for name in names if name not in _CONTENT)


def _told(name: str) -> str:
    """The name where it is the specification's: any other is a member's own words, which no log may tell."""
    return name if name.startswith(_SPECIFIED) else OTHER
