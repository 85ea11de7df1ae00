"""Words and port of WorkOS's webhook endpoints: who is told of every event, so of every user that a run writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint as WorkOS lists it. Not its address, which may hold a token, nor its secret: nobody needs them."""

    id: str
    enabled: bool
    events: frozenset[str]


class WebhookPort(Protocol):
    """The webhook endpoints of an environment. Raises the errors of `engine.model.call_errors` and no others."""

    async def all(self) -> list[WebhookEndpoint]:
        """All of them, oldest first. A read."""
        ...
