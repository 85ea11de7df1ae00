"""Source users into the snapshot: filtered and mapped on the way, in batches, a bounded number in memory."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection

import orjson

from engine.model.errors import SourceError
from engine.model.keys import NO_POOL, user_key
from engine.model.ports import Progress, UserSource
from engine.model.users import SourceUser
from engine.plan_file.model import Filters
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.filters import UserFilter
from engine.resources.users.mapper import Mapper, left_out
from engine.snapshot.groups import GroupMembers
from engine.snapshot.schema import DEDUPLICATE, SEALED

_INSERT = """
INSERT INTO record (id, key, username, created, modified, native, provider, email, address, verified, external_id,
    fields, invalid, reason, fingerprint, password, status, enabled, joins, identities, by_name)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_IDENTITY = "INSERT INTO identity (provider, user_id, record) VALUES (?, ?, ?)"
_BATCH = 2000


class Ingest:
    """Reads one source, the user pool `pool`, into one snapshot."""

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
    ) -> None:
        self._connection = connection
        self._filters = filters
        self._filter = UserFilter(filters)
        self._mapper = mapper
        self._fingerprints = fingerprints
        self._groups_missing = False
        self._skip_providers = skip_providers
        self._reset_providers = reset_providers
        self._pool = user_key(pool, "")
        self._identities: list[tuple[object, ...]] = []
        self._delivered = 0

    def read(
        self, source: UserSource, *, inline_groups: bool, progress: Progress, placing: Collection[str] | None = None
    ) -> None:
        """All of the source. `inline_groups`: records carry their groups, nobody has to be asked for them.

        `placing` are the groups that organizations come from, beside those that filters name; None: from none.
        Raises SourceError as the source does, and where records have no groups that filters or organizations need
        (rule 12).
        """
        members: GroupMembers | None = None
        needed = self._filters.need_groups or placing is not None
        if needed and not inline_groups:
            members = GroupMembers(self._connection)
            # Nobody is read yet, but who waits may want to stop.
            members.read(source, {*named_groups(self._filters), *(placing or ())}, lambda: progress(0))
        rows: list[tuple[object, ...]] = []
        seen = 0
        self._connection.execute("BEGIN")
        for page in source.pages():
            users = members.onto(page) if members else page
            rows.extend(self._row(user) for user in users)
            seen += len(page)
            if len(rows) >= _BATCH:
                self._connection.executemany(_INSERT, rows)
                self._connection.executemany(_IDENTITY, self._identities)
                rows.clear()
                self._identities.clear()
            progress(seen)
        self._connection.executemany(_INSERT, rows)
        self._connection.executemany(_IDENTITY, self._identities)
        self._connection.execute("COMMIT")
        if needed and self._groups_missing:
            key = "organizations.from: group" if placing is not None else "filters.groups"
            raise SourceError(
                f"{key} needs each user's groups, and the export has none",
                remedy=f"make one with `migrate export`, which writes them, or leave {key} out",
                code="groups_missing",
            )
        self._connection.execute(DEDUPLICATE)
        self._connection.executescript(SEALED)

    def _row(self, user: SourceUser) -> tuple[object, ...]:
        reason = self._filter.reason(user)
        if user.groups is None:
            # One of several files without them is enough: nobody could say who is in `groups.none`.
            self._groups_missing = True
        record = self._mapper.map(user)
        reason = reason or left_out(record)
        # Linked profiles stand on the native user; who has a password needs no provider.
        federated = frozenset() if record.native else frozenset(one.provider for one in record.identities)
        if reason is None and federated and federated <= self._skip_providers:
            reason = "provider"
        fingerprint = None
        fields = b"{}"
        if reason is None:
            fields = _dump(record.fields)
            fingerprint = self._fingerprints.whole(
                record.email or "", record.verified, self._mapper.with_defaults(orjson.loads(fields))
            )
        self._delivered += 1
        self._identities.extend(
            # An identity without the provider's user id is nobody's: it would link strangers to each other.
            (one.provider, one.user_id, self._delivered)
            for one in record.identities
            if one.user_id
        )
        return (
            self._delivered,
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
            _dump(record.invalid) if record.invalid else None,
            reason,
            fingerprint,
            record.native,
            user.status,
            user.enabled,
            not federated.isdisjoint(self._reset_providers),
            orjson.dumps([[one.provider, one.user_id] for one in record.identities]) if record.identities else None,
            record.by_name,
        )


def named_groups(filters: Filters) -> set[str]:
    """Every group that the filters name."""
    cohorts = (group for cohort in filters.cohorts for group in cohort.groups)
    return {*filters.groups_any, *filters.groups_none, *cohorts}


def counts(connection: sqlite3.Connection) -> tuple[int, int, Counter[str]]:
    """Records seen, records selected, and those excluded by reason."""
    reasons: Counter[str] = Counter()
    selected = 0
    for reason, number in connection.execute("SELECT reason, count(*) FROM record GROUP BY reason"):
        if reason is None:
            selected = number
        else:
            reasons[reason] = number
    return selected + sum(reasons.values()), selected, reasons


def count_merged(connection: sqlite3.Connection) -> int:
    """Records that were merged into another with the same address."""
    return int(connection.execute("SELECT count(*) FROM record WHERE primary_key IS NOT NULL").fetchone()[0])


def _dump(fields: dict[str, str]) -> bytes:
    try:
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Half a surrogate pair is no text that JSON or WorkOS could hold: keep what is legible of it.
        return orjson.dumps(
            {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()},
            option=orjson.OPT_SORT_KEYS,
        )
