"""`migrate status`: what the state says. Contacts nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.codes import explain
from engine.errors import MigrateError
from engine.views.console import Console
from engine.views.text import duration, figure, table

UsersOption = Annotated[
    str | None,
    typer.Option(
        "--users",
        metavar="LISTS",
        help="List users: failed, conflicts, skipped, merged, pending, migrated, left_source, left_out; with commas.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate status plans/production.yaml --users conflicts,failed")(status)


def status(
    plan: PlanArgument,
    users: UsersOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show what the state says: counts, last runs, failures with their reasons."""
    from engine.cli.stored import reading, stored_spec
    from engine.state import queries

    with command(json=json, quiet=quiet) as console:
        lists = _lists(users, queries.USER_LISTS)
        spec = stored_spec(console, plan, sandbox=sandbox)
        with reading(spec) as state:
            rows = [_row(row) for row in queries.users(state, lists)] if lists and json else []
            if lists and not json:
                for row in queries.users(state, lists):
                    console.data("\t".join(str(value or "-") for value in _row(row).values()))
                return
            counts = queries.count_users(state)
            runs = queries.last_runs(state, 5)
        if json:
            document = {"schema": "status.v1", "plan": spec.name, "command": "status", "users": counts,
                        "runs": [_run(run) for run in runs]}  # fmt: skip
            console.document(document | ({"listed": rows} if lists else {}))
        else:
            _render(console, counts, runs)


def _lists(wanted: str | None, known: tuple[str, ...]) -> list[str]:
    lists = [one.strip().replace("-", "_") for one in (wanted or "").split(",") if one.strip()]
    for one in lists:
        if one not in known:
            raise MigrateError(f"--users knows no list {one}", remedy=f"use {', '.join(known)}", code="bad_usage")
    return lists


def _row(row: Any) -> dict[str, Any]:
    message, remedy = explain(row.code) if row.code else (None, None)
    return {"source_id": row.source_id, "status": row.status, "code": row.code, "workos_id": row.workos_id,
            "message": message, "remedy": remedy}  # fmt: skip


def _run(run: Any) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "command": run.command,
        "started": _time(run.started),
        "ended": _time(run.ended) if run.ended else None,
        "result": run.result,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _render(console: Console, counts: dict[str, int], runs: list[Any]) -> None:
    console.data("users")
    for line in table([(name, figure(number)) for name, number in counts.items()], right=frozenset({1})):
        console.data(line)
    console.data("last runs")
    rows = []
    for run in runs:
        result = run.result
        users = result["users"] if result else {}
        what = ", ".join(f"{figure(number)} {name}" for name, number in users.items() if number) or "nothing recorded"
        took = duration(result["duration_s"]) if result else "did not end"
        rows.append((_time(run.started), took, what))
    for line in table(rows):
        console.data(line)
