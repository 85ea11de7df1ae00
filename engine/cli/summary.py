"""`--summary FILE` of `plan` and `apply`: the result, or what was wrong, as Markdown in a new file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """Where it goes. Nothing is written but between `begin` and the one `write`."""

    path: Path | None
    plan: Path
    _open: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Raises MigrateError where the file could not be written, before any work is done."""
        from engine.workspace.named_files import NamedFile

        if self.path is not None:
            NamedFile(self.path, option="").check_place()
            self._open = True

    def tell_plan(self, console: Console, result: PlanResult) -> None:
        """What would be done."""
        from engine.views.run_markdown import render_plan_markdown

        if self._open:
            self._write(render_plan_markdown(result, str(self.plan), console.message))

    def tell_apply(self, console: Console, result: ApplyResult) -> None:
        """What was done."""
        from engine.views.run_markdown import render_apply_markdown

        if self._open:
            self._write(render_apply_markdown(result, str(self.plan), console.message))

    def tell_refusal(self, console: Console, found: Sequence[Diagnostic]) -> None:
        """Why nothing was attempted; that is told anyhow, so that this file cannot be written is no second fault."""
        from engine.views.run_markdown import render_refusal_markdown

        if self._open:
            try:
                self._write(render_refusal_markdown(found, str(self.plan), console.message))
            except MigrateError as error:
                console.warn(str(error))

    def _write(self, text: str) -> None:
        from engine.workspace.named_files import NamedFile

        self._open = False
        if self.path is not None:
            NamedFile(self.path, option="").write(text.encode())
