"""`migrate export`: the pool into a file that `source.export` reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.command import (
    JsonOption,
    OverwriteOption,
    PlanArgument,
    QuietOption,
    check_out,
    command,
    open_source_only,
)
from engine.model.errors import MigrateError
from engine.model.ports import Progress, UserSource
from engine.model.users import SourceUser
from engine.plan_file.model import ExportSource, Spec
from engine.run.sources import PoolSource, Sources

PoolOption = Annotated[
    str | None,
    typer.Option("--pool", metavar="NAME", help="Which pool, where the plan has several.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate export plans/production.yaml --out users.jsonl")(export)


def export(
    plan: PlanArgument,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write, as JSON Lines (0600).")],
    pool: PoolOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the whole pool, unfiltered, into one file that source.export reads; with the groups that the plan needs."""
    from engine.cli.sources import open_sources
    from engine.exports.writer import write_export
    from engine.workspace.written_files import WrittenFiles

    with command(json=json, quiet=quiet) as console:
        check_out(out, plan, overwrite=overwrite)
        spec = open_source_only(console, plan, sandbox=False)
        sources = open_sources(spec, tell=console.warn, trace=console.trace)
        wanted = _wanted(sources, pool)
        with sources.naming(wanted), console.stages() as stages:
            groups = () if isinstance(wanted.pool.source, ExportSource) else _groups(spec, wanted)
            progress = stages.begin("reading", wanted.source.describe().estimated_users, estimated=True)
            count = write_export(_pages(wanted.source, progress, groups), out, overwrite=overwrite)
        WrittenFiles(spec.state_path).note("export", out)
        console.warn(*sources.warnings)
        if json:
            console.document(
                {"schema": "export.v1", "plan": spec.name, "command": "export", "file": str(out), "users": count}
            )
        console.say(f"{count} users written to {out}")


def _wanted(sources: Sources, name: str | None) -> PoolSource:
    """The pool of that name, which only a plan of several needs. Raises MigrateError."""
    if name is None and not sources.several:
        return sources.pools[0]
    for one in sources.pools:
        if one.pool.name == name:
            return one
    known = ", ".join(one.pool.name for one in sources.pools)
    raise MigrateError(
        "an export is one pool's, and the plan has several" if name is None else f"the plan has no pool {name}",
        remedy=f"use --pool with one of {known}",
        code="bad_usage",
    )


def _groups(spec: Spec, wanted: PoolSource) -> Collection[str]:
    """The groups that the plan needs: those that filters name, and all where organizations come from groups."""
    from engine.snapshot.ingest import named_groups

    every = (wanted.source.groups() or ()) if spec.organizations.source == "group" else ()
    return named_groups(wanted.pool.filters) | {one.name for one in every}


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
