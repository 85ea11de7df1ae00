"""A listing followed from page to page to its end, which may not be a circle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from engine.model.call_errors import Terminal

T = TypeVar("T")


class Cursors:
    """The cursors of one listing so far."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def follow(self, after: str | None) -> str | None:
        """The cursor. Raises Terminal (`cursor_loop`) for one that was given before: the list would never end."""
        if after is None:
            return None
        # The hash stands for the cursor: a million users have 10,000 of them.
        if hash(after) in self._seen:
            raise Terminal("cursor_loop")
        self._seen.add(hash(after))
        return after


async def every_page(
    fetch: Callable[[str | None], Awaitable[tuple[Sequence[T], str | None]]],
) -> AsyncIterator[Sequence[T]]:
    """The pages of one listing, from the first to the last. `fetch` gets a page and the next one's cursor."""
    cursors = Cursors()
    after: str | None = None
    while True:
        items, after = await fetch(after)
        after = cursors.follow(after)
        yield items
        if after is None:
            return
