"""What the rounds of `apply --every` came to, all together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoundCounts:
    """`failed` are those that were given up before anything was written; `last_error` is the code of the last of them.

    Requests are those of completed rounds. `verdict` is go or no-go in the end; None where nobody could say.
    """

    completed: int = 0
    failed: int = 0
    writes: int = 0
    reads: int = 0
    last_error: str | None = None
    verdict: str | None = None

    def to_json(self) -> dict[str, object]:
        """As the result shows it."""
        return {
            "completed": self.completed,
            "failed": self.failed,
            "writes": self.writes,
            "reads": self.reads,
            "last_error": self.last_error,
            "verdict": self.verdict,
        }
