"""A sandbox in this process, and the two ways of talking to it: the official SDK and plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from workos import AsyncWorkOSClient

from tests.support.sandbox_extras import Options, Server


class ManualClock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Api:
    """Plain HTTP with the key."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session
        self.headers = {"Authorization": f"Bearer {server.options.api_key}"}

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        sent = {"json": body} if body is not None else {}
        more = {"headers": self.headers, "allow_redirects": False, **sent, **more}
        async with self.session.request(method, self.server.url + path, **more) as response:
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else dict(response.headers)

    async def user(self, email: str = "ann@example.com", **more: Any) -> Any:
        status, user = await self("POST", "/user_management/users", {"email": email, **more})
        assert status == 201, user
        return user


@pytest.fixture
def options() -> Options:
    return Options()


@pytest.fixture
async def server(options: Options) -> AsyncIterator[Server]:
    async with Server(options) as server:
        yield server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session:
        yield Api(server, session)


@pytest.fixture
async def sdk(server: Server) -> AsyncIterator[AsyncWorkOSClient]:
    own = server.options
    async with AsyncWorkOSClient(
        api_key=own.api_key, client_id=own.client_id, base_url=server.url, max_retries=0
    ) as client:
        yield client
