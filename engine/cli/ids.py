"""`migrate ids`: Cognito identifiers beside the WorkOS users that they became, for rewriting foreign keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command, open_source_only
from engine.plan_file.model import Spec
from engine.views.console import Console

if TYPE_CHECKING:
    import sqlite3


class IdsFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"
    SQL = "sql"


IdsFormatOption = Annotated[IdsFormat, typer.Option("--format", help="csv, jsonl, or sql for PostgreSQL.")]
UnverifiedOption = Annotated[
    bool, typer.Option("--include-unverified", help="With sql: unverified records of a verified person too.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate ids plans/production.yaml --format sql > ids.sql")(ids)


def ids(
    plan: PlanArgument,
    format: IdsFormatOption = IdsFormat.CSV,  # noqa: A002 (the option's name)
    include_unverified: UnverifiedOption = False,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Cognito sub, username and provider ids to WorkOS user id, for every selected user, merged ones too."""
    from engine.run.sources import pool_names
    from engine.snapshot.identifiers import identifiers
    from engine.views import identifiers as views

    with command(json=json, quiet=quiet) as console:
        spec = open_source_only(console, plan, sandbox=sandbox)
        with _records(console, spec) as connection:
            pools = pool_names(spec.pools)
            rows = identifiers(connection, pools)
            if json:
                console.stream(_one_object(spec.name, map(views.to_json, rows)))
                return
            lines = {
                IdsFormat.CSV: lambda: views.as_csv(rows, pools=bool(pools)),
                IdsFormat.JSONL: lambda: views.as_jsonl(rows),
                IdsFormat.SQL: lambda: views.as_sql(rows, include_unverified=include_unverified, pools=bool(pools)),
            }[format]()
            console.stream(line + "\n" for line in lines)


@contextmanager
def _records(console: Console, spec: Spec) -> Iterator[sqlite3.Connection]:
    """The pool's records with the state beside them."""
    from engine.cli.records import records
    from engine.cli.stored import reading
    from engine.run.preparation import know

    with reading(spec) as state, records(console, spec) as (connection, kept):
        know(connection, state, kept=kept)
        yield connection


def _one_object(plan: str, rows: Iterator[dict[str, object]]) -> Iterator[str]:
    import orjson

    from engine.views.text import json_safe

    yield '{"schema":"ids.v1","plan":' + json_safe(orjson.dumps(plan).decode()) + ',"command":"ids","ids":['
    for at, row in enumerate(rows):
        yield ("," if at else "") + json_safe(orjson.dumps(row).decode())
    yield "]}\n"
