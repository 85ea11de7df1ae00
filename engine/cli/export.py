"""`migrate export`: the pool into a file that `source.export` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, command, open_source_only
from engine.model.ports import Progress, UserSource
from engine.model.users import SourceUser
from engine.plan_file.model import ExportSource


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate export plans/production.yaml --out users.jsonl")(export)


def export(
    plan: PlanArgument,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write, as JSON Lines (0600).")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the whole pool, unfiltered, into one file that source.export reads; with the groups that filters name."""
    from engine.cli.sources import open_source
    from engine.exports.writer import write_export

    with command(json=json, quiet=quiet) as console:
        spec = open_source_only(console, plan, sandbox=False)
        source = open_source(spec.source, tell=console.warn)
        filters = spec.filters
        groups = () if isinstance(spec.source, ExportSource) else (*filters.groups_any, *filters.groups_none)
        described = source.describe()
        with console.stages() as stages:
            progress = stages.begin("reading", described.estimated_users)
            count = write_export(_pages(source, progress, groups), out, overwrite=overwrite)
        for one in source.warnings:
            console.warn(one)
        if json:
            console.document(
                {"schema": "export.v1", "plan": spec.name, "command": "export", "file": str(out), "users": count}
            )
        console.say(f"{count} users written to {out}")


def _pages(source: UserSource, progress: Progress, groups: Sequence[str]) -> Iterator[Sequence[SourceUser]]:
    """The pool's pages, each user with their groups of those that the plan names."""
    from engine.snapshot.groups import GroupMembers, temporary_database

    seen = 0
    with closing(temporary_database()) as connection:
        members = GroupMembers(connection) if groups else None
        if members:
            members.read(source, groups)
        for page in source.pages():
            yield members.onto(page) if members else page
            seen += len(page)
            progress(seen)
