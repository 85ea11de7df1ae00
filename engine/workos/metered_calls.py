"""WorkOS's calls for what is no user, under the shared quota: tried again, and looked for before that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from workos import AsyncWorkOSClient

from engine.model.call_errors import Ambiguous, CallFailed, Terminal
from engine.model.creations import Made
from engine.model.paging import every_page
from engine.model.retries import TRIES, Tries, patiently
from engine.quota.budget import RequestKind
from engine.quota.metered import MeteredTarget
from engine.workos.calls import ask, items, send, translated
from engine.workos.paging import Page, read_page

_T = TypeVar("_T")
_PAGE = 100  # WorkOS's largest page (API description)

Path = tuple[str, ...]
Body = dict[str, Any]


class MeteredCalls:
    """What the adapters of one environment share. `timeout` is one call's, in seconds; `tries` are a write's."""

    def __init__(self, client: AsyncWorkOSClient, meter: MeteredTarget, *, timeout: float, tries: int = TRIES) -> None:
        self.client = client
        self.meter = meter
        self._tries = tries
        self.opts: Any = {"timeout": timeout, "max_retries": 0}

    async def read(self, path: Path, params: dict[str, Any] | None = None) -> Mapping[str, Any]:
        """GET an object."""
        return await self.meter.read(lambda: ask(self.client, path, params or {}, self.opts))

    async def find(self, path: Path) -> Mapping[str, Any] | None:
        """GET an object; None where there is none."""
        try:
            return await self.read(path)
        except Terminal as error:
            if error.status == 404:
                return None
            raise

    async def page(self, path: Path, after: str | None, **filters: str) -> Page:
        """One page of a list, oldest first."""
        params = {"limit": _PAGE, "order": "asc", **filters} | ({"after": after} if after else {})

        async def fetch() -> Page:
            page = read_page(await ask(self.client, path, params, self.opts))
            return Page(items(page.items), page.after)

        return await self.meter.read(fetch)

    async def all(self, path: Path, **filters: str) -> list[Mapping[str, Any]]:
        """A whole list, oldest first. Raises Terminal (`cursor_loop`) for one without an end."""

        async def fetch(after: str | None) -> tuple[list[Mapping[str, Any]], str | None]:
            page = await self.page(path, after, **filters)
            return list(page.items), page.after

        return [one async for page in every_page(fetch) for one in page]

    async def send(self, method: str, path: Path, body: Body | None = None) -> Mapping[str, Any]:
        """One write, neither metered nor repeated: for `write` and `create`, which are."""
        return await send(self.client, method, path, body, self.opts)

    async def write(
        self,
        write: Callable[[], Awaitable[_T]],
        look: Callable[[CallFailed], Awaitable[_T | None]] | None = None,
        kind: RequestKind = "write",
    ) -> _T:
        """A write that may be repeated: the same content twice is the same. `look` may find that it is done."""
        tries = Tries(self.meter.rng, tries=self._tries)
        return await patiently(lambda: self.meter.write(write, kind), tries, self.meter.pause, look=look)

    async def create(self, create: Callable[[], Awaitable[_T]], find: Callable[[], Awaitable[_T | None]]) -> Made[_T]:
        """A write that must not be repeated blindly: whatever goes wrong, `find` looks before it is sent again."""
        perhaps_ours = False

        async def attempt() -> Made[_T]:
            return Made(await create(), ours=True)

        async def look(failure: CallFailed) -> Made[_T] | None:
            nonlocal perhaps_ours
            perhaps_ours = perhaps_ours or isinstance(failure, Ambiguous)
            # Somebody may have been there first, or the write was done and its answer lost.
            found = await find()
            return Made(found, ours=perhaps_ours) if found is not None else None

        return await self.write(attempt, look)

    async def delete(
        self,
        path: Path,
        is_there: Callable[[], Awaitable[object]],
        *,
        kind: RequestKind = "write",
        waits: Sequence[float] = (),
    ) -> None:
        """DELETE what may be gone already. An answer without a body proves nothing, so it is looked for afterwards.

        `waits` are seconds between more looks, for what WorkOS deletes some time after its answer.
        """

        async def gone(failure: CallFailed) -> bool | None:
            return True if isinstance(failure, Terminal) and failure.status == 404 else None

        async def delete() -> bool:
            await translated(self.client.request("delete", path, request_options=self.opts))
            return True

        await self.write(delete, gone, kind)
        for wait in (*waits, None):
            if not await is_there():
                return
            if wait is not None:
                await self.meter.pause(wait)
        raise Ambiguous("unexpected_answer")
