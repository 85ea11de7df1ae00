"""`ids` as CSV, JSON Lines and SQL: harmless for terminals, spreadsheets and databases.

JSON Lines and SQL give back every value exactly as it was. CSV is for people and spreadsheets as well: control
characters are written as `\\x1b`, and what a spreadsheet would take for a formula gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice

import orjson

from engine.snapshot.identifiers import Identifiers
from engine.views.text import json_safe, printable

_POOL = "cognito_pool"
_COLUMNS = ("cognito_sub", "cognito_username", "identities", "workos_user_id", "relation")
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection): in a cell, and after the semicolon
# that parts cells where the comma is a decimal sign. A number with its sign is none: telephone numbers stay.
_FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@＝＋－＠\t\r])(?!\s*[+-]+\d+\s*(?:;|$))")
_BATCH = 500
_TABLES = """\
-- Cognito identifiers and the WorkOS users that they became. relation: primary, merged or unverified.
CREATE TABLE IF NOT EXISTS cognito_workos_users (
    {pool}cognito_sub text{primary},
    cognito_username text,
    workos_user_id text NOT NULL,
    relation text NOT NULL{key}
);
CREATE TABLE IF NOT EXISTS cognito_workos_identities (
    provider text NOT NULL,
    provider_user_id text NOT NULL,
    {pool}cognito_sub text NOT NULL,
    workos_user_id text NOT NULL,
    relation text NOT NULL,
    PRIMARY KEY (provider, provider_user_id, {columns})
);
BEGIN;"""


def as_csv(rows: Iterable[Identifiers], *, pools: bool = False) -> Iterator[str]:
    """A header and a line a record; `identities` are `provider:user id`, parted by spaces. `pools`: of several."""
    yield ",".join((_POOL, *_COLUMNS) if pools else _COLUMNS)
    for row in rows:
        identities = " ".join(f"{provider}:{user}" for provider, user in row.identities)
        pool = (row.pool or "",) if pools else ()
        yield csv_line((*pool, row.sub, row.username or "", identities, row.workos_id or "", row.relation))


def csv_line(cells: Iterable[str]) -> str:
    """One line of CSV that no spreadsheet runs and no terminal obeys."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([_cell(one) for one in cells])
    return buffer.getvalue()


def as_jsonl(rows: Iterable[Identifiers]) -> Iterator[str]:
    """An object a record."""
    return map(json_line, rows)


def json_line(row: Identifiers) -> str:
    """One record as JSON that no terminal obeys; a program reads the same text as ever."""
    return json_safe(orjson.dumps(to_json(row)).decode())


def to_json(row: Identifiers) -> dict[str, object]:
    """One record."""
    return {
        **({_POOL: row.pool} if row.pool is not None else {}),
        "cognito_sub": row.sub,
        "cognito_username": row.username,
        "identities": [{"provider": provider, "user_id": user} for provider, user in row.identities],
        "workos_user_id": row.workos_id,
        "relation": row.relation,
    }


def as_sql(rows: Iterable[Identifiers], *, include_unverified: bool, pools: bool = False) -> Iterator[str]:
    """Two tables and their rows for PostgreSQL, in one transaction; run again, it brings them up to date.

    That takes out who is nobody's any more, or whose relation has become unverified since.

    Unverified relations are excluded unless asked for (rule 15): whoever signed up with somebody's address must not
    get that person's data by a join.
    """
    # Of several pools a user is known by pool and sub.
    key = f"{_POOL}, cognito_sub" if pools else "cognito_sub"
    yield _TABLES.format(
        pool=f"{_POOL} text NOT NULL,\n    " if pools else "",
        primary=" NOT NULL" if pools else " PRIMARY KEY",
        key=f",\n    PRIMARY KEY ({key})" if pools else "",
        columns=key,
    )
    rows = iter(rows)
    while read := list(islice(rows, _BATCH)):
        batch: list[Identifiers] = []
        left: list[Identifiers] = []
        for row in read:
            wanted = row.workos_id and (include_unverified or row.relation != "unverified")
            (batch if wanted else left).append(row)
        if left:
            named = f"({key})" if pools else key
            subs = ", ".join(f"({sql_literals(_key(row))})" if pools else _literal(row.sub) for row in left)
            yield f"DELETE FROM cognito_workos_users WHERE {named} IN ({subs});"  # noqa: S608 (literals)
            yield f"DELETE FROM cognito_workos_identities WHERE {named} IN ({subs});"  # noqa: S608 (literals)
        if not batch:
            continue
        users = [(*_key(row), row.username, row.workos_id, row.relation) for row in batch]
        yield _insert("cognito_workos_users", users, key)
        identities = [
            (provider, user, *_key(row), row.workos_id, row.relation)
            for row in batch
            for provider, user in row.identities
        ]
        if identities:
            unique = list({one[:-2]: one for one in identities}.values())
            yield _insert("cognito_workos_identities", unique, f"provider, provider_user_id, {key}")
    yield "COMMIT;"


def _insert(name: str, rows: Iterable[tuple[str | None, ...]], key: str) -> str:
    values = ",\n".join(f"({sql_literals(row)})" for row in rows)
    return (
        f"INSERT INTO {name} VALUES\n{values}\n"
        f"ON CONFLICT ({key}) DO UPDATE SET workos_user_id = excluded.workos_user_id, relation = excluded.relation;"
    )


def _key(row: Identifiers) -> tuple[str, ...]:
    return (row.sub,) if row.pool is None else (row.pool, row.sub)


def sql_literals(row: Iterable[str | None]) -> str:
    """Values for PostgreSQL, separated by commas."""
    return ", ".join(map(_literal, row))


def _literal(value: str | None) -> str:
    """A PostgreSQL literal (manual, 4.1.2): escapes only where they are needed, no raw control characters."""
    if value is None:
        return "NULL"
    quoted = value.replace("'", "''")
    if quoted.isprintable() and "\\" not in quoted:
        return f"'{quoted}'"
    escaped = quoted.replace("\\", "\\\\")
    return "E'" + "".join(char if char.isprintable() else _unicode(char) for char in escaped) + "'"


def _unicode(char: str) -> str:
    # PostgreSQL's text holds no NUL.
    code = ord(char) or 0xFFFD
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cell(text: str) -> str:
    # Before control characters are made visible: a tab that begins a cell counts.
    return printable(_FORMULA.sub(r"\1'", text))
