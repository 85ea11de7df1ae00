"""`migrate ids`: Cognito identifiers beside the WorkOS users that they became, for rewriting foreign keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command, open_source_only
from engine.model.errors import MigrateError
from engine.plan_file.model import Spec
from engine.views.console import Console

if TYPE_CHECKING:
    import sqlite3

    from engine.state.file import StateFile


class IdsFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"
    SQL = "sql"


class What(StrEnum):
    """Whose ids are printed."""

    USERS = "users"
    ORGANIZATIONS = "organizations"
    MEMBERSHIPS = "memberships"


WhatOption = Annotated[What, typer.Option("--what", help="users, or what the state knows of the others.")]
IdsFormatOption = Annotated[IdsFormat, typer.Option("--format", help="csv, jsonl, or sql for PostgreSQL.")]
UnverifiedOption = Annotated[
    bool, typer.Option("--include-unverified", help="With sql: unverified records of a verified person too.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate ids plans/production.yaml --format sql > ids.sql")(ids)


def ids(
    plan: PlanArgument,
    what: WhatOption = What.USERS,
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
        if include_unverified and (json or format is not IdsFormat.SQL or what is not What.USERS):
            raise MigrateError(
                "--include-unverified goes with --format sql; everywhere else unverified records are in it, marked so",
                remedy="leave it out, or add --format sql", code="bad_usage",
            )  # fmt: skip
        spec = open_source_only(console, plan, sandbox=sandbox)
        if what is not What.USERS:
            _print_resources(console, spec, what, IdsFormat.JSONL if json else format, as_object=json)
            return
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


def _print_resources(console: Console, spec: Spec, what: What, form: IdsFormat, *, as_object: bool) -> None:
    from engine.cli.stored import reading
    from engine.run.sources import pool_names
    from engine.views.resource_identifiers import rows_as_csv, rows_as_jsonl, rows_as_sql

    with reading(spec) as state:
        pools = pool_names(spec.pools)
        rows = _organizations(state) if what is What.ORGANIZATIONS else _memberships(state, pools)
        columns = _ORGANIZATION if what is What.ORGANIZATIONS else ((*_POOL, *_MEMBERSHIP) if pools else _MEMBERSHIP)
        if as_object:
            lines = rows_as_jsonl(rows)
            parts = ("," * bool(at) + line for at, line in enumerate(lines))
            head = '{"schema":"ids-of-resources.v1","plan":' + _json(spec.name) + ',"command":"ids","what":"' + what
            console.stream((head + '","ids":[', *parts, "]}\n"))
            return
        keys = 1 if what is What.ORGANIZATIONS else 3 if pools else 2
        lines = {
            IdsFormat.CSV: lambda: rows_as_csv(rows, columns),
            IdsFormat.JSONL: lambda: rows_as_jsonl(rows),
            IdsFormat.SQL: lambda: rows_as_sql(rows, f"cognito_workos_{what}", columns, keys=keys),
        }[form]()
        console.stream(line + "\n" for line in lines)


_POOL = ("cognito_pool",)
_ORGANIZATION = ("organization_external_id", "workos_organization_id")
_MEMBERSHIP = (
    "cognito_sub", "organization_external_id", "workos_user_id", "workos_organization_id", "workos_membership_id",
    "roles",
)  # fmt: skip


def _organizations(state: StateFile) -> Iterator[dict[str, str | None]]:
    from engine.state.queries import organization_ids

    for row in organization_ids(state):
        yield dict(zip(_ORGANIZATION, row, strict=True))


def _memberships(state: StateFile, pools: Mapping[str, str]) -> Iterator[dict[str, str | None]]:
    from engine.model.keys import split_membership_key, split_user_key
    from engine.state.queries import membership_ids, organization_ids

    organizations = dict(organization_ids(state))
    for key, workos_id, user_id, roles in membership_ids(state):
        user, organization = split_membership_key(key)
        pool, sub = split_user_key(user)
        there = organizations.get(organization)
        row: dict[str, str | None] = {"cognito_pool": pools[pool]} if pools else {}
        values = (sub, organization, user_id, there, workos_id, ",".join(roles))
        row.update(zip(_MEMBERSHIP, values, strict=True))
        yield row


def _json(text: str) -> str:
    import orjson

    from engine.views.text import json_safe

    return json_safe(orjson.dumps(text).decode())


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
