"""The SDK's transport over aiohttp: proxies and certificates of the environment, bodies up to a bound.

Measured on loopback (facts): the SDK's default transport costs three times the CPU of this one.
"""

from __future__ import annotations

import ssl
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from workos import HTTPResponse, TransportConnectError, TransportError, TransportTimeout

from engine.model.call_errors import Ambiguous, Transient
from engine.model.exchanges import Exchange, Trace, untraced
from engine.network.proxies import proxy_for, trusted
from engine.workos.bodies import ACCEPTED, UnreadableBody, read_body
from engine.workos.path_templates import path_template


class AiohttpBackend:
    """`workos.AsyncHTTPBackend` over one aiohttp session. Redirects are not followed: a key never goes along."""

    def __init__(self, session: aiohttp.ClientSession, trace: Trace = untraced) -> None:
        self._session = session
        self._trace = trace
        self._proxies: dict[str, str | None] = {}  # by origin: the environment is read once
        self._context: ssl.SSLContext | None = None

    @classmethod
    def open(cls, trace: Trace = untraced) -> AiohttpBackend:
        """A session of its own, with no limit on connections: the number of calls in flight is set elsewhere.

        `trace` hears of each exchange.
        """
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # With `trust_env` a ~/.netrc would be read as well, and its password sent in the key's place.
            trust_env=False,
            auto_decompress=False,
            headers={"Accept-Encoding": ACCEPTED},
        )
        return cls(session, trace)

    async def request(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None, timeout: float
    ) -> HTTPResponse:
        """One HTTP exchange. Raises the SDK's transport errors, `TransportConnectError` only if nothing was sent.

        Raises Transient for a proxy or certificate that stands in the way, Ambiguous for a body that is none.
        """
        if self._trace is untraced:
            return await self._exchange(method, url, headers, content, timeout)
        began, end = time.monotonic(), "cancelled"  # by whoever stops waiting
        try:
            answer = await self._exchange(method, url, headers, content, timeout)
            end = str(answer.status_code)
            return answer
        except Exception as error:
            end = type(error).__name__
            raise
        finally:
            self._trace(Exchange("WorkOS", method.upper(), path_template(url), end, time.monotonic() - began))

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, timeout: float
    ) -> HTTPResponse:
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=content,
                allow_redirects=False,
                proxy=self._proxy(url),
                ssl=self._trusted(url),
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as answer:
                return _ParsedAnswer(answer.status, answer.headers, await _body(answer), method, url)
        except aiohttp.ClientConnectorCertificateError as error:
            raise Transient("untrusted_certificate") from error
        except aiohttp.ClientHttpProxyError as error:
            raise Transient("proxy_refused", status=error.status) from error
        except aiohttp.ClientConnectorError as error:
            raise TransportConnectError(type(error).__name__) from error
        except TimeoutError as error:
            raise TransportTimeout(type(error).__name__) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TransportError(type(error).__name__) from error

    async def close(self) -> None:
        """Close the session and its connections."""
        await self._session.close()

    def _proxy(self, url: str) -> str | None:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(origin)
        return self._proxies[origin]

    def _trusted(self, url: str) -> ssl.SSLContext | bool:
        if not url.startswith("https:"):
            return True
        self._context = self._context or trusted()
        return self._context


class _ParsedAnswer(HTTPResponse):
    """An answer whose JSON is parsed at once from its bytes: pages of a listing are long, and there are thousands."""

    def json(self) -> Any:
        """The body; whatever is unusual (half a surrogate pair, another encoding) is read as the SDK reads it."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return super().json()


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    if 300 <= answer.status < 400:
        # Nothing is followed, and what a redirect's body says is not WorkOS's answer.
        return b""
    try:
        body = await read_body(answer)
    except UnreadableBody as error:
        if answer.status < 400:
            raise Ambiguous("unexpected_answer", status=answer.status) from error
        # The status tells enough.
        return b"{}"
    if answer.status >= 400 and not body.lstrip().startswith(b"{"):
        # The SDK stumbles over an array before it has looked at the status, which is what tells.
        return b"{}"
    return body
