"""Source users into the snapshot: filtered and mapped on the way, in batches, a bounded number in memory.

Each pool has a reader of its own; one thread writes what all of them give.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import count

import orjson

from engine.model.errors import SourceError
from engine.model.keys import NO_POOL, user_key
from engine.model.ports import Progress, UserSource
from engine.model.users import SourceUser
from engine.plan_file.model import Filters
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.coverage import Trait, exceptions_of
from engine.resources.users.filters import UserFilter
from engine.resources.users.mapper import MappedRecord, Mapper, left_out
from engine.resources.users.waves import Waves
from engine.snapshot.groups import GroupMembers
from engine.snapshot.schema import DEDUPLICATE, SEALED
from engine.snapshot.traits import Traits

_INSERT = """
INSERT INTO record (id, key, username, created, modified, native, provider, email, address, verified, external_id,
    fields, invalid, reason, failed, fingerprint, password, status, enabled, joins, identities, by_name, placeholder,
    traits, sampled, cohort)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_IDENTITY = "INSERT INTO identity (provider, user_id, record) VALUES (?, ?, ?)"
_BATCH = 2000
_NOBODY: Set[str] = frozenset()

PlaceRecord = Callable[[int, SourceUser, Collection[str]], str | None]
"""Keeps where a record (its number, the user, the names of its providers) belongs; gives the fault where it cannot."""


class Ingest:
    """Reads one source, the user pool `pool`, into one snapshot.

    `ids` are shared by the readers of one snapshot, and `number` is the reader's own among them. `traits` is what
    coverage counts of the records; `names` are attributes that must be counted. `purged` holds the keys of users who
    were erased: they are excluded, whatever else holds of them.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        filters: Filters,
        mapper: Mapper,
        fingerprints: Fingerprints,
        skip_providers: frozenset[str] = frozenset(),
        reset_providers: frozenset[str] = frozenset(),
        pool: str = NO_POOL,
        place: PlaceRecord | None = None,
        ids: Iterator[int] | None = None,
        number: int = 0,
        names: Collection[str] = (),
        purged: Container[str] = (),
    ) -> None:
        self._connection = connection
        self._filters = filters
        self._filter = UserFilter(filters)
        self._waves = Waves(filters)
        self.traits = Traits(self._filter.labels, names)
        self._mapper = mapper
        self._fingerprints = fingerprints
        self._groups_missing = False
        self._skip_providers = skip_providers
        self._reset_providers = reset_providers
        self._pool = user_key(pool, "")
        self._purged = purged
        self._place = place
        self._rows: list[tuple[object, ...]] = []
        self._identities: list[tuple[object, ...]] = []
        self._ids = ids or count(1)
        self._number = number
        self._members: GroupMembers | None = None
        self._need_groups = False
        self._placing = False

    def read(
        self, source: UserSource, *, inline_groups: bool, progress: Progress, placing: Collection[str] | None = None
    ) -> None:
        """All of the only source. Raises SourceError."""
        self.begin(source, inline_groups=inline_groups, progress=progress, placing=placing)
        read_pages(self._connection, ((self, page) for page in source.pages()), [self], progress)

    def begin(
        self, source: UserSource, *, inline_groups: bool, progress: Progress, placing: Collection[str] | None = None
    ) -> None:
        """Read who is in which group, where that is needed.

        `inline_groups`: records carry their groups, nobody has to be asked for them.

        `placing` are the groups that organizations come from, beside those that filters name; None: from none.
        Raises SourceError as the source does.
        """
        self._placing = placing is not None
        self._need_groups = self._filters.need_groups or self._placing
        if self._need_groups and not inline_groups:
            self._members = GroupMembers(self._connection, self._number)
            # Nobody is read yet, but who waits may want to stop.
            self._members.read(source, {*named_groups(self._filters), *(placing or ())}, lambda: progress(0))

    def add(self, page: Sequence[SourceUser]) -> None:
        """One page of the source; the caller is in a transaction."""
        users = self._members.onto(page) if self._members else page
        self._rows.extend(self._row(user) for user in users)
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        self._connection.executemany(_INSERT, self._rows)
        self._connection.executemany(_IDENTITY, self._identities)
        self._rows.clear()
        self._identities.clear()

    def check_groups(self) -> None:
        """Raise SourceError where records have no groups that filters or organizations need (rule 12)."""
        if self._need_groups and self._groups_missing:
            key = "organizations.from: group" if self._placing else "filters.groups"
            raise SourceError(
                f"{key} needs each user's groups, and the export has none",
                remedy=f"make one with `migrate export`, which writes them, or leave {key} out",
                code="groups_missing",
            )

    def _row(self, user: SourceUser) -> tuple[object, ...]:
        purged = self._pool + user.sub in self._purged
        if purged:
            # Whoever was erased leaves nothing in a snapshot either.
            user = replace(user, username="", attributes={"sub": user.sub})
        failed = [] if purged else self._filter.failed(user)
        if user.groups is None:
            # One of several files without them is enough: nobody could say who is in `groups.none`.
            self._groups_missing = True
        record = self._mapper.map(user)
        # Beside the filters: who cannot be migrated whatever they say.
        reason = "purged" if purged else left_out(record)
        # Linked profiles stand on the native user; who has a password needs no provider.
        providers = {one.provider for one in record.identities} if record.identities else _NOBODY
        federated = _NOBODY if record.native else providers
        if reason is None and federated and federated <= self._skip_providers:
            reason = "provider"
        exceptions: Iterable[Trait] = ()
        if failed or record.invalid or record.omitted:
            exceptions = self._exceptions_of(record, failed, otherwise=reason is not None)
        traits = self.traits.pack(user, record, exceptions)
        reason = self._filter.reason_of(failed) or reason
        fingerprint = None
        fields = b"{}"
        if reason is None:
            fields, kept = _dump(record.fields)
            fingerprint = self._fingerprints.whole(
                record.email or "", record.verified, self._mapper.with_defaults(kept)
            )
        number = next(self._ids)
        wave = self._waves.place(user)
        invalid = record.invalid
        if reason is None and self._place is not None:
            fault = self._place(number, user, providers)
            invalid = {**invalid, "organization": fault} if fault is not None else invalid
        for one in record.identities:
            # An identity without the provider's user id is nobody's: it would link strangers to each other.
            if one.user_id:
                self._identities.append((one.provider, one.user_id, number))
        return (
            number,
            self._pool + record.sub,
            record.username,
            record.created,
            user.modified.timestamp() if user.modified else None,
            record.native,
            record.provider,
            record.email,
            record.email,
            record.verified,
            record.fields.get("external_id"),
            fields,
            _dump(invalid)[0] if invalid else None,
            reason,
            orjson.dumps([self._filter.labels[at] for at in failed]).decode() if failed else None,
            fingerprint,
            record.native,
            user.status,
            user.enabled,
            bool(federated) and not federated.isdisjoint(self._reset_providers),
            orjson.dumps([[one.provider, one.user_id] for one in record.identities]) if record.identities else None,
            record.by_name,
            record.placeholder,
            traits,
            wave.sampled,
            wave.cohort,
        )

    def _exceptions_of(self, record: MappedRecord, failed: Sequence[int], *, otherwise: bool) -> Iterator[Trait]:
        return exceptions_of(record, [self._filter.labels[at] for at in failed], otherwise=otherwise)


def read_pages(
    connection: sqlite3.Connection,
    pages: Iterable[tuple[Ingest, Sequence[SourceUser]]],
    readers: Sequence[Ingest],
    progress: Progress,
) -> None:
    """Every page by its reader; `readers` are all that there are, begun. Raises SourceError."""
    seen = 0
    connection.execute("BEGIN")
    for reader, page in pages:
        reader.add(page)
        seen += len(page)
        progress(seen)
    for reader in readers:
        reader.flush()
    connection.execute("COMMIT")
    for reader in readers:
        reader.check_groups()
    connection.execute(DEDUPLICATE)
    connection.executescript(SEALED)


def named_groups(filters: Filters) -> set[str]:
    """Every group that the filters name."""
    cohorts = (group for cohort in filters.cohorts for group in cohort.groups)
    return {*filters.groups_any, *filters.groups_none, *cohorts}


def counts(connection: sqlite3.Connection) -> tuple[int, int, Counter[str]]:
    """Records seen, records selected, and those excluded by reason."""
    return _counted(connection)


def _counted(
    connection: sqlite3.Connection, where: str = "", of: tuple[str, ...] = ()
) -> tuple[int, int, Counter[str]]:
    reasons: Counter[str] = Counter()
    selected = 0
    query = f"SELECT reason, count(*) FROM record {where} GROUP BY reason"  # noqa: S608 - our own words
    for reason, number in connection.execute(query, of):
        if reason is None:
            selected = number
        else:
            reasons[reason] = number
    return selected + sum(reasons.values()), selected, reasons


def counts_of_pool(connection: sqlite3.Connection, pool: str) -> tuple[int, int, Counter[str]]:
    """The same of one of several pools."""
    return _counted(connection, "WHERE key BETWEEN ?1 AND ?1 || char(1114111)", (user_key(pool, ""),))


def count_placeholders(connection: sqlite3.Connection) -> int:
    """People who have no address, and the plan's placeholder for one."""
    return int(connection.execute("SELECT count(*) FROM person WHERE placeholder").fetchone()[0])


def count_merged(connection: sqlite3.Connection) -> int:
    """Records that were merged into another with the same address."""
    return int(connection.execute("SELECT count(*) FROM record WHERE primary_key IS NOT NULL").fetchone()[0])


def _dump(fields: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """The fields as JSON, and as they are in it."""
    try:
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS), fields
    except TypeError:
        # Half a surrogate pair is no text that JSON or WorkOS could hold: keep what is legible of it.
        legible = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
        return orjson.dumps(legible, option=orjson.OPT_SORT_KEYS), legible
