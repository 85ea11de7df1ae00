"""The options of `plan` and `apply` for a review: where it is kept, and what is expected."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from engine.cli.command import check_out
from engine.model.errors import MigrateError
from engine.run.expectation import Expectation
from engine.run.migration import Keep
from engine.run.review import Review
from engine.run.session import Session


@dataclass(slots=True)
class ReviewFile:
    """Where `plan --out` keeps the review; `changes` are counted once it is written."""

    path: Path
    overwrite: bool
    changes: int = 0

    @classmethod
    def of(cls, path: Path | None, plan: Path, *, overwrite: bool) -> ReviewFile | None:
        """None where nobody asked for one. Raises MigrateError before any work is done."""
        if path is None:
            return None
        check_out(path, plan, overwrite=overwrite)
        return cls(path, overwrite)

    def keeper(self, session: Session) -> Keep:
        """Writes it."""

        async def keep(review: Review) -> None:
            self.changes = await asyncio.to_thread(
                review.write, self.path, session.state_key(), overwrite=self.overwrite
            )

        return keep

    def sentence(self) -> str:
        """What was written."""
        size = self.path.stat().st_size
        changes = "1 change" if self.changes == 1 else f"{self.changes:,} changes"
        return f"review of {changes} written to {self.path} ({size:,} bytes)"


def expectation(written: str | None, *, allow_growth: bool) -> Expectation | None:
    """What `--expect` says. Raises MigrateError before any work is done."""
    if written is not None:
        return Expectation.of(written, allow_growth=allow_growth)
    if allow_growth:
        raise MigrateError(
            "--allow-growth goes with --expect FILE", remedy="add --expect FILE, or leave it out", code="bad_usage"
        )
    return None
