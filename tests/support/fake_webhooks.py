"""The fake of `WebhookPort`."""

from __future__ import annotations

from engine.model.webhooks import WebhookEndpoint
from tests.support.fake_script import Script


class FakeWebhooks:
    """`held` are the environment's."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.held: list[WebhookEndpoint] = []

    async def all(self) -> list[WebhookEndpoint]:
        return self._script.read("webhooks.all", None, list(self.held))
