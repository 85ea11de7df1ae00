"""`--as-of`: the day by which a command tells whose turn it is."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

import typer

from engine.model.errors import MigrateError
from engine.plan_file.model import Spec

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="The day whose cohorts are due (YYYY-MM-DD, UTC); today unless given.",
        show_default=False,
    ),
]  # fmt: skip


def day_of(written: str | None, spec: Spec, now: float | None = None) -> date:
    """The day that is meant, by default that of `now`.

    Raises MigrateError for what is no day, and where nothing of the plan depends on it.
    """
    from engine.model.clock import today  # lazily: asyncio comes with it

    if written is None:
        return today(now)
    try:
        # Python reads other forms as well: weeks, and days without dashes.
        day = date.fromisoformat(written) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written) else None
    except ValueError:
        day = None
    if day is None:
        raise MigrateError(f"--as-of {written} is no day", remedy="write YYYY-MM-DD: 2026-12-01", code="bad_usage")
    if not spec.filters.cohorts:
        raise MigrateError(
            "--as-of does nothing: the plan has no filters.cohorts", remedy="leave it out", code="bad_usage"
        )
    return day
