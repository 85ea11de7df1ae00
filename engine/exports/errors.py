"""Faults of export files: an error of the source that knows its file and line."""

from __future__ import annotations

from engine.model.diagnostics import Diagnostic
from engine.model.errors import SourceError


class ExportError(SourceError):
    """An export that cannot be read, with its place; `line` counts from 1, 0 means unknown. Holds no user's data."""

    def __init__(self, file: str, wrong: str, *, remedy: str, code: str, line: int = 0, column: int = 0) -> None:
        self.place = Diagnostic(code=code, wrong=wrong, right=remedy, file=file, line=line, column=column)
        super().__init__(wrong, remedy=remedy, code=code)

    def of_pool(self, name: str) -> ExportError:
        """The same, with its place: a pool may have many files."""
        at = self.place
        return ExportError(
            at.file, f"pool {name}: {at.wrong}", remedy=at.right, code=at.code, line=at.line, column=at.column
        )

    def __str__(self) -> str:
        return str(self.place)

    def diagnostics(self) -> list[Diagnostic]:
        return [self.place]
