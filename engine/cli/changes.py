"""The options by which `migrate plan` shows its changes, and where they go: text, standard output, a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.model.errors import MigrateError
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.run.diff import ShownChange
    from engine.run.reading import Watch
    from engine.run.session import Session
    from engine.run.showing import Showing

ShowOption = Annotated[
    int,
    typer.Option("--show", metavar="N", min=0, max=1000, help="Show the first N changes of each kind; 0: none."),
]
ChangedValuesOption = Annotated[
    bool, typer.Option("--values", help="Show values too, old ones as WorkOS has them: personal data.")
]
ChangedUsersOption = Annotated[
    str | None,
    typer.Option(
        "--users",
        metavar="KINDS",
        help="List all users of these on standard output: create, update, adopt, merge, skip, conflicts, wait.",
        show_default=False,
    ),
]
ChangesOption = Annotated[
    Path | None,
    typer.Option(
        "--changes", metavar="FILE", help="Write every change as a line of JSON into a file (0600).", show_default=False
    ),
]

# What every line of such a file begins with: by this one of ours is known.
_BEGINS = '{"schema":"change.v1"'


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """As they were given."""

    limit: int
    values: bool
    users: str | None
    file: Path | None


def check_show_options(options: ShowOptions, *, json: bool) -> None:
    """Raise MigrateError for what cannot be, before any work is done."""
    from engine.workspace.named_files import NamedFile

    _wanted(options.users)
    if options.users is not None and json:
        raise MigrateError(
            "--users and --json both want standard output",
            remedy="use --changes FILE beside --json: it holds every change",
            code="bad_usage",
        )
    if options.file is not None:
        NamedFile(options.file, begins=_BEGINS).check_place()


@contextmanager
def showing(console: Console, session: Session, watch: Watch, options: ShowOptions) -> Iterator[Showing]:
    """What looks at the plan; the file is in its place once the context ends well."""
    from engine.run.showing import Showing
    from engine.views.diff import change_lines, change_records
    from engine.workspace.named_files import NamedFile
    from engine.workspace.written_files import WrittenFiles

    def listed(changes: Sequence[ShownChange]) -> None:
        console.stream(change_lines(changes, values=options.values), shown=True)

    with ExitStack() as stack:
        file = None
        if options.file is not None:
            file = stack.enter_context(NamedFile(options.file, begins=_BEGINS).open())

        def written(changes: Sequence[ShownChange]) -> None:
            if file is not None:
                file.write(change_records(changes, values=options.values).encode())

        users = _wanted(options.users)
        yield Showing(
            session,
            watch,
            limit=options.limit,
            values=options.values,
            users=users,
            tell_users=listed if users else None,
            tell_all=written if file is not None else None,
        )
    if options.file is not None:
        # Subs, and values where they were asked for: `migrate purge` takes it away.
        WrittenFiles(session.spec.state_path).note("changes", options.file)


def _wanted(text: str | None) -> list[str]:
    """The kinds that `--users` names."""
    from engine.run.showing import USER_CHANGES

    wanted = [one.strip() for one in (text or "").split(",") if one.strip()]
    for one in wanted:
        if one not in USER_CHANGES:
            raise MigrateError(
                f"--users knows no kind of change {one}", remedy=f"use {', '.join(USER_CHANGES)}", code="bad_usage"
            )
    if text is not None and not wanted:
        raise MigrateError("--users names nothing", remedy=f"use {', '.join(USER_CHANGES)}", code="bad_usage")
    return wanted
