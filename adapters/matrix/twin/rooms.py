"""The twin's memory: rooms and events of a pretended homeserver, in one SQLite file that outlives the process."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from adapters.matrix.twin import rules
from adapters.matrix.twin.users import MatrixError, Users

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

EVENT_LIMIT = 65_536  # bytes of one event as canonical JSON

_TABLES = """
CREATE TABLE IF NOT EXISTS rooms (room_id TEXT PRIMARY KEY, version TEXT NOT NULL, creator TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    stream INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, room_id TEXT NOT NULL, sender TEXT NOT NULL,
    type TEXT NOT NULL, state_key TEXT, content TEXT NOT NULL, ts INTEGER NOT NULL, redacts TEXT, redacted_by TEXT
);
CREATE INDEX IF NOT EXISTS state ON events (room_id, type, state_key, stream);
CREATE TABLE IF NOT EXISTS transactions (scope TEXT PRIMARY KEY, event_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pushed (id INTEGER PRIMARY KEY CHECK (id = 1), acknowledged INTEGER NOT NULL, txn TEXT, upto INTEGER);
INSERT OR IGNORE INTO pushed VALUES (1, 0, NULL, NULL);
"""


class Rooms(Users):
    """What a homeserver remembers of rooms; each method is one transaction of the file."""

    def __init__(self, path: Path, server_name: str) -> None:
        super().__init__(path)
        self.server_name = server_name
        self.on_event: Callable[[], None] = lambda: None
        self.fixed_names = (
            False  # `enable_set_displayname: false`: who has a name keeps it, and a ghost is registered with one, its local part
        )
        self.ahead = 0.0  # seconds by which this server's clock is ahead of the true time
        self._file.executescript(_TABLES)

    def rename(self, user: str, name: str) -> None:
        """Change the user's name, in the rooms too."""
        if len(name) > 256:  # noqa: PLR2004 (Synapse's limit)
            raise MatrixError(400, "M_INVALID_PARAM", "Displayname is too long (max 256)")
        with self._file:
            self._file.execute("UPDATE users SET displayname = ? WHERE user_id = ?", (name, user))
        for room in self.joined_rooms(user):
            self._append(room, user, "m.room.member", {"membership": "join", "displayname": name}, state_key=user)

    # --- rooms ---------------------------------------------------------------------------------------------------

    def create(self, creator: str, body: dict[str, Any], room: str | None = None) -> str:
        """A new room with the state that its preset gives; its id is the server's choice unless it is named."""
        version, public = str(body.get("room_version", "12")), body.get("preset") == "public_chat"
        room = room or "!" + secrets.token_urlsafe(32) + (f":{self.server_name}" if int(version) < rules.FOUNDED else "")
        with self._file:
            self._file.execute("INSERT INTO rooms VALUES (?, ?, ?)", (room, version, creator))
        self._append(room, creator, "m.room.create", rules.creation(version, creator, body.get("predecessor")), state_key="")
        self._enter(room, creator)
        self._append(room, creator, "m.room.power_levels", rules.first_levels(version, creator), state_key="")
        self._append(room, creator, "m.room.join_rules", {"join_rule": "public" if public else "invite"}, state_key="")
        self._append(room, creator, "m.room.history_visibility", {"history_visibility": "shared"}, state_key="")
        guests = "forbidden" if public else "can_join"  # a real Synapse's presets say so, guests or not
        self._append(room, creator, "m.room.guest_access", {"guest_access": guests}, state_key="")
        for initial in body.get("initial_state", []):
            self._append(room, creator, initial["type"], initial["content"], state_key=initial.get("state_key", ""))
        if body.get("name"):
            self._append(room, creator, "m.room.name", {"name": body["name"]}, state_key="")
        for user in body.get("invite", []):
            self.invite(room, creator, user)
        return room

    def rooms(self) -> list[str]:
        """Every room, in the order of their making."""
        return [str(row["room_id"]) for row in self._file.execute("SELECT room_id FROM rooms ORDER BY rowid")]

    def version(self, room: str) -> int:
        """The room's version; 404 for an unknown room."""
        row = self._file.execute("SELECT version FROM rooms WHERE room_id = ?", (room,)).fetchone()
        if row is None:
            raise MatrixError(404, "M_NOT_FOUND", "Unknown room")
        return int(row["version"])

    def members(self, room: str) -> dict[str, str]:
        """User → membership."""
        return {event["state_key"]: event["content"]["membership"] for event in self.state(room) if event["type"] == "m.room.member"}

    def joined_rooms(self, user: str) -> list[str]:
        """Rooms in which the user is."""
        return [room for room in self.rooms() if self.members(room).get(user) == "join"]

    def join(self, room: str, user: str) -> None:
        """Enter a public room, or one that invited the user."""
        if self.enters(room, user):
            self._enter(room, user)

    def enters(self, room: str, user: str) -> bool:
        """Tell whether the user may enter and is not there yet; refuse whom the room does not let in."""
        self._known(room)
        membership = self.members(room).get(user)
        rule = self._state_content(room, "m.room.join_rules").get("join_rule")
        if membership == "ban":
            raise MatrixError(403, "M_BAD_STATE", "Cannot join user who was banned")
        if membership not in {"join", "invite"} and rule != "public":
            raise MatrixError(403, "M_FORBIDDEN", "You are not invited to this room.")
        return membership != "join"

    def invite(self, room: str, inviter: str, user: str) -> None:
        """Open the room for somebody."""
        self.check_joined(room, inviter)
        if self.power(room, inviter) < self._levels(room).get("invite", 0):
            raise MatrixError(403, "M_FORBIDDEN", "You don't have permission to invite users")
        membership = self.members(room).get(user)
        if membership == "ban":
            raise MatrixError(403, "M_BAD_STATE", "Cannot invite user who was banned")
        if membership == "join":
            raise MatrixError(403, "M_FORBIDDEN", f"{user} is already in the room.")
        self._append(room, inviter, "m.room.member", {"membership": "invite"}, state_key=user)

    def put_out(self, room: str, moderator: str, user: str, membership: str) -> None:
        """Leave, kick or ban."""
        if moderator != user or self.members(room).get(user) != "invite":  # an invitation may be declined
            self.check_joined(room, moderator)
        if moderator != user and self.power(room, moderator) < rules.MODERATOR:
            raise MatrixError(403, "M_FORBIDDEN", "You don't have permission to do that")
        self._append(room, moderator, "m.room.member", {"membership": membership}, state_key=user)

    def power(self, room: str, user: str) -> int:
        """The user's power level."""
        row = self._file.execute("SELECT version, creator FROM rooms WHERE room_id = ?", (room,)).fetchone()
        return rules.power(row["version"], row["creator"], self._levels(room), user)

    def upgrade(self, room: str, user: str, version: str) -> str:
        """Replace a room by one of another version: its tombstone names the new one, and only moderators write there still."""
        self._check_power(room, user, "m.room.tombstone", state=True)
        body = {"name": self._state_content(room, "m.room.name").get("name"), "room_version": version, "predecessor": room}
        new = self.create(user, body)
        tombstone = {"body": "This room has been replaced", "replacement_room": new}
        self._append(room, user, "m.room.tombstone", tombstone, state_key="")
        self._append(room, user, "m.room.power_levels", rules.abandoned(self._levels(room)), state_key="")
        return new

    def _levels(self, room: str) -> dict[str, Any]:
        return self._state_content(room, "m.room.power_levels")

    def _check_power(self, room: str, user: str, kind: str, *, state: bool) -> None:
        self.check_joined(room, user)
        if self.power(room, user) < rules.for_event(self._levels(room), kind, state=state):
            raise MatrixError(403, "M_FORBIDDEN", "You don't have permission to post that to the room.")

    def check_joined(self, room: str, user: str) -> None:
        """Refuse whoever is not in the room."""
        if self._known(room) and self.members(room).get(user) != "join":
            raise MatrixError(403, "M_FORBIDDEN", f"User {user} not in room {room}")

    # --- events --------------------------------------------------------------------------------------------------

    def once(self, scope: str, act: Callable[[], str]) -> str:
        """Do the act the first time that this transaction comes; give the same event's id afterwards."""
        row = self._file.execute("SELECT event_id FROM transactions WHERE scope = ?", (scope,)).fetchone()
        if row is not None:
            return str(row["event_id"])
        event_id = act()
        with self._file:
            self._file.execute("INSERT INTO transactions VALUES (?, ?)", (scope, event_id))
        return event_id

    def forget_transactions(self, token: str) -> None:
        """What an application service has sent is remembered in memory alone: Synapse 1.163 does it again after a restart."""
        with self._file:
            self._file.execute("DELETE FROM transactions WHERE scope LIKE ?", (f"{token} %",))

    def send(self, room: str, sender: str, kind: str, content: dict[str, Any], ts: int | None = None) -> str:
        """A message event."""
        self._check_power(room, sender, kind, state=False)
        if kind == "m.reaction" and self._annotated(room, sender, content):
            raise MatrixError(400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
        return self._append(room, sender, kind, content, ts=ts)

    def set_state(self, room: str, sender: str, kind: str, state_key: str, content: dict[str, Any]) -> str:
        """A state event."""
        if (kind, state_key, content.get("membership")) == ("m.room.member", sender, "join"):
            self.check_joined(room, sender)  # one's own name in the room asks no power
        else:
            self._check_power(room, sender, kind, state=True)
        row = self._file.execute("SELECT version, creator FROM rooms WHERE room_id = ?", (room,)).fetchone()
        if kind == "m.room.power_levels" and rules.names_its_creator(row["version"], row["creator"], content):
            raise MatrixError(400, "M_UNKNOWN", "Creator user must not appear in content.users")
        return self._append(room, sender, kind, content, state_key=state_key)

    def redact(self, room: str, sender: str, event_id: str, reason: str | None) -> str:
        """Take an event away: its author may, and a moderator."""
        self.check_joined(room, sender)
        target = self.event(room, event_id)
        if target["sender"] != sender and self.power(room, sender) < rules.MODERATOR:
            raise MatrixError(403, "M_FORBIDDEN", "You don't have permission to redact events")
        content = {"redacts": event_id} | ({"reason": reason} if reason else {})
        redaction = self._append(room, sender, "m.room.redaction", content, redacts=event_id)
        with self._file:
            self._file.execute("UPDATE events SET redacted_by = ?, content = '{}' WHERE event_id = ?", (redaction, event_id))
        return redaction

    def event(self, room: str, event_id: str) -> dict[str, Any]:
        """One event, as a client sees it."""
        row = self._file.execute("SELECT * FROM events WHERE room_id = ? AND event_id = ?", (room, event_id)).fetchone()
        if row is None:
            raise MatrixError(404, "M_NOT_FOUND", "Could not find event")
        shown, edit = self._shown(row), self._last_edit(row)
        if edit is not None:
            shown["unsigned"]["m.relations"] = {"m.replace": edit}
        return shown

    def _last_edit(self, row: sqlite3.Row) -> dict[str, Any] | None:
        """The latest replacement of an event that counts: by its own sender, in its own room, not taken away."""
        query = """SELECT * FROM events WHERE room_id = ? AND sender = ? AND type = ? AND redacted_by IS NULL AND state_key IS NULL
            ORDER BY ts DESC, event_id DESC"""
        for found in self._file.execute(query, (row["room_id"], row["sender"], row["type"])):
            relation = json.loads(found["content"]).get("m.relates_to")
            if isinstance(relation, dict) and (relation.get("rel_type"), relation.get("event_id")) == ("m.replace", row["event_id"]):
                return None if row["redacted_by"] else self._shown(found)
        return None

    def relations(self, room: str, event_id: str, kind: str) -> list[dict[str, Any]]:
        """Events that relate to one, latest first."""
        self.event(room, event_id)
        found = [(one, one["content"].get("m.relates_to")) for one in reversed(self.events(room))]
        named = [(one, relation) for one, relation in found if isinstance(relation, dict)]
        return [one for one, relation in named if (relation.get("rel_type"), relation.get("event_id")) == (kind, event_id)]

    def events(self, room: str) -> list[dict[str, Any]]:
        """The room's events, oldest first."""
        rows = self._file.execute("SELECT * FROM events WHERE room_id = ? ORDER BY stream", (room,))
        return [self._shown(row) for row in rows]

    def page(
        self, room: str, before: int | None, limit: int, only: dict[str, list[str]] | None = None, since: int = 0
    ) -> tuple[list[dict[str, Any]], int | None]:
        """The latest events before a position and not before another, latest first, and where the next page starts; `only` some senders' or types'."""
        wanted = {column: json.dumps((only or {}).get(name)) for column, name in (("sender", "senders"), ("type", "types"))}
        query = """SELECT * FROM events WHERE room_id = ? AND stream < ? AND stream >= ?
            AND (? = 'null' OR sender IN (SELECT value FROM json_each(?))) AND (? = 'null' OR type IN (SELECT value FROM json_each(?)))
            ORDER BY stream DESC LIMIT ?"""
        asked = (wanted["sender"], wanted["sender"], wanted["type"], wanted["type"])
        rows = self._file.execute(query, (room, before if before is not None else 1 << 62, since, *asked, limit)).fetchall()
        return [self._shown(row) for row in rows], (int(rows[-1]["stream"]) if rows else None)

    def end(self) -> int:
        """Where the stream ends now."""
        return int(self._file.execute("SELECT coalesce(max(stream), 0) + 1 FROM events").fetchone()[0])

    def place(self, event_id: str) -> int:
        """Where an event stands in the stream."""
        return int(self._file.execute("SELECT stream FROM events WHERE event_id = ?", (event_id,)).fetchone()[0])

    def forward(self, room: str, since: int, before: int | None, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """The first events of a room from a position on, oldest first, each with its own."""
        query = "SELECT * FROM events WHERE room_id = ? AND stream >= ? AND stream < ? ORDER BY stream LIMIT ?"
        rows = self._file.execute(query, (room, since, before if before is not None else 1 << 62, limit))
        return [(int(row["stream"]), self._shown(row)) for row in rows]

    def backward(self, room: str, before: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """The last events of a room before a position, latest first, each with its own."""
        query = "SELECT * FROM events WHERE room_id = ? AND stream < ? ORDER BY stream DESC LIMIT ?"
        return [(int(row["stream"]), self._shown(row)) for row in self._file.execute(query, (room, before, limit))]

    def state(self, room: str, until: int = 1 << 62) -> list[dict[str, Any]]:
        """The room's state now, or as it was at a stream position."""
        query = """SELECT * FROM events WHERE stream IN
            (SELECT max(stream) FROM events WHERE room_id = ? AND stream <= ? AND state_key IS NOT NULL GROUP BY type, state_key)"""
        return [self._shown(row) for row in self._file.execute(query, (room, until))]

    def state_for(self, room: str, user: str) -> list[dict[str, Any]]:
        """The state as a user is shown it: whoever left, or was put out, sees it as it was then; the banned and the invited see nothing."""
        membership = self.members(room).get(user) if self._known(room) else None
        if membership == "leave":
            query = "SELECT max(stream) AS last FROM events WHERE room_id = ? AND type = 'm.room.member' AND state_key = ?"
            return self.state(room, self._file.execute(query, (room, user)).fetchone()["last"])
        self.check_joined(room, user)
        return self.state(room)

    # --- what the application service has had --------------------------------------------------------------------

    def pushed(self) -> tuple[int, str | None, int | None]:
        """Stream position that is acknowledged; the transaction under way and how far it goes."""
        row = self._file.execute("SELECT acknowledged, txn, upto FROM pushed").fetchone()
        return row["acknowledged"], row["txn"], row["upto"]

    def begin_push(self, txn: str, upto: int) -> None:
        """Fix a transaction, so that each attempt carries the same events."""
        with self._file:
            self._file.execute("UPDATE pushed SET txn = ?, upto = ?", (txn, upto))

    def end_push(self, acknowledged: int) -> None:
        """Go on after what was acknowledged."""
        with self._file:
            self._file.execute("UPDATE pushed SET acknowledged = ?, txn = NULL, upto = NULL", (acknowledged,))

    def after(self, position: int, upto: int | None, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Events of all rooms after a stream position."""
        query = "SELECT * FROM events WHERE stream > ? AND stream <= ? ORDER BY stream LIMIT ?"
        rows = self._file.execute(query, (position, upto if upto is not None else 1 << 62, limit))
        return [(int(row["stream"]), self._shown(row)) for row in rows]

    # --- inside --------------------------------------------------------------------------------------------------

    def _annotated(self, room: str, sender: str, content: dict[str, Any]) -> bool:
        """Tell whether the user's same key stands on that event; a redacted one has no content any more."""
        query = "SELECT content FROM events WHERE room_id = ? AND sender = ? AND type = 'm.reaction' AND redacted_by IS NULL"
        mine = (json.loads(row["content"]).get("m.relates_to") for row in self._file.execute(query, (room, sender)))
        return any(relation == content.get("m.relates_to") for relation in mine)

    def _known(self, room: str) -> bool:
        return self.version(room) > 0

    def _enter(self, room: str, user: str) -> None:
        content = {"membership": "join", "displayname": self.displayname(user)}
        self._append(room, user, "m.room.member", content, state_key=user)

    def shown_as(self, room: str, user: str) -> str:
        """The name that a room shows."""
        member = next(
            (event["content"] for event in self.state(room) if (event["type"], event["state_key"]) == ("m.room.member", user)), None
        )
        return str((member or {}).get("displayname") or self.displayname(user) or user)

    def _state_content(self, room: str, kind: str) -> dict[str, Any]:
        return next((event["content"] for event in self.state(room) if (event["type"], event["state_key"]) == (kind, "")), {})

    def _append(
        self,
        room: str,
        sender: str,
        kind: str,
        content: dict[str, Any],
        *,
        state_key: str | None = None,
        redacts: str | None = None,
        ts: int | None = None,
    ) -> str:
        self.version(room)
        encoded = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        if len(encoded.encode()) + len(room) + len(sender) + len(kind) + 400 > EVENT_LIMIT:  # 400: its hashes, signatures, parents
            raise MatrixError(413, "M_TOO_LARGE", "event too large")
        event_id = "$" + secrets.token_urlsafe(32)
        row = (event_id, room, sender, kind, state_key, encoded, ts if ts is not None else int((time.time() + self.ahead) * 1000), redacts)
        columns = "event_id, room_id, sender, type, state_key, content, ts, redacts"
        with self._file:
            self._file.execute(f"INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 (the columns are ours)
        self.on_event()
        return event_id

    def _shown(self, row: sqlite3.Row) -> dict[str, Any]:
        event = {
            "type": row["type"],
            "event_id": row["event_id"],
            "room_id": row["room_id"],
            "sender": row["sender"],
            "origin_server_ts": row["ts"],
            "content": json.loads(row["content"]),
            "unsigned": {},
        }
        if row["state_key"] is not None:
            event["state_key"] = row["state_key"]
        if row["redacts"] is not None:
            event["redacts"] = row["redacts"]  # a real Synapse says it here and in the content, whatever the room's version
        if row["redacted_by"] is not None:
            redactor = self._file.execute("SELECT sender FROM events WHERE event_id = ?", (row["redacted_by"],)).fetchone()["sender"]
            event["unsigned"]["redacted_because"] = {"type": "m.room.redaction", "event_id": row["redacted_by"], "sender": redactor}
        return event
