"""Where WorkOS sends somebody who signs in: one redirect, asked for without the key, as a browser does."""

from __future__ import annotations

from urllib.parse import urlencode

from workos import TransportError

from engine.model.call_errors import Transient
from engine.plan_file.model import Destination
from engine.quota.metered import MeteredTarget
from engine.workos.transport import AiohttpBackend


class WorkOSSignInAddress:
    """`SignInAddressPort` on one WorkOS environment. `timeout` is one call's, in seconds."""

    def __init__(
        self, backend: AiohttpBackend, destination: Destination, *, meter: MeteredTarget, timeout: float
    ) -> None:
        self._backend = backend
        self._destination = destination
        self._meter = meter
        self._timeout = timeout

    async def find(self, redirect_uri: str, **selector: str) -> str | None:
        """See the port (facts, authorize)."""
        query = {"client_id": self._destination.client_id, "redirect_uri": redirect_uri, "response_type": "code"}
        address = f"{self._destination.base_url.rstrip('/')}/user_management/authorize?{urlencode(query | selector)}"

        async def ask() -> str | None:
            try:
                answer = await self._backend.request("GET", address, headers={}, content=None, timeout=self._timeout)
            except TransportError as error:
                raise Transient("connection_failed") from error
            location = next((value for name, value in answer.headers.items() if name.lower() == "location"), None)
            return location if 300 <= answer.status_code < 400 else None

        return await self._meter.read(ask)
