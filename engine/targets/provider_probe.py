"""Asks identity providers over HTTPS for `migrate oauth check`, and cannot be led into a private network.

The address that is connected to is the one that was judged: names are looked up once, here, and the connection is
made to what came out. Nothing is followed, little is read, nothing is kept between two requests.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, quote_plus, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.oauth.answers import Answer
from engine.oauth.ports import ProbeFailed

TIMEOUT_S = 5.0
LONGEST_BODY = 65_536
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is everybody's; one that wraps another (IPv4 in IPv6, NAT64, 6to4) counts as that one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


class CheckedResolver(AbstractResolver):
    """Looks names up, and fails for a host any of whose addresses is not public, unless the host is allowed."""

    def __init__(self, allow_hosts: Collection[str]) -> None:
        self._allowed = frozenset(allow_hosts)

    def allows(self, host: str) -> bool:
        """Whether the plan lets this host have a private address."""
        return host.lower().rstrip(".") in self._allowed

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
        self._context = context or ssl.create_default_context()

    async def get(self, url: str) -> Answer:
        """See the port."""
        return await self._ask("GET", url)

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Answer:
        """See the port."""
        return await self._ask("POST", url, form=form, headers={"Authorization": _basic(*basic)} if basic else None)

    async def _ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        self._judge(_split(url))
        connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, ssl=self._context)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # A proxy of the environment would look the name up once more.
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            headers={"Accept": "application/json, text/html;q=0.5", "Accept-Encoding": "identity",
                     "User-Agent": "cognito-workos-migrate"},
        )  # fmt: skip
        try:
            async with (
                session,
                session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                return Answer(answer.status, answer.headers.get("Location"), await _beginning(answer.content))
        except TimeoutError as error:
            raise ProbeFailed("timeout") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ProbeFailed(_code(error)) from error

    def _judge(self, parts: SplitResult) -> None:
        """Refuse what needs no look-up to be refused: an address in figures is never looked up."""
        if parts.scheme != "https":
            raise ProbeFailed("not_https")
        host = parts.hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if ":" in host or host.replace(".", "").isdigit():
                # Figures that are no whole address (127.1, 2130706433): C libraries make addresses of them.
                raise ProbeFailed("private_address") from None
            return
        if not self._resolver.allows(host) and not is_public(host):
            raise ProbeFailed("private_address")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError as error:
        raise ProbeFailed("bad_discovery") from error
    if not usable:
        raise ProbeFailed("bad_discovery")
    return parts


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
