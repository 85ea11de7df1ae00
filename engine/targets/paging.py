"""Pages of WorkOS's lists: one page read strictly, and a listing followed to its end, which may not be a circle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.targets.calls import text
from engine.targets.errors import Ambiguous, Terminal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """The items of one answer as they came, and the cursor of the next; None at the end."""

    items: Sequence[Any]
    after: str | None


def read_page(answer: Mapping[str, Any]) -> Page:
    """An answer as a page. Raises Ambiguous for what is none: it must not pass for the end of a list."""
    items, metadata = answer.get("data"), answer.get("list_metadata")
    if not isinstance(items, list) or not isinstance(metadata, Mapping):
        raise Ambiguous("unexpected_answer")
    after = metadata.get("after")
    if after is not None:
        after = text(after) or None
    return Page(items, after if items else None)


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
