"""`migrate export`: the pool into a file that `source.export` reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, command, open_source_only
from engine.model.ports import Progress, UserSource
from engine.model.users import SourceUser
from engine.plan_file.model import ExportSource, Spec


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
    """Write the whole pool, unfiltered, into one file that source.export reads; with the groups that the plan needs."""
    from engine.cli.sources import open_source
    from engine.exports.writer import write_export

    with command(json=json, quiet=quiet) as console:
        spec = open_source_only(console, plan, sandbox=False)
        source = open_source(spec.source, tell=console.warn)
        groups = () if isinstance(spec.source, ExportSource) else _groups(spec, source)
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


def _groups(spec: Spec, source: UserSource) -> Collection[str]:
    """The groups that the plan needs: those that filters name, and all where organizations come from groups."""
    from engine.snapshot.ingest import named_groups

    every = (source.groups() or ()) if spec.organizations.source == "group" else ()
    return named_groups(spec.filters) | {one.name for one in every}


def _pages(source: UserSource, progress: Progress, groups: Collection[str]) -> Iterator[Sequence[SourceUser]]:
    """The pool's pages, each user with their groups of those that the plan names."""
    from engine.snapshot.groups import GroupMembers, temporary_database

    seen = 0
    with closing(temporary_database()) as connection:
        members = GroupMembers(connection) if groups else None
        if members:
            members.read(source, groups, lambda: progress(0))
        for page in source.pages():
            yield members.onto(page) if members else page
            seen += len(page)
            progress(seen)
