"""The application's redirect URIs: those that the plan names and WorkOS lacks are created, the rest is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model.keys import REDIRECT_URI
from engine.model.outcomes import Done, ResourceRow
from engine.resources.kind import ResourceChange, begun_here
from engine.resources.redirect_uris.port import RedirectUriPort


class RedirectUrisKind:
    """See `Kind`. `wanted` are addresses, in the order of the plan file."""

    name = REDIRECT_URI

    def __init__(self, wanted: Sequence[str], port: RedirectUriPort) -> None:
        self._wanted = wanted
        self._port = port

    async def foresee(self, known: Mapping[str, ResourceRow]) -> Sequence[ResourceChange]:
        """See `Kind`."""
        held = {one.uri: one for one in await self._port.all()} if self._wanted else {}
        return [
            ResourceChange(self.name, uri, "unchanged", held[uri].id, created_here=begun_here(known.get(uri)))
            if uri in held
            else ResourceChange(self.name, uri, "create", send={"uri": uri}, created_here=True)
            for uri in self._wanted
        ]

    async def carry_out(self, change: ResourceChange) -> tuple[Done, str]:
        """See `Kind`."""
        made = await self._port.create(change.key)
        return Done(self.name, change.key, made.held.id, "create", b"", {}, made.ours, 1), "created"
