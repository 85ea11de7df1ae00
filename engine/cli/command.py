"""What every command shares: its options, what it prints first, and the one place that catches errors."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from engine.cli import everywhere
from engine.model.diagnostics import Diagnostic
from engine.model.errors import EXIT_INTERRUPTED, EXIT_NOTHING_ATTEMPTED, EXIT_OK, MigrateError, OutputError
from engine.plan_file.model import CognitoSource, ExportSource, Spec
from engine.views.console import Console
from engine.views.run_log import RunLog
from engine.workspace.folder import sweep
from engine.workspace.log_files import open_log

if TYPE_CHECKING:
    from engine.plan_file.loader import LoadedPlan, NamedDestination

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan file.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
SandboxOption = Annotated[
    bool, typer.Option("--sandbox", help="Use an embedded WorkOS emulator instead of the real destination.")
]
PaceOption = Annotated[
    bool, typer.Option("--pace", help="With --sandbox: keep the pace that the plan sets for WorkOS.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", "--force", help="Replace the file if it is there.")]


def check_out(path: Path, plan: Path, *, overwrite: bool) -> None:
    """Raise MigrateError, before any work is done, where a command's file cannot or must not be written.

    The plan file is one that nothing replaces.
    """
    from engine.workspace.named_files import NamedFile

    NamedFile(path, overwrite=overwrite).check_place()
    if overwrite and path.exists() and plan.exists() and path.samefile(plan):
        raise MigrateError(f"{path} is the plan file itself", remedy="name another file", code="file_exists")


class TellRefusal(Protocol):
    """Is told as well why nothing was attempted."""

    def __call__(self, console: Console, found: list[Diagnostic], /) -> None: ...


@contextmanager
def command(*, json: bool, quiet: bool, refused: TellRefusal | None = None) -> Iterator[Console]:
    """Around a command's body: gives it its console, and turns what it raises into messages and exit codes."""
    console = Console(json=json, quiet=quiet)
    began, code = time.monotonic(), EXIT_OK
    log = None
    try:
        if (asked := everywhere.asked()).log is not None:
            log = RunLog(open_log(asked.log))
            log.event("info", "command_began", command=asked.command, version=everywhere.version())
        console = Console(json=json, quiet=quiet, verbose=asked.verbose, log=log)
        yield console
    except OutputError as error:
        # Standard error is what is left, with `--json` too.
        Console().fail(*error.diagnostics())
        code = error.exit_code
        raise typer.Exit(code) from error
    except MigrateError as error:
        report(console, error.diagnostics())
        if refused is not None:
            refused(console, error.diagnostics())
        code = error.exit_code
        raise typer.Exit(code) from error
    except typer.Exit as error:
        code = error.exit_code
        raise
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        raise
    except Exception as error:
        code = EXIT_NOTHING_ATTEMPTED
        if os.environ.get("MIGRATE_DEBUG"):
            raise
        # A bug of ours. Its text may hold anything, so only its kind is shown.
        wrong = f"internal error ({type(error).__name__} in {_place(error)})"
        right = "please report it; MIGRATE_DEBUG=1 shows the traceback, which may hold users' data"
        report(console, [Diagnostic("internal_error", wrong, right)])
        raise typer.Exit(code) from error
    finally:
        if log is not None:
            log.event("info", "command_ended", exit_code=code, seconds=round(time.monotonic() - began, 3))
            log.close()


def report(console: Console, found: list[Diagnostic]) -> None:
    """Errors, for people on standard error, or as error.v1 with `--json`."""
    console.fail(*found)
    if console.json:
        console.document({"schema": "error.v1", "errors": [diagnostic_json(one) for one in found]})


def diagnostic_json(one: Diagnostic) -> dict[str, object]:
    """One fault or warning as the schemas have it."""
    return {
        "code": one.code,
        "message": f"{one.wrong}; {one.right}" if one.right else one.wrong,
        "file": one.file or None,
        "line": one.line or None,
        "column": one.column or None,
    }


def load_plan(console: Console, path: Path, *, sandbox: bool = False) -> LoadedPlan:
    """The plan file with its references resolved; its warnings are told, its secrets hidden from now on."""
    from engine.plan_file.loader import load  # lazily: JSON Schema is a good part of the start-up

    plan = load(path, sandbox=sandbox)
    console.hide(plan.secrets)
    console.warn(*plan.warnings)
    return plan


def open_source_only(console: Console, path: Path, *, sandbox: bool) -> Spec:
    """The plan's spec for commands that read the pool and perhaps the state: WorkOS's variables may be unset."""
    from engine.plan_file.loader import load
    from engine.run.identity import for_sandbox

    loaded = load(path, sandbox=True)
    console.hide(loaded.secrets)
    spec = for_sandbox(loaded.spec) if sandbox else loaded.spec
    introduce(console, spec, sandbox=sandbox, named=loaded.named)
    return spec


def introduce(
    console: Console,
    spec: Spec,
    *,
    sandbox: bool = False,
    state: Path | None = None,
    named: NamedDestination | None = None,
) -> None:
    """Say what the command works on: plan, pool, destination, state; messages name commands with that from now on."""
    console.about(str(spec.path), sandbox=sandbox)
    # Whatever the command: what a killed one left behind holds personal data.
    sweep(spec.state_path)
    destination = named or spec.destination
    where = "sandbox, an embedded emulator" if sandbox else f"WorkOS {destination.base_url} ({destination.client_id})"
    where += f", {destination.environment}" if destination.environment and not sandbox else ""
    console.header(
        [
            ("plan", f"{spec.name} ({spec.path})"),
            *((f"pool {one.name}" if len(spec.pools) > 1 else "pool", _where_from(one.source)) for one in spec.pools),
            ("destination", where),
            ("state", _near(state or spec.state_path)),
        ]
    )


def _where_from(source: CognitoSource | ExportSource) -> str:
    if isinstance(source, ExportSource):
        return "export " + ", ".join(source.files) + (f" of {source.user_pool_id}" if source.user_pool_id else "")
    address = f" at {source.endpoint_url}" if source.endpoint_url else ""
    return f"user pool {source.user_pool_id} in {source.region}{address}"


def _near(path: Path) -> str:
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"


def wants_json() -> bool:
    """Whether a command line that could not be parsed asked for JSON."""
    return "--json" in sys.argv[1:]
