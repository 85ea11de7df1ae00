"""WorkOS's webhook endpoints behind `WebhookPort` (API description, GET /webhook_endpoints)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.call_errors import Ambiguous
from engine.model.webhooks import WebhookEndpoint
from engine.workos.calls import identifier, text
from engine.workos.metered_calls import MeteredCalls


class WorkOSWebhooks:
    """`WebhookPort` on one WorkOS environment."""

    def __init__(self, calls: MeteredCalls) -> None:
        self._calls = calls

    async def all(self) -> list[WebhookEndpoint]:
        """See the port. The answer carries each endpoint's secret, which goes no further than this."""
        return [_endpoint(one) for one in await self._calls.all(("webhook_endpoints",))]


def _endpoint(given: Mapping[str, Any]) -> WebhookEndpoint:
    events = given.get("events")
    if not isinstance(events, list):
        raise Ambiguous("unexpected_answer")
    # Whatever is not called disabled may be called: an unknown status must not pass for silence.
    return WebhookEndpoint(identifier(given.get("id")), given.get("status") != "disabled", frozenset(map(text, events)))
