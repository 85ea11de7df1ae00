"""`--expect`: what a run is held against before it writes anything, and which guards that stands in for."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from engine.model.errors import MigrateError
from engine.resources.review_entry import Seal
from engine.run.moved import NotAsReviewed, count_noun
from engine.run.review import Review
from engine.run.review_file import ReviewHead, read_head

LIFTED = frozenset({"max_updates", "max_left_source"})
"""Guards against what nobody has looked at. What they count is in the review, one by one."""
# As `plan --json` writes it, and as the table for people shows it.
_DIGEST = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a plan agrees with its review: to the letter, or but for what has been done since and who has signed up.

    `sign_ups` are counted by kind and action.
    """

    exact: bool
    done: int = 0
    sign_ups: tuple[tuple[str, str, int], ...] = ()

    def to_json(self) -> dict[str, object]:
        """As the apply's result shows it."""
        counts: dict[str, dict[str, int]] = {}
        for kind, action, number in self.sign_ups:
            counts.setdefault(kind, {})[action] = number
        return {"exact": self.exact, "done_since": self.done, "sign_ups_since": counts}

    def sentence(self) -> str:
        """For people."""
        if self.exact:
            return "as reviewed"
        told = [f"{self.done:,} of it done since"] if self.done else []
        if self.sign_ups:
            told.append("with sign-ups since: " + ", ".join(count_noun(*one) for one in self.sign_ups))
        return "as reviewed, " + "; ".join(told or ["with fewer to do"])


@dataclass(frozen=True, slots=True)
class Expectation:
    """A digest, or a file with its head. `allow_growth`: sign-ups since the review pass."""

    digest: str
    path: Path | None = None
    head: ReviewHead | None = None
    allow_growth: bool = False

    @classmethod
    def of(cls, written: str, *, allow_growth: bool) -> Expectation:
        """From the command line; reads the head of a file. Raises MigrateError (`bad_usage`, `bad_review`)."""
        if _DIGEST.fullmatch(written):
            if allow_growth:
                raise MigrateError(
                    "--allow-growth needs a review in a file: a digest tells no sign-up from anything else",
                    remedy="keep the review with `migrate plan --out FILE`, and use --expect FILE",
                    code="bad_usage",
                )
            return cls(written)
        path = Path(written)
        head = read_head(path)
        return cls(head.digest, path, head, allow_growth)

    async def hold(self, review: Review, key: bytes) -> Agreement:
        """Hold a plan against it; `key` is the state's. Raises NotAsReviewed where it is another."""
        if review.digest.startswith(self.digest):
            return Agreement(exact=True)
        if self.path is None or self.head is None:
            shown = review.digest[: len(self.digest)]
            raise NotAsReviewed(
                [f"its digest is {shown}, and {self.digest} was expected"],
                remedy="look at `migrate plan`; with its --out FILE, and --expect FILE here, what moved is named",
            )
        seal = Seal(self.head.secret or key)
        if seal.check != self.head.check:
            raise NotAsReviewed(["the state is another one"], remedy=_AGAIN)
        moved = await asyncio.to_thread(review.compare, self.head, self.path, seal)
        told = list(moved.sentences())
        growth = tuple((kind, action, number) for (kind, action), number in sorted(moved.sign_ups.items()))
        if not self.allow_growth:
            told += [f"{count_noun(*one)} by sign-up since" for one in growth]
        if told:
            only_growth = moved.as_reviewed and bool(growth)
            raise NotAsReviewed(
                told, remedy=f"--allow-growth lets sign-ups pass; or {_AGAIN}" if only_growth else _AGAIN
            )
        return Agreement(exact=False, done=moved.done, sign_ups=growth)


_AGAIN = "review it again: `migrate plan --out FILE`"
