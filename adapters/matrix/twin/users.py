"""The twin's accounts, and the words of its refusals."""

from __future__ import annotations

import secrets
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS users (user_id TEXT PRIMARY KEY, displayname TEXT, password TEXT);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, user_id TEXT NOT NULL);
"""


class MatrixError(Exception):
    """A refusal in Matrix's words."""

    def __init__(self, status: int, errcode: str, error: str, **members: object) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"errcode": errcode, "error": error, **members}


class Users:
    """What a homeserver remembers of people; each method is one transaction of the file."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path)
        self._file.row_factory = sqlite3.Row
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add_user(self, user: str, password: str | None) -> None:
        """Register once."""
        if self.knows(user):
            raise MatrixError(400, "M_USER_IN_USE", "User ID already taken.")
        with self._file:
            self._file.execute("INSERT INTO users VALUES (?, ?, ?)", (user, user[1:].partition(":")[0], password))

    def knows(self, user: str) -> bool:
        """Tell whether the user is registered."""
        return self._file.execute("SELECT 1 FROM users WHERE user_id = ?", (user,)).fetchone() is not None

    def new_token(self, user: str) -> str:
        """An access token for the user."""
        token = "syt_" + secrets.token_urlsafe(24)
        with self._file:
            self._file.execute("INSERT INTO tokens VALUES (?, ?)", (token, user))
        return token

    def user_of(self, token: str) -> str | None:
        """Whose token this is."""
        row = self._file.execute("SELECT user_id FROM tokens WHERE token = ?", (token,)).fetchone()
        return str(row["user_id"]) if row else None

    def check_password(self, user: str, password: str) -> None:
        """Refuse a wrong password."""
        row = self._file.execute("SELECT password FROM users WHERE user_id = ?", (user,)).fetchone()
        if row is None or row["password"] is None or not secrets.compare_digest(row["password"].encode(), password.encode()):
            raise MatrixError(403, "M_FORBIDDEN", "Invalid username or password")

    def displayname(self, user: str) -> str | None:
        """The user's name."""
        row = self._file.execute("SELECT displayname FROM users WHERE user_id = ?", (user,)).fetchone()
        if row is None:
            raise MatrixError(404, "M_NOT_FOUND", "Profile was not found")
        return str(row["displayname"]) if row["displayname"] else None
