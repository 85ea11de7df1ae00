"""WorkOS's redirect URIs behind `RedirectUriPort`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.creations import Made
from engine.resources.redirect_uris.port import HeldRedirectUri
from engine.workos.calls import identifier, text
from engine.workos.metered_calls import MeteredCalls

_PATH = ("user_management", "redirect_uris")


class WorkOSRedirectUris:
    """`RedirectUriPort` on one WorkOS environment."""

    def __init__(self, calls: MeteredCalls) -> None:
        self._calls = calls

    async def all(self) -> list[HeldRedirectUri]:
        """See the port. (The API description has no such list; the SDK and the docs have.)"""
        found = [_held(one) for one in await self._calls.all(_PATH)]
        return sorted(found, key=lambda one: not one.default)

    async def create(self, uri: str) -> Made[HeldRedirectUri]:
        """See the port."""

        async def create() -> HeldRedirectUri:
            return _held(await self._calls.send("post", _PATH, {"uri": uri}))

        async def find() -> HeldRedirectUri | None:
            return next((one for one in await self.all() if one.uri == uri), None)

        return await self._calls.create(create, find)

    async def delete(self, redirect_uri_id: str) -> None:
        """See the port."""

        async def is_there() -> bool:
            return any(one.id == redirect_uri_id for one in await self.all())

        await self._calls.delete((*_PATH, redirect_uri_id), is_there)


def _held(given: Mapping[str, Any]) -> HeldRedirectUri:
    return HeldRedirectUri(identifier(given.get("id")), text(given.get("uri")), given.get("default") is True)
