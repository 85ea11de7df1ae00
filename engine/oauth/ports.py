"""The ports of sign-in: what is asked of a provider, and where WorkOS sends people, whatever stands behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.oauth.answers import Answer


class ProbeFailed(Exception):
    """A provider was not asked, or did not answer. `code` is a row's of `engine.oauth.checks.unreachable`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderProbe(Protocol):
    """Asks identity providers over HTTPS.

    An implementer must follow no redirect, read no more than 64 KB, wait no longer than 5 s, connect to no private
    address but those of allowed hosts, and connect to the very address that it judged. Raises ProbeFailed alone.
    """

    async def get(self, url: str) -> Answer:
        """One GET, without cookies or credentials."""
        ...

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Answer:
        """One POST of a form; `basic` are user and password of HTTP Basic."""
        ...


class SignInAddressPort(Protocol):
    """Where WorkOS sends people. Raises the errors of `engine.model.call_errors` and no others."""

    async def find(self, redirect_uri: str, **selector: str) -> str | None:
        """Where somebody who signs in with `provider` or `connection_id` is sent; None where nowhere. A read."""
        ...
