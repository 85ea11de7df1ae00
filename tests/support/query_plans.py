"""Records how SQLite carries out every statement that this process runs, and finds scans inside loops."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_EXPLAINED = re.compile(r"\s*(--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE TEMP TABLE \w+ AS)\b", re.I)
# All rows of a kind are nearly all rows.
_WHOLE = re.compile(r"SCAN|SEARCH .*\(kind=\?\)")
# A few times a run is no loop of ours.
_OFTEN = 5


@dataclass(slots=True)
class QueryPlans:
    """`statements` are all that ran, with blanks collapsed; `faults` the scans inside loops, one a line."""

    statements: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)

    def note(self, statement: str, plan: list[tuple[Any, ...]], *, often: bool) -> None:
        """One statement that is about to run; `often`: within a loop of ours."""
        text = collapsed(statement)
        self.statements.add(text)
        self.faults.update(f"{fault}: {text}" for fault in scans_in_loops(plan, often=often))


def collapsed(statement: str) -> str:
    """The statement on one line, without comments."""
    return " ".join(re.sub(r"--[^\n]*", "", statement).split()).rstrip(";")


def scans_in_loops(plan: Iterable[tuple[Any, ...]], *, often: bool = False) -> list[str]:
    """Lines of EXPLAIN QUERY PLAN that read all of a table once a row of another (sqlite.org, EQP)."""
    children: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for node, parent, _, detail in plan:
        children[parent].append((node, detail))
    return list(_faults(children, 0, looped=often))


def _faults(children: dict[int, list[tuple[int, str]]], parent: int, *, looped: bool) -> Iterator[str]:
    outer = looped
    for node, detail in children[parent]:
        # A table-valued function gives what one value holds.
        reads = detail.startswith(("SCAN", "SEARCH")) and "VIRTUAL TABLE" not in detail and "CONSTANT ROW" not in detail
        if reads:
            if outer and _WHOLE.match(detail):
                yield detail
            # An index that is made for one statement is made anew for each run of it.
            if looped and "AUTOMATIC" in detail:
                yield detail
            outer = True
        yield from _faults(children, node, looped=looped or detail.startswith("CORRELATED"))


@contextmanager
def recorded(plans: QueryPlans) -> Iterator[None]:
    """Around code that opens databases by `sqlite3.connect`."""

    class Recording(sqlite3.Connection):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.ran: Counter[str] = Counter()

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            self._explain(sql, parameters, 1)
            return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
            rows = list(parameters)
            if rows:
                self._explain(sql, rows[0], len(rows))
            return super().executemany(sql, rows)

        def executescript(self, sql: str, /) -> sqlite3.Cursor:
            cursor = self.cursor()
            for statement in _statements(sql):
                cursor = self.execute(statement)
            return cursor

        def _explain(self, sql: str, parameters: Any, times: int) -> None:
            if not _EXPLAINED.match(sql):
                return
            self.ran[sql] += times
            plan = super().execute("EXPLAIN QUERY PLAN " + sql, parameters).fetchall()
            plans.note(sql, plan, often=self.ran[sql] >= _OFTEN)

    real = sqlite3.connect

    def connect(*given: Any, **named: Any) -> sqlite3.Connection:
        return real(*given, **named, factory=Recording)

    sqlite3.connect = connect  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = real


def _statements(script: str) -> Iterator[str]:
    held = ""
    for part in script.split(";"):
        held += part + ";"
        if sqlite3.complete_statement(held):
            if held.strip(" \n;"):
                yield held
            held = ""
