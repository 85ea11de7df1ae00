"""What `plan` and `apply` leave for a CI: the result, or what was wrong, in `--summary FILE` and the step's summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.model.diagnostics import Diagnostic
from engine.model.errors import MigrateError
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.run.results import ApplyResult, PlanResult

SummaryOption = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        metavar="FILE",
        help="Write the result, or why nothing was attempted, as Markdown for a pull request; names nobody.",
    ),
]


@dataclass(slots=True)
class Summary:
    """Where it goes: to the file once `begin` found that it is free, and to the step's summary where there is one.

    Only the first that is told counts.
    """

    path: Path | None
    plan: Path
    people: Sequence[str] = ()  # whom the command line names: no summary does
    _free: bool = field(default=False, init=False)
    _told: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Raises MigrateError where the file could not be written, before any work is done."""
        from engine.workspace.named_files import NamedFile

        if self.path is not None:
            NamedFile(self.path, option="").check_place()
            self._free = True

    def tell_plan(self, console: Console, result: PlanResult) -> None:
        """What would be done."""
        from engine.views.run_markdown import render_plan_markdown

        self._write(console, render_plan_markdown(result, str(self.plan), console.message))

    def tell_apply(self, console: Console, result: ApplyResult) -> None:
        """What was done."""
        from engine.views.run_markdown import render_apply_markdown

        self._write(console, render_apply_markdown(result, str(self.plan), console.message))

    def tell_refusal(self, console: Console, found: Sequence[Diagnostic]) -> None:
        """Why nothing was attempted; that is told anyhow, so that this file cannot be written is no second fault."""
        # After a result it is the file alone that was refused.
        if self._told or not (self._free or console.summarises):
            return
        from engine.views.run_markdown import render_refusal_markdown

        try:
            self._write(console, render_refusal_markdown(found, str(self.plan), partial(self._unnamed, console)))
        except MigrateError as error:
            console.warn(str(error))

    def _unnamed(self, console: Console, text: str) -> str:
        for one in sorted(filter(str.strip, self.people), key=len, reverse=True):
            text = text.replace(one, "…")
        return console.message(text)

    def _write(self, console: Console, text: str) -> None:
        from engine.workspace.named_files import NamedFile

        self._told = True
        console.summarise(text)
        if self.path is not None and self._free:
            NamedFile(self.path, option="").write(text.encode())
