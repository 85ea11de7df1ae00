"""Owns what may be added to a sandbox from outside: endpoints beside the API, and how its requests are delayed or fail.

The sandbox that users are offered adds nothing; tests do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.sandbox.requests import Handled, Reply, Route

if TYPE_CHECKING:
    from aiohttp import web

    from engine.sandbox.service import Service


class Extension:
    """Adds nothing. One that does derives from it and is given to `Server`; null mode asks for its routes alone."""

    def routes(self, service: Service) -> Sequence[Route]:
        """Endpoints beside the API: they take its key, and are neither counted, limited nor delayed. Called once."""
        del service
        return ()

    def delays(self) -> tuple[float, float]:
        """Seconds to wait before a request of the API counts, and after its work is done."""
        return 0.0, 0.0

    def perform(self, method: str, path: str, work: Callable[[], Reply]) -> Handled:
        """Answer a request that has its place in the quota: with `work`, which raises nothing, or without."""
        del method, path
        return Handled(work())

    async def break_off(self, request: web.BaseRequest, handled: Handled) -> None:
        """Do to the connection what the `fault` of `handled` says; called for those with one."""
