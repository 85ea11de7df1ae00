"""The port of redirect URIs: what is asked of a WorkOS environment, whatever stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.model.creations import Made


@dataclass(frozen=True, slots=True)
class HeldRedirectUri:
    """A redirect URI as WorkOS shows it. One of an application's is the default."""

    id: str
    uri: str
    default: bool = False


class RedirectUriPort(Protocol):
    """The application's redirect URIs.

    Every method raises the errors of `engine.model.call_errors` and no others. An implementer tries again what is
    worth it, under the shared quota, and looks again before it repeats a creation.
    """

    async def all(self) -> list[HeldRedirectUri]:
        """All of the application, the default one first, then the oldest."""
        ...

    async def create(self, uri: str) -> Made[HeldRedirectUri]:
        """Add one; writes nothing where it is there. WorkOS makes the first one the default."""
        ...

    async def delete(self, redirect_uri_id: str) -> None:
        """Remove one; nothing where it is not there. Raises Terminal (409) for the default one."""
        ...
