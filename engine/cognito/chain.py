"""One chain of pages: follows its tokens to the end, starts again when a token is refused. Knows no service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.cognito.calls import ExpectedRefusal
from engine.model.errors import SourceError

T = TypeVar("T")

RESTARTS = 3


@dataclass(frozen=True, slots=True)
class ListedPage(Generic[T]):
    """One answer of a listing; it may be short or empty before the end. No token: the end."""

    items: Sequence[T]
    token: str | None


class Chain(Generic[T]):
    """Iterates over the pages that `fetch(token)` gives; a refused token (`ExpectedRefusal`) starts the chain afresh.

    After such a start the chain's items come again from its first: whoever keeps them must keep one of each.
    Raises SourceError when the tokens run in a circle, or are refused more than `RESTARTS` times.
    """

    def __init__(self, fetch: Callable[[str | None], ListedPage[T]], label: str) -> None:
        self._fetch = fetch
        self._label = label
        self.delivered = 0  # items since the last start
        self.restarts = 0
        self.ended = False  # whether the page given last was the last one

    def __iter__(self) -> Iterator[Sequence[T]]:
        while True:
            self.delivered = 0
            try:
                yield from self._run()
                return
            except ExpectedRefusal as refused:
                if self.restarts >= RESTARTS:
                    raise SourceError(
                        f"Cognito refused the pagination tokens of {self._label} again and again",
                        remedy="run again; the listing cannot be finished as long as this lasts",
                        code="token_refused",
                    ) from refused
                self.restarts += 1

    def _run(self) -> Iterator[Sequence[T]]:
        token: str | None = None
        seen: set[int] = set()
        while True:
            page = self._fetch(token)
            self.delivered += len(page.items)
            self.ended = page.token is None
            token = page.token
            # The hash stands for the token: a million users have 17,000 of them, of a kilobyte each.
            if token is not None and hash(token) in seen:
                raise SourceError(
                    f"Cognito gave a pagination token of {self._label} twice: the listing runs in a circle",
                    remedy="run again; check `endpoint_url` if the pool is not AWS's own",
                    code="token_loop",
                )
            if page.items:
                yield page.items
            if token is None:
                return
            seen.add(hash(token))
