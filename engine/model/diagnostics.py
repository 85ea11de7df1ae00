"""A fault with its place: what every error message to a person is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault. `wrong` says what is, `right` what would be; line and column count from 1, 0 means unknown."""

    code: str
    wrong: str
    right: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.wrong}; {self.right}" if self.right else f"{place}{self.wrong}"
