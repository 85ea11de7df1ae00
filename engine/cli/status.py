"""`migrate status`: what the state says. Contacts nobody."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.cli.day import AsOfOption, day_of
from engine.model.codes import explain
from engine.model.errors import MigrateError
from engine.model.keys import name_of_pool
from engine.model.moments import iso_moment
from engine.plan_file.model import CognitoSource, Spec
from engine.views.console import Console
from engine.views.text import duration, figure, json_safe, long_table, table

if TYPE_CHECKING:
    from engine.run.wave_figures import WavesFigures

UsersOption = Annotated[
    str | None,
    typer.Option(
        "--users",
        metavar="LISTS",
        help="List users: failed, conflicts, skipped, merged, pending, migrated, left_source, orphaned, left_out.",
        show_default=False,
    ),
]


class ListFormat(StrEnum):
    """How a list is written."""

    TEXT = "text"
    CSV = "csv"
    JSONL = "jsonl"


ListFormatOption = Annotated[ListFormat, typer.Option("--format", help="How a list is written: text, csv or jsonl.")]
NamesOption = Annotated[
    bool, typer.Option("--names", help="List usernames and addresses too, from the last run's snapshot or the pool.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate status plans/production.yaml --users conflicts,failed")(status)


def status(
    plan: PlanArgument,
    users: UsersOption = None,
    format: ListFormatOption = ListFormat.TEXT,  # noqa: A002 (the option's name)
    names: NamesOption = False,
    as_of: AsOfOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show what the state says: counts, last runs, failures with their reasons."""
    from engine.cli.stored import reading, stored_spec
    from engine.run.sources import pool_names
    from engine.run.waves import NOTED, waves_noted
    from engine.state import queries

    with command(json=json, quiet=quiet) as console:
        lists = _lists(users, queries.USER_LISTS)
        if not lists and (names or format is not ListFormat.TEXT):
            option = "--names" if names else "--format"
            raise MigrateError(
                f"{option} is of a list, and none is asked for",
                remedy="add --users LISTS; for counts by machine use --json", code="bad_usage",
            )  # fmt: skip
        spec = stored_spec(console, plan, sandbox=sandbox)
        pools, day = pool_names(spec.pools), day_of(as_of, spec)
        with reading(spec) as state, _naming(console, spec, wanted=names, sandbox=sandbox) as name:
            rows = (
                {"list": kind} | _pool(pools, row) | _row(console, row) | name(row.key)
                for kind, row in queries.users(state, lists)
            )
            if lists and not json:
                console.stream(_listing(rows, format), shown=format is ListFormat.TEXT)
                return
            counts = queries.count_users(state)
            resources = queries.count_resources(state)
            runs = queries.last_runs(state, 5)
            waves = waves_noted(state.meta(NOTED), spec.filters, day)
            if json:
                document = {"schema": "status.v1", "plan": spec.name, "command": "status", "users": counts,
                            "resources": resources,
                            **({"waves": waves.to_json()} if waves is not None else {}),
                            "runs": [_run(run) for run in runs]}  # fmt: skip
                console.stream(_one_object(document, rows if lists else None))
            else:
                _render(console, counts, resources, waves, runs)


@contextmanager
def _naming(
    console: Console, spec: Spec, *, wanted: bool, sandbox: bool
) -> Iterator[Callable[[str], dict[str, str | None]]]:
    """A function from key to username and address, as the last run's snapshot or the source has them (rule 14)."""
    if not wanted:
        yield lambda _: {}
        return
    from engine.cli.records import records
    from engine.snapshot.identifiers import names_of
    from engine.workspace.folder import Workspace

    if not Workspace(spec.state_path).kept_snapshot_path.exists():
        live = any(isinstance(one.source, CognitoSource) for one in spec.pools)
        where = f"user pool{'s' if len(spec.pools) > 1 else ''}" if live else "export files"
        console.say(f"names: no snapshot was kept, so they are read from the {where}")
        spec = _with_source(console, spec, sandbox=sandbox)
    with records(console, spec) as (snapshot, _):

        def name(key: str) -> dict[str, str | None]:
            username, email = names_of(snapshot, key)
            return {"username": username, "email": email}

        yield name


def _with_source(console: Console, spec: Spec, *, sandbox: bool) -> Spec:
    """The spec with the source's variables in place; WorkOS's may be unset."""
    from engine.plan_file.loader import load
    from engine.run.identity import for_sandbox

    loaded = load(spec.path, sandbox=True)
    console.hide(loaded.secrets)
    return for_sandbox(loaded.spec) if sandbox else loaded.spec


def _listing(rows: Iterator[dict[str, Any]], format: ListFormat) -> Iterator[str]:  # noqa: A002 (the option's name)
    from engine.views.identifiers import csv_line

    first = next(rows, None)
    if first is None:
        return
    every = itertools.chain([first], rows)
    if format is ListFormat.JSONL:
        yield from (json_safe(orjson.dumps(row).decode()) + "\n" for row in every)
    elif format is ListFormat.CSV:
        yield csv_line(first) + "\n"
        yield from (csv_line(str(value or "") for value in row.values()) + "\n" for row in every)
    else:
        head = [name.replace("_", " ") for name in first]
        cells = ([str(value or "-") for value in row.values()] for row in every)
        yield from (line + "\n" for line in long_table(head, cells))


def _one_object(document: dict[str, Any], rows: Iterator[dict[str, Any]] | None) -> Iterator[str]:
    text = json_safe(orjson.dumps(document).decode())
    if rows is None:
        yield text + "\n"
        return
    # Piece by piece: a list may have a million users.
    yield text[:-1] + ',"listed":['
    for at, row in enumerate(rows):
        yield ("," if at else "") + json_safe(orjson.dumps(row).decode())
    yield "]}\n"


def _lists(wanted: str | None, known: tuple[str, ...]) -> list[str]:
    lists = [one.strip().replace("-", "_") for one in (wanted or "").split(",") if one.strip()]
    for one in lists:
        if one not in known:
            raise MigrateError(f"--users knows no list {one}", remedy=f"use {', '.join(known)}", code="bad_usage")
    return lists


def _pool(pools: Mapping[str, str], row: Any) -> dict[str, Any]:
    name = name_of_pool(pools, row.key)
    return {"pool": name} if name is not None else {}


def _row(console: Console, row: Any) -> dict[str, Any]:
    message, remedy = map(console.message, explain(row.code, [row.source_id])) if row.code else (None, None)
    return {"source_id": row.source_id, "status": row.status, "code": row.code, "workos_id": row.workos_id,
            "message": message, "remedy": remedy}  # fmt: skip


def _run(run: Any) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "command": run.command,
        "started": iso_moment(run.started),
        "ended": iso_moment(run.ended) if run.ended else None,
        "result": run.result,
    }


def _render(
    console: Console,
    counts: dict[str, int],
    resources: dict[str, dict[str, int]],
    waves: WavesFigures | None,
    runs: list[Any],
) -> None:
    from engine.views.results import left_sentence
    from engine.views.waves import render_waves

    console.data("users")
    for line in table([(name, figure(number)) for name, number in counts.items()], right=frozenset({1})):
        console.data(line)
    if counts["left_source"]:
        console.data(left_sentence(counts["left_source"]))
    if resources:
        console.data("resources")
        shown = [(kind, status, figure(number)) for kind, by in resources.items() for status, number in by.items()]
        for line in table(shown, right=frozenset({2})):
            console.data(line)
    for line in render_waves(waves)[1:]:
        console.data(line)
    console.data("last runs")
    rows = []
    for run in runs:
        result = run.result
        users = result["users"] if result else {}
        what = ", ".join(f"{figure(number)} {name}" for name, number in users.items() if number) or "nothing recorded"
        what += "; --limit or --target" if result and "canary" in result else ""
        took = duration(result["duration_s"]) if result else "running, or cut off"
        rows.append((iso_moment(run.started), took, what))
    for line in table(rows):
        console.data(line)
