"""One page of a WorkOS list, read strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.model.call_errors import Ambiguous
from engine.workos.calls import text


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
