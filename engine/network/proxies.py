"""Which proxy and which certificates a connection goes by, read from the environment as boto3 reads it.

HTTPS_PROXY, HTTP_PROXY and NO_PROXY; REQUESTS_CA_BUNDLE, else SSL_CERT_FILE and SSL_CERT_DIR, else the system's own.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from engine.model.errors import TargetError
from engine.plan_file.values import is_loopback


def proxy_for(url: str) -> str | None:
    """The proxy for this address, None for a direct connection. Raises TargetError for one that cannot be used."""
    parts = urlsplit(url)
    # A proxy's loopback is another machine: whoever names this one means it.
    if is_loopback(parts.hostname or ""):
        return None
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    # Written without a scheme it is an HTTP proxy, as for boto3.
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _usable(proxy):
        # The value may hold a password, so it is not shown.
        raise TargetError(
            f"{parts.scheme.upper()}_PROXY does not name an HTTP proxy",
            remedy="write http://host:port or https://host:port; a SOCKS proxy cannot be used",
            code="bad_proxy",
        )
    return proxy


def _usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def trusted() -> ssl.SSLContext:
    """Verifies certificates against what the environment names. Raises TargetError where that cannot be read."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if not bundle:
        named = os.environ.get("SSL_CERT_FILE")
        if named and not Path(named).is_file():
            # OpenSSL says nothing, and then trusts nobody.
            raise _unreadable("SSL_CERT_FILE")
        return ssl.create_default_context()
    try:
        if Path(bundle).is_dir():
            return ssl.create_default_context(capath=bundle)
        return ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise _unreadable("REQUESTS_CA_BUNDLE") from error


def _unreadable(variable: str) -> TargetError:
    return TargetError(
        f"the certificates that {variable} names cannot be read",
        remedy="name a readable file in PEM format, or unset the variable",
        code="bad_ca_bundle",
    )
