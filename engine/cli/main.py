"""The `migrate` command: its subcommands, and what becomes of a command line that is not one."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import typer
from typer import core

from engine.cli import (
    apply,
    explain,
    export,
    ids,
    init,
    oauth,
    purge,
    ready,
    reporting,
    resets,
    rollback,
    sandbox,
    schema,
    state,
    status,
    validate,
    verify,
)
from engine.cli.command import report, wants_json
from engine.cli.everywhere import add_options, ask_afresh
from engine.model.diagnostics import Diagnostic
from engine.model.errors import EXIT_INTERRUPTED, EXIT_NOTHING_ATTEMPTED
from engine.views.console import Console, fill_standard_streams

# Plain help: rich would cost a third of the start-up.
core.HAS_RICH = False

app = typer.Typer(
    name="migrate",
    help="Move users from AWS Cognito to WorkOS, as a plan file in git declares it.",
    epilog="Example: migrate apply plans/production.yaml",
    # Bare `migrate` shows help too, and ends with 0: see `root`.
    invoke_without_command=True,
    no_args_is_help=False,
    add_completion=True,
    # Subcommands inherit them.
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (
    init, validate, apply, explain, status, verify, ids, ready, reporting, export, rollback, purge, schema, sandbox,
):  # fmt: skip
    module.register(app)
app.add_typer(resets.app, name="resets")
app.add_typer(state.app, name="state")
app.add_typer(oauth.app, name="oauth")


@app.callback()
def root(context: typer.Context) -> None:
    """Options of `migrate` itself."""
    if context.invoked_subcommand is None:
        Console().stream([context.get_help() + "\n"])


@cache
def root_command() -> Any:
    """`migrate` with all that it offers; put together once a process, which may run several command lines."""
    return add_options(typer.main.get_command(app))


def run() -> None:
    """The console script."""
    fill_standard_streams()
    ask_afresh()
    try:
        code = root_command().main(prog_name="migrate", standalone_mode=False)
    except Exception as error:
        code = _usage(error)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


def _in_our_words(message: str) -> str:
    """Typer's message without what its validator says of itself."""
    return message.replace(": Value error, ", ": ").replace("Input should be", "it should be").rstrip(".?")


def _usage(error: Exception) -> int:
    """Typer's own errors: bad usage ends with 1, as the contract says, not with 2."""
    message = getattr(error, "format_message", None)
    if message is None:
        if type(error).__name__ in ("Abort", "Exit"):
            return int(getattr(error, "exit_code", EXIT_NOTHING_ATTEMPTED))
        raise error
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "migrate"
    diagnostic = Diagnostic("bad_usage", _in_our_words(str(message())), f"see `{path} --help`")
    report(Console(json=wants_json()), [diagnostic])
    return EXIT_NOTHING_ATTEMPTED
