"""Owns the sandbox of tests in this process: its extension fails as told, on the connection where that is the fault."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence

from aiohttp import web

from engine.model.ports import Clock
from engine.sandbox import server
from engine.sandbox.extension import Extension
from engine.sandbox.requests import Handled, Reply, Route
from engine.sandbox.service import Service
from tests.support.sandbox_extras.control import Control, counts
from tests.support.sandbox_extras.faults import BEFORE, FaultPlan
from tests.support.sandbox_extras.options import Options

_GONE_S = 0.5  # how often a request that is never answered looks whether its client has left


class Server(server.Server):
    """`faults` may be replaced at any time."""

    def __init__(self, options: Options, clock: Clock | None = None) -> None:
        extras = Extras(options)
        self.faults = extras.faults
        super().__init__(options, clock, extras)

    def counts(self) -> dict[str, int]:
        """Rows by noun."""
        return counts(self.service)


class Extras(Extension):
    """Faults and control endpoints of one sandbox."""

    def __init__(self, options: Options) -> None:
        self.faults = FaultPlan(options.faults)
        self._options = options

    def routes(self, service: Service) -> Sequence[Route]:
        return Control(service, self._options, self.faults).routes()

    def delays(self) -> tuple[float, float]:
        return self.faults.delays()

    def perform(self, method: str, path: str, work: Callable[[], Reply]) -> Handled:
        fault = self.faults.draw(method, path)
        if fault is None:
            return Handled(work())
        if fault in BEFORE:
            answers = fault.startswith(("throttled", "error", "forbidden"))
            return Handled(self.faults.answer(fault) if answers else Reply(0), fault)
        reply = work()
        return Handled(self.faults.answer(fault) if fault in ("error_after", "timeout_after") else reply, fault)

    async def break_off(self, request: web.BaseRequest, handled: Handled) -> None:
        """The answer that follows then goes nowhere."""
        transport = request.transport
        if transport is None:
            return
        if handled.fault in ("reset_before", "reset_after"):
            # Lingering for no time makes the kernel send RST, not FIN.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        elif handled.fault == "cut_off":
            transport.write(_cut_off(handled.reply))
            transport.close()
        elif handled.fault in ("hang_before", "hang_after"):
            while request.transport is not None:  # aiohttp offers nothing to wait for
                await asyncio.sleep(_GONE_S)


def _cut_off(reply: Reply) -> bytes:
    body = reply.body or b"{}"
    head = f"HTTP/1.1 {reply.status} Cut\r\nContent-Type: application/json\r\nContent-Length: {len(body) + 16}\r\n\r\n"
    return head.encode() + body[: len(body) // 2 + 1]
