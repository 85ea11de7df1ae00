"""The options that every command and every group of commands has, added in one place: `--log`, `-v`, `--version`."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

DISTRIBUTION = "cognito-workos-migrate"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asked for beside the command's own options; `command` is its whole name."""

    command: str = "migrate"
    log: Path | None = None
    verbose: bool = False


_ASKED: ContextVar[Asked] = ContextVar("asked")


def asked() -> Asked:
    """What this command line asked for."""
    return _ASKED.get(Asked())


def version() -> str:
    """Of this package."""
    from importlib.metadata import version as version_of  # lazily: few commands read the package's metadata

    return version_of(DISTRIBUTION)


def ask_afresh() -> None:
    """Forget what an earlier command line of this process asked for."""
    _ASKED.set(Asked())


def add_options(command: Any) -> Any:
    """The same command, it and all below it with these options."""
    _add(command, _options())
    return command


def _add(command: Any, options: list[Any]) -> None:
    taken = {name for one in command.params for name in one.opts}
    command.params += [one for one in options if not taken & {*one.opts}]
    for each in getattr(command, "commands", {}).values():
        _add(each, options)


def _note_log(context: typer.Context, path: Path | None) -> None:
    # Called for each command on the way, the innermost last; an option may stand behind any of them.
    found = replace(asked(), command=context.command_path)
    _ASKED.set(replace(found, log=path) if path is not None else found)


def _note_verbose(wanted: bool) -> None:
    if wanted:
        _ASKED.set(replace(asked(), verbose=True))


def _show_version(wanted: bool) -> None:
    if wanted:
        from engine.views.console import Console

        Console().data(f"migrate {version()}")
        raise typer.Exit


LogOption = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="FILE",
        callback=_note_log,
        help="Append what happens to FILE as JSON lines (0600); no personal data.",
        show_default=False,
    ),
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", callback=_note_verbose, help="Show each request by path, status and time.")
]
VersionOption = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
]


def _options() -> list[Any]:
    """Made by Typer out of a command that has nothing else; each tells its callback, and no command's function."""
    carrier = typer.Typer(add_completion=False)

    @carrier.command()
    def _(log: LogOption = None, verbose: VerboseOption = False, version: VersionOption = False) -> None:
        """Never called."""

    found = typer.main.get_command(carrier).params
    for one in found:
        one.expose_value = False
    return found
