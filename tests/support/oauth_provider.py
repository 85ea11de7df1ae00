"""A small stand-in of an OAuth provider over HTTPS on loopback, with a certificate authority of its own.

It behaves by the standard (RFC 6749, OpenID Connect), and otherwise as told; `Behaviour` may change while it serves.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import web

CLIENT_ID = "acme-client"
SECRET = "s3cret-of-acme-at-its-provider"


@dataclass
class Behaviour:
    """What it knows, and how it misbehaves."""

    clients: dict[str, str] = field(default_factory=lambda: {CLIENT_ID: SECRET})
    redirect_uris: set[str] = field(default_factory=set)
    page: str = ""  # "": by the standard; mute: the same page for everybody; status: pages, refusals with 400
    code_first: bool = False  # the token endpoint looks at the code before the secret
    token_answer: tuple[int, bytes] | None = None
    redirects: bool = False  # every endpoint sends on, for ever
    slow_s: float = 0.0
    huge: bool = False
    discovery: dict[str, Any] = field(default_factory=dict)  # replaces members of the document
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  # method, path, arguments


@dataclass(frozen=True, slots=True)
class Provider:
    """A running stand-in. `issuer` is its address; `authority` the file that a client must trust."""

    issuer: str
    authority: Path
    behaviour: Behaviour

    def context(self) -> ssl.SSLContext:
        """For a client in this process."""
        return ssl.create_default_context(cafile=str(self.authority))


@contextmanager
def oauth_provider(folder: Path) -> Iterator[Provider]:
    """Serve on a free port until the end; `folder` takes its certificate."""
    authority, context = certificate(folder)
    behaviour = Behaviour()
    started: list[Any] = []
    ready = threading.Event()

    def run() -> None:
        asyncio.run(_serve(behaviour, context, started, ready))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20)
    port, loop, stop = started
    try:
        yield Provider(f"https://localhost:{port}", authority, behaviour)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


async def _serve(behaviour: Behaviour, context: ssl.SSLContext, started: list[Any], ready: threading.Event) -> None:
    app = web.Application()
    stand_in = _StandIn(behaviour)
    app.router.add_route("*", "/{path:.*}", stand_in.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    stop = asyncio.Event()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    stand_in.issuer = f"https://localhost:{port}"
    started += [port, asyncio.get_running_loop(), stop]
    ready.set()
    await stop.wait()
    await runner.cleanup()


class _StandIn:
    def __init__(self, behaviour: Behaviour) -> None:
        self.issuer = ""
        self._behaviour = behaviour

    async def handle(self, request: web.Request) -> web.StreamResponse:
        own = self._behaviour
        form = dict(await request.post()) if request.method == "POST" else {}
        given = {name: str(value) for name, value in {**request.query, **form}.items()}
        own.seen.append((request.method, request.path, given))
        await asyncio.sleep(own.slow_s)
        if own.redirects:
            return web.Response(status=302, headers={"Location": str(request.url)})
        if own.huge:
            return web.Response(text="x" * 5_000_000)
        if request.path == "/.well-known/openid-configuration":
            document = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
            return web.json_response(document | own.discovery)
        if request.path == "/token":
            return self._token(request, given)
        return self._authorize(given)

    def _authorize(self, given: dict[str, str]) -> web.Response:
        own = self._behaviour
        if own.page == "mute":
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        known_client = given["client_id"] in own.clients
        if not known_client or given["redirect_uri"] not in own.redirect_uris:
            if own.page == "status":
                return web.Response(status=400, text="<html>No.</html>", content_type="text/html")
            code = "redirect_uri_mismatch" if known_client else "invalid_client"
            return web.json_response({"error": code}, status=400)
        if own.page == "status" or given.get("prompt") != "none":
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        query = urlencode({"error": "login_required", "state": given.get("state", "")})
        return web.Response(status=302, headers={"Location": f"{given['redirect_uri']}?{query}"})

    def _token(self, request: web.Request, given: dict[str, str]) -> web.Response:
        own = self._behaviour
        if own.token_answer is not None:
            return web.Response(status=own.token_answer[0], body=own.token_answer[1])
        client, secret = given.get("client_id", ""), given.get("client_secret", "")
        if request.headers.get("Authorization", "").startswith("Basic "):
            pair = base64.b64decode(request.headers["Authorization"][6:]).decode()
            client, _, secret = (unquote(one) for one in pair.partition(":"))
        if own.code_first or own.clients.get(client) == secret:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"error": "invalid_client"}, status=401)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost, 127.0.0.1 and names of tests that signs itself: its file, a server's context."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [
            *(x509.DNSName(name) for name in ("localhost", "login.acme.test", "api.workos.test")),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, private = folder / "provider-ca.pem", folder / "provider-key.pem"
    authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    return authority, context
