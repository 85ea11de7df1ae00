"""`migrate report`: where a migration stands, as one HTML file or as Markdown, for people who do not run it."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import (
    JsonOption,
    OverwriteOption,
    PlanArgument,
    QuietOption,
    SandboxOption,
    check_out,
    command,
)
from engine.cli.day import AsOfOption
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.run.report_data import Report


class ReportFormat(StrEnum):
    """How a report is written."""

    HTML = "html"
    MARKDOWN = "markdown"


ReportOutOption = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write (0600); - is standard output.")
]
FormatOption = Annotated[
    ReportFormat, typer.Option("--format", help="html: one page; markdown: for a pull request or a step summary.")
]
ValuesOption = Annotated[
    bool, typer.Option("--values", help="Name people in conflict, by sub and WorkOS id: personal data.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate report plans/production.yaml --out report.html")(report)


def report(
    plan: PlanArgument,
    out: ReportOutOption,
    format: FormatOption = ReportFormat.HTML,  # noqa: A002 (the option's name)
    values: ValuesOption = False,
    overwrite: OverwriteOption = False,
    as_of: AsOfOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write where the migration stands: go or no-go, who must act, progress, conflicts. Changes nothing."""
    from engine.cli.wiring import run
    from engine.model.errors import MigrateError
    from engine.workspace.named_files import NamedFile
    from engine.workspace.written_files import WrittenFiles

    with command(json=json, quiet=quiet) as console:
        printed = out == Path("-")
        if printed and json:
            raise MigrateError("--json and --out - both want standard output", remedy="name a file", code="bad_usage")
        if not printed:
            check_out(out, plan, overwrite=overwrite)
        found, state_path = run(_report(console, plan, as_of=as_of, sandbox=sandbox))
        text = _render(found, format, console, values=values)
        if printed:
            console.stream(text.splitlines(keepends=True), shown=True)
            return
        content = text.encode()
        NamedFile(out, overwrite=overwrite).write(content)
        WrittenFiles(state_path).note("report", out)
        if json:
            console.document(_summary(found, out, format, len(content)))
        console.say(f"report written to {out} ({len(content):,} bytes)")


def _render(found: Report, form: ReportFormat, console: Console, *, values: bool) -> str:
    if form is ReportFormat.MARKDOWN:
        from engine.views.report_markdown import render_markdown

        return render_markdown(found, sentence=console.message, values=values)
    from engine.views.report_html import render_html

    return render_html(found, sentence=console.message, values=values)


def _summary(found: Report, out: Path, form: ReportFormat, size: int) -> dict[str, object]:
    pool = found.pool
    return {
        "schema": "report.v1",
        "plan": found.plan,
        "command": "report",
        "file": str(out),
        "format": form.value,
        "bytes": size,
        "verdict": found.verdict,
        "pool": {
            "seen": pool.seen,
            "migrated": pool.migrated,
            "excluded": dict(sorted(pool.excluded.items())),
            "merged": pool.merged,
            "pending": pool.pending,
            "conflicts": pool.conflicts,
        },
        "digest": found.digest,
    }


async def _report(console: Console, path: Path, *, as_of: str | None, sandbox: bool) -> tuple[Report, Path]:
    from engine.cli.wiring import preview
    from engine.resets.by_day import passwords_set_by_day
    from engine.run.report import run_report

    async with preview(console, path, sandbox=sandbox, as_of=as_of) as (session, watch):
        found = await run_report(
            session,
            watch=watch,
            destination=_destination(session.spec.destination.base_url, session.spec.destination.environment, sandbox),
            now=time.time(),
            versions=_versions(),
            hide=console.hide,
            passwords_set=passwords_set_by_day,
        )
        return found, session.spec.state_path


def _destination(base_url: str, environment: str | None, sandbox: bool) -> str:
    if sandbox:
        return "sandbox, an embedded emulator"
    return f"WorkOS {base_url.partition('://')[2]}" + (f", {environment}" if environment else "")


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    from engine.cli.everywhere import DISTRIBUTION

    return {"migrate": version(DISTRIBUTION), "Python": platform.python_version(), "WorkOS SDK": version("workos")}
