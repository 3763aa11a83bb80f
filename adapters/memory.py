"""What the ledger remembers of one instance's RSE: its objects and copies, open intents, persons' secrets and who is known where."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from adapters import stale
from adapters.owed import Owed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.ledger import Ledger

MET_REMEMBERED = 20_000
VERSIONS_KEPT = 50  # versions we wrote of one object: more than any RSE has echoes under way


class Kind(StrEnum):
    """What an object of the ledger is."""

    MESSAGE = "message"
    REACTION = "reaction"
    ANSWER = "answer"
    PART = "part"


@dataclass(frozen=True, slots=True)
class KnownObject:
    """An object of this RSE: somebody's own message here, or the copy of another ministry's; or what was set on one.

    `about` is the native id of the message on which a reaction or an acceptance is set, or that a part continues; `changes` counts
    the changes of an acceptance, of which the platform tells no time, and how often a reaction of that kind was set anew (`Change.recurs`);
    it is a part's number. `parts` names those that stand here.
    """

    native_id: str
    subject: str
    origin: str
    locator: str | None
    versions: tuple[str, ...]
    space: str
    community: str
    deleted: bool = False
    withdrawn: bool = False
    kind: Kind = Kind.MESSAGE
    about: str | None = None
    changes: int = 0
    parts: tuple[str, ...] = ()
    moderated: bool = False
    """Of an own message: a moderator's word took it away here."""
    settled: tuple[str, ...] = ()
    """Of an own message: the versions that it has by our own hand (`own_hand.span`)."""

    @property
    def is_copy(self) -> bool:
        """Whether we wrote it."""
        return self.origin == "copy"


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """A write that has begun and whose answer is not known yet."""

    key: str
    act: str
    space: str
    native_id: str | None
    opened_at: datetime


@dataclass
class Known:
    """What the ledger knows about one batch; grows while the batch is decided, so that later changes see earlier ones."""

    natives: dict[str, KnownObject] = field(default_factory=dict)
    locators: dict[str, KnownObject] = field(default_factory=dict)
    intents: list[OpenIntent] = field(default_factory=list)
    coming: dict[str, Coming] = field(default_factory=dict)
    """By native id and by locator: those that a batch refers to, and those that are just being told."""

    def add(self, known: KnownObject) -> None:
        """Remember an object under both of its addresses."""
        self.natives[known.native_id] = known
        if known.locator is not None:
            self.locators[known.locator] = known

    def renew(self, objects: Iterable[KnownObject]) -> None:
        """Let what was decided since stand over what the ledger told, but for what the writer noted, which the ledger knows best."""
        for one in objects:
            told = self.natives.get(one.native_id)
            self.add(one if told is None else _renewed(one, told))

    def telling_in(self, space: str) -> bool:
        """Whether a message of this space is just being asked for and told: what changes meanwhile may be about it."""
        return any(one.telling and one.space == space for one in self.coming.values())

    def find(self, reference: str) -> KnownObject | None:
        """An object by its native id or its locator."""
        return self.natives.get(reference) or self.locators.get(reference)


def _renewed(one: KnownObject, told: KnownObject) -> KnownObject:
    versions, deleted = (told.versions, told.deleted) if one.is_copy else (one.versions, one.deleted)
    locator = one.locator or told.locator
    return replace(one, versions=versions, deleted=deleted, locator=locator, moderated=told.moderated, settled=told.settled)


class Coming(NamedTuple):
    """A message of before the tie that a back-fill has found and not brought yet; `telling` while it is being asked for and told."""

    native_id: str
    community: str
    space: str
    telling: bool = False


class Met(NamedTuple):
    """Somebody of this RSE who wrote in a community: whoever names her there may call her."""

    community: str
    name: str
    handle: str


OBJECT_COLUMNS = (
    "native_id, subject, origin, locator, versions, space, community, deleted, withdrawn, kind, about, changes, moderated, settled"
)
KNOWN = f"""
    SELECT 'object' AS what, {OBJECT_COLUMNS}, NULL::timestamptz AS opened_at, NULL::bytea AS secret
    FROM objects WHERE instance = $1 AND native_id = ANY($2)
    UNION ALL
    SELECT 'object', {OBJECT_COLUMNS}, NULL, NULL FROM objects WHERE instance = $1 AND locator = ANY($2)
    UNION ALL
    SELECT 'intent', native_id, key, act, NULL, NULL, space, '', false, false, '', NULL, 0, false, NULL, opened_at, NULL
    FROM intents WHERE instance = $1 AND state = 'open'
    UNION ALL
    SELECT 'coming', native_id, '', state, locator, NULL, space, community, false, false, '', NULL, 0, false, NULL, NULL, NULL
    FROM backfill_items WHERE instance = $1 AND state IN ('waiting', 'telling') AND (native_id = ANY($2) OR locator = ANY($2) OR state = 'telling')
        AND (space, community) IN (SELECT space, community FROM backfills WHERE instance = $1 AND state IN ('surveying', 'bringing'))
    UNION ALL
    SELECT 'person', NULL, actor, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, secret
    FROM persons WHERE instance = $1 AND actor = ANY($3)
"""  # noqa: S608 - made of constants alone
UPSERT_OBJECTS = """
    INSERT INTO objects (
        instance, native_id, subject, origin, locator, space, community, deleted, withdrawn, kind, about, changes, versions
    )
    SELECT $1, i, s, o, l, p, c, d, w, k, a, n, array_remove(ARRAY[v], NULL) FROM unnest(
        $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::bool[], $10::text[], $11::text[], $12::int[],
        $13::text[]
    ) AS given (i, s, o, l, p, c, d, w, k, a, n, v)
    ON CONFLICT (instance, native_id) DO UPDATE SET
        subject = CASE objects.origin WHEN 'own' THEN excluded.subject ELSE objects.subject END,
        locator = coalesce(excluded.locator, objects.locator), space = excluded.space, community = excluded.community,
        deleted = CASE objects.origin WHEN 'own' THEN excluded.deleted ELSE objects.deleted END,
        withdrawn = excluded.withdrawn, about = excluded.about, changes = excluded.changes,
        versions = CASE objects.origin WHEN 'own' THEN excluded.versions ELSE objects.versions END
"""


class Memory:
    """What admission asks and tells about objects and persons of one instance, a batch at a time."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance
        self._secrets: dict[str, bytes] = {}
        self._met: set[Met] = set()
        self._owed = Owed()

    async def recall(self, references: Iterable[str], actors: Iterable[str]) -> Known:
        """One query for a whole batch: objects by native id or locator, open intents, secrets of persons not seen yet."""
        unseen, asked = sorted({actor for actor in actors if actor not in self._secrets}), sorted(set(references))
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(KNOWN, self._instance, asked, unseen)
        known = Known()
        for row in rows:
            self._sort(row, known)
        known.renew(self._owed.among(asked))
        await self._make_secrets([actor for actor in unseen if actor not in self._secrets])
        return known

    def _sort(self, row: Mapping[str, Any], known: Known) -> None:
        if row["what"] == "object":
            known.add(object_of(row))
        elif row["what"] == "intent":
            known.intents.append(OpenIntent(row["subject"], row["origin"], row["space"], row["native_id"], row["opened_at"]))
        elif row["what"] == "coming":
            coming = Coming(row["native_id"], row["community"], row["space"], row["origin"] == "telling")
            known.coming |= {reference: coming for reference in (row["native_id"], row["locator"]) if reference is not None}
        else:
            self._secrets[row["subject"]] = row["secret"]

    async def _make_secrets(self, actors: Sequence[str]) -> None:
        """Make a secret at first sight; another process may have been quicker, so read back what stands."""
        if not actors:
            return
        async with self._ledger.connection() as connection:
            await connection.execute(
                "INSERT INTO persons SELECT $1, * FROM unnest($2::text[], $3::bytea[]) ON CONFLICT DO NOTHING",
                self._instance,
                actors,
                [secrets.token_bytes(32) for _ in actors],
            )
            rows = await connection.fetch(
                "SELECT actor, secret FROM persons WHERE instance = $1 AND actor = ANY($2)", self._instance, actors
            )
        self._secrets |= {row["actor"]: row["secret"] for row in rows}

    def secret(self, actor: str) -> bytes:
        """A person's secret; the batch that names her was recalled before."""
        return self._secrets[actor]

    async def want(self, native_ids: Sequence[str]) -> bool:
        """Let back-fills bring these first: somebody answers them. Whether that is news of any."""
        async with self._ledger.connection() as connection:
            found = await connection.fetch(
                "UPDATE backfill_items SET wanted = true WHERE instance = $1 AND native_id = ANY($2) AND NOT wanted RETURNING 1",
                self._instance,
                native_ids,
            )
        return bool(found)

    def owe(self, objects: Sequence[KnownObject]) -> None:
        """Hold what others have been told and the ledger could not be; it is told first of all as soon as it can be."""
        self._owed.owe(objects)

    async def pay(self) -> None:
        """Tell the ledger what it is owed, if anything: nothing more is to be published before that. Raises LedgerUnavailable."""
        await self._owed.pay(self._remember)

    async def remember(self, objects: Sequence[KnownObject]) -> None:
        """Insert or renew a batch of objects in one statement, behind what is owed; the last one of each native id counts."""
        await self._owed.pay(self._remember)
        await self._remember(objects)

    async def _remember(self, objects: Sequence[KnownObject]) -> None:
        latest = list({known.native_id: known for known in objects}.values())
        if not latest:
            return
        columns = zip(
            *(
                (
                    o.native_id,
                    o.subject,
                    o.origin,
                    o.locator,
                    o.space,
                    o.community,
                    o.deleted,
                    o.withdrawn,
                    o.kind,
                    o.about,
                    o.changes,
                    _heard(o),
                )
                for o in latest
            ),
            strict=True,
        )
        async with self._ledger.connection() as connection:
            await stale.mark(connection, self._instance, {one.native_id: one.withdrawn for one in latest if one.is_copy})
            await connection.execute(UPSERT_OBJECTS, self._instance, *map(list, columns))

    async def meet(self, people: Sequence[Met]) -> None:
        """Note who wrote, once for each name of hers."""
        new = list(dict.fromkeys(one for one in people if one not in self._met))
        if not new:
            return
        async with self._ledger.connection() as connection:
            await connection.execute(
                "INSERT INTO acquaintances (instance, community, name, handle) SELECT $1, c, n, h "
                "FROM unnest($2::text[], $3::text[], $4::text[]) AS given (c, n, h) "
                "ON CONFLICT (instance, community, handle) DO UPDATE SET name = excluded.name",
                self._instance,
                *map(list, zip(*{(one.community, one.handle): one for one in new}.values(), strict=True)),
            )
        if len(self._met) > MET_REMEMBERED:
            self._met.clear()
        self._met.update(new)


def _heard(one: KnownObject) -> str | None:
    """The last version heard of an own object; of a copy we keep those that we wrote, and the writer alone knows them."""
    return one.versions[-1] if one.versions and not one.is_copy else None


def object_of(row: Mapping[str, Any]) -> KnownObject:
    """An object out of a row with OBJECT_COLUMNS."""
    return KnownObject(
        row["native_id"], row["subject"], row["origin"], row["locator"], tuple(row["versions"] or ()),
        row["space"], row["community"], row["deleted"], row["withdrawn"], Kind(row["kind"]), row["about"], row["changes"],
        moderated=row["moderated"], settled=tuple(row["settled"] or ()),
    )  # fmt: skip
