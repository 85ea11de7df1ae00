"""Asks identity providers over HTTPS for `migrate oauth check`, and cannot be led into a private network.

The address that is connected to is the one that was judged: names are looked up once, here, and the connection is
made to what came out, through a proxy of the environment as well: it is told the address, not the name. Nothing is
followed, little is read, nothing is kept between two requests.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, quote_plus, urlsplit, urlunsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.network.hosts import NoHost, host_of, is_public, normalise_host
from engine.network.proxies import proxy_for, trusted
from engine.oauth.answers import Answer
from engine.oauth.ports import ProbeFailed

TIMEOUT_S = 5.0
LONGEST_BODY = 65_536


class CheckedResolver(AbstractResolver):
    """Looks names up, and fails for a host any of whose addresses is not public, unless the host is allowed."""

    def __init__(self, allow_hosts: Collection[str]) -> None:
        self._allowed = frozenset(_usual(host) for host in allow_hosts)

    def allows(self, host: str) -> bool:
        """Whether the plan lets this host have a private address; `host` is in the form of `normalise_host`."""
        return host in self._allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses to connect to. Raises ProbeFailed for a private one, OSError where there is none."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = [(info[0], str(info[4][0])) for info in found]
        # One private address among public ones is enough: which of them is used is not ours to choose.
        if not self.allows(host) and not all(is_public(address) for _, address in addresses):
            raise ProbeFailed("private_address")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=int(kind),
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class HttpsProbe:
    """`engine.oauth.ports.ProviderProbe`. `context` is for tests; certificates are always verified."""

    def __init__(self, allow_hosts: Collection[str] = (), *, context: ssl.SSLContext | None = None) -> None:
        self._resolver = CheckedResolver(allow_hosts)
        self._context = context

    async def get(self, url: str) -> Answer:
        """See the port."""
        return await self._ask("GET", url)

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Answer:
        """See the port."""
        return await self._ask("POST", url, form=form, headers={"Authorization": _basic(*basic)} if basic else None)

    async def _ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        parts = _split(url)
        host = self._judge(parts)
        self._context = self._context or trusted()
        proxy = proxy_for(f"https://{_bracketed(host)}{_port(parts)}")
        # Names are looked up here. Behind a proxy its own is the only one that the connector looks up.
        shown = host if proxy is None else await self._address(host, parts.port or 443)
        connector = aiohttp.TCPConnector(
            resolver=self._resolver if proxy is None else None, use_dns_cache=False, ssl=self._context
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # With `trust_env` a ~/.netrc would be read as well, and its passwords sent to a provider.
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            headers={"Accept": "application/json, text/html;q=0.5", "Accept-Encoding": "identity",
                     "Host": f"{_bracketed(host)}{_port(parts)}", "User-Agent": "cognito-workos-migrate"},
        )  # fmt: skip
        try:
            async with (
                session,
                session.request(
                    method,
                    urlunsplit(parts._replace(netloc=f"{_bracketed(shown)}{_port(parts)}")),
                    data=form,
                    headers=headers,
                    allow_redirects=False,
                    proxy=proxy,
                    server_hostname=host,
                ) as answer,
            ):
                return Answer(answer.status, answer.headers.get("Location"), await _beginning(answer.content))
        except TimeoutError as error:
            raise ProbeFailed("timeout") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ProbeFailed(_code(error)) from error

    async def _address(self, host: str, port: int) -> str:
        """What a proxy is told: the address that was judged; the name itself for a host that the plan allows."""
        if self._resolver.allows(host):
            return host
        try:
            async with asyncio.timeout(TIMEOUT_S):
                found = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        except TimeoutError as error:
            raise ProbeFailed("timeout") from error
        except OSError as error:
            raise ProbeFailed("unreachable") from error
        if not found:
            raise ProbeFailed("unreachable")
        return found[0]["host"]

    def _judge(self, parts: SplitResult) -> str:
        """The host, brought into one form. Refuses what needs no lookup: aiohttp looks up no address in figures."""
        if parts.scheme != "https":
            raise ProbeFailed("not_https")
        try:
            host = host_of(parts)
        except NoHost as error:
            raise ProbeFailed("bad_discovery") from error
        if _is_address(host) and not self._resolver.allows(host) and not is_public(host):
            raise ProbeFailed("private_address")
        return host


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError as error:
        raise ProbeFailed("bad_discovery") from error
    if not usable:
        raise ProbeFailed("bad_discovery")
    return parts


def _usual(host: str) -> str:
    try:
        return normalise_host(host)
    except NoHost:
        return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port(parts: SplitResult) -> str:
    return f":{parts.port}" if parts.port not in (None, 443) else ""


def _basic(client_id: str, secret: str) -> str:
    """HTTP Basic as OAuth has it: both parts are form-encoded first (RFC 6749 2.3.1)."""
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    while len(body) < LONGEST_BODY:
        part = await content.read(LONGEST_BODY - len(body))
        if not part:
            break
        body += part
    return bytes(body)


def _code(error: BaseException) -> str:
    """aiohttp wraps what a resolver raises."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ProbeFailed):
            return seen.code
        seen = seen.__cause__ or seen.__context__
    return "unreachable"
