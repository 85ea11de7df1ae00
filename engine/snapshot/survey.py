"""Counts what a source's users have, on disk: which attributes, providers and groups, and who shares an address.

Nothing of a user but sub and username is kept, and that in SQLite's own temporary file, gone with the connection:
addresses are compared by a keyed hash, values are looked at and let go.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from hashlib import blake2b

from engine.draft.findings import AttributeUse, Census, DraftProvider, GroupUse
from engine.model.users import SourceUser
from engine.plan_file.model import Attributes, Filters, Limits
from engine.resources.users.filters import UserFilter
from engine.resources.users.mapper import MappedRecord, Mapper, left_out
from engine.resources.users.values import escape
from engine.snapshot.groups import temporary_database
from engine.snapshot.schema import DEDUPLICATE

# What a hostile or broken export can make us remember; a pool has far fewer (quotas: 50 custom attributes, 1,000
# providers, 10,000 groups).
MOST_NAMES = 10_000
_NOT_ASCII, _TOO_LONG, _LONG_ESCAPED = 1, 2, 4
_LIMITS = Limits()

_TABLES = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,         -- the sub: a survey is of one pool
    username TEXT NOT NULL, modified REAL, status TEXT NOT NULL, enabled INTEGER NOT NULL,
    reason TEXT, native INTEGER NOT NULL, verified INTEGER NOT NULL, by_name INTEGER NOT NULL,
    address BLOB,
    attributes TEXT NOT NULL,  -- number of the name:marks, …
    providers TEXT NOT NULL,   -- numbers of the names
    groups TEXT                -- numbers of the names; null where the record does not say
)
"""
_INSERT = "INSERT INTO record VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COUNTS = """
SELECT count(*), count(*) FILTER (WHERE reason IS NULL), count(*) FILTER (WHERE NOT enabled),
    count(*) FILTER (WHERE reason IS NULL AND NOT native), count(*) FILTER (WHERE reason IS NULL AND NOT verified),
    count(*) FILTER (WHERE reason IS NULL AND by_name), count(groups)
FROM record
"""
_SHARED = """
SELECT count(*), coalesce(sum(number), 0) FROM (
    SELECT count(*) AS number FROM record WHERE reason IS NULL GROUP BY address HAVING number > 1
)
"""
_NATIVE = "SELECT key, username FROM record WHERE reason IS NULL AND native ORDER BY key"


class Names:
    """Names by number, in order of appearance; a bounded number of them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._listed: list[str] = []
        self.dropped = False

    def number(self, name: str) -> int | None:
        """The name's number, None once there are too many."""
        found = self._numbers.get(name)
        if found is None:
            if len(self._numbers) >= MOST_NAMES:
                self.dropped = True
                return None
            found = self._numbers[name] = len(self._numbers)
            self._listed.append(name)
        return found

    def name(self, number: str) -> str:
        """The name of a number as it stands in the table."""
        return self._listed[int(number)]


class Survey:
    """One reading of one source. `close` gives the temporary file back."""

    def __init__(self) -> None:
        self._connection = temporary_database()
        self._connection.execute("PRAGMA temp_store = FILE")
        self._connection.execute(_TABLES)
        self._filter = UserFilter(Filters())
        self._mapper = Mapper(Attributes(), _LIMITS)
        self._key = secrets.token_bytes(16)
        self._attributes, self._providers, self._groups = Names(), Names(), Names()
        self._kinds: dict[str, str] = {}

    def add(self, page: Sequence[SourceUser]) -> None:
        """These users too; one that comes again counts as it was modified last."""
        self._connection.execute("BEGIN")
        self._connection.executemany(_INSERT, [self._row(user) for user in page])
        self._connection.execute("COMMIT")

    def census(self) -> Census:
        """The counts, once everybody has been added."""
        run = self._connection.execute
        run("CREATE INDEX record_key ON record (key)")
        run(DEDUPLICATE)
        seen, selected, disabled, federated, unverified, by_name, grouped = run(_COUNTS).fetchone()
        shared, sharing = run(_SHARED).fetchone()
        reasons = run("SELECT reason, count(*) FROM record WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1")
        statuses = run("SELECT status, count(*) FROM record GROUP BY 1 ORDER BY 2 DESC, 1")
        return Census(
            seen=seen,
            selected=selected,
            excluded=dict(reasons),
            statuses=dict(statuses),
            disabled=disabled,
            federated=federated,
            unverified=unverified,
            by_name=by_name,
            shared_addresses=shared,
            sharing=sharing,
            attributes=self._attribute_uses(),
            providers=self._provider_uses(),
            groups=self._group_uses() if grouped else None,
            incomplete=self._attributes.dropped or self._providers.dropped or self._groups.dropped,
        )

    def native_users(self) -> Iterator[tuple[str, str]]:
        """(sub, username) of every selected user who is not an identity provider's alone."""
        yield from self._connection.execute(_NATIVE).fetchall()

    def close(self) -> None:
        """Nothing is left of it."""
        self._connection.close()

    def _row(self, user: SourceUser) -> tuple[object, ...]:
        record = self._mapper.map(user)
        providers = set()
        for one in record.identities:
            number = self._providers.number(one.provider)
            if number is not None:
                self._kinds.setdefault(one.provider, one.provider_type)
                providers.add(number)
        return (
            user.sub,
            user.username,
            user.modified.timestamp() if user.modified else None,
            user.status,
            user.enabled,
            self._filter.reason(user) or left_out(record),
            record.native,
            record.verified,
            record.by_name,
            self._hashed(record),
            self._marked(user),
            _joined(providers),
            None if user.groups is None else _joined({self._groups.number(one) for one in user.groups}),
        )

    def _hashed(self, record: MappedRecord) -> bytes | None:
        if record.email is None:
            return None
        return blake2b(record.email.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()

    def _marked(self, user: SourceUser) -> str:
        marks = []
        for name, value in user.attributes.items():
            number = self._attributes.number(name) if value else None
            if number is not None:
                marks.append(f"{number}:{_marks(value)}")
        # One order for one set: what is alike is counted together.
        return ",".join(sorted(marks))

    def _attribute_uses(self) -> tuple[AttributeUse, ...]:
        counts: dict[str, Counter[int]] = {}
        for text, number in self._patterns("attributes"):
            for one in text.split(",") if text else ():
                at, _, marks = one.partition(":")
                counts.setdefault(self._attributes.name(at), Counter())[int(marks)] += number

        def having(by_marks: Counter[int], marks: int) -> int:
            return sum(number for found, number in by_marks.items() if found & marks)

        return tuple(
            AttributeUse(
                name=name,
                users=by_marks.total(),
                not_ascii=having(by_marks, _NOT_ASCII),
                too_long=having(by_marks, _TOO_LONG),
                long_escaped=having(by_marks, _LONG_ESCAPED),
                misfits=having(by_marks, _NOT_ASCII | _TOO_LONG),
            )
            for name, by_marks in sorted(counts.items())
        )

    def _provider_uses(self) -> tuple[DraftProvider, ...]:
        counts = self._numbered("providers", self._providers)
        return tuple(DraftProvider(name, self._kinds[name], counts[name]) for name in sorted(counts))

    def _group_uses(self) -> tuple[GroupUse, ...]:
        counts = self._numbered("groups", self._groups, everybody=True)
        return tuple(GroupUse(name, counts[name]) for name in sorted(counts))

    def _numbered(self, column: str, names: Names, *, everybody: bool = False) -> Counter[str]:
        counts: Counter[str] = Counter()
        for text, number in self._patterns(column, everybody=everybody):
            for one in text.split(",") if text else ():
                counts[names.name(one)] += number
        return counts

    def _patterns(self, column: str, *, everybody: bool = False) -> Iterable[tuple[str, int]]:
        where = f"{column} IS NOT NULL" + ("" if everybody else " AND reason IS NULL")
        query = f"SELECT {column}, count(*) FROM record WHERE {where} GROUP BY 1"  # noqa: S608 - our own names
        return self._connection.execute(query)


def _marks(value: str) -> int:
    """What metadata cannot hold of a value."""
    limit = _LIMITS.metadata_value_length
    if value.isascii():
        return _TOO_LONG | _LONG_ESCAPED if len(value) > limit else 0
    marks = _NOT_ASCII
    if len(value) > limit:
        marks |= _TOO_LONG
    if len(escape(value)) > limit:
        marks |= _LONG_ESCAPED
    return marks


def _joined(numbers: Set[int | None]) -> str:
    return ",".join(str(one) for one in sorted(one for one in numbers if one is not None))
