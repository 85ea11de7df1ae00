"""Owns the HTTP side: listening on loopback, reading requests, sending answers or failing as told, stopping cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from email.utils import formatdate

import orjson
from aiohttp import web

from engine.model.errors import TargetError
from engine.model.ports import Clock
from engine.sandbox.null import NullServer
from engine.sandbox.options import Options
from engine.sandbox.requests import Reply
from engine.sandbox.service import Handled, Service

_HOST = "127.0.0.1"  # never anything else: the sandbox holds addresses, and its key is no secret
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_GONE_S = 0.5  # how often a request that is never answered looks whether its client has left


class Server:
    """A running sandbox in this process; `service` may be looked into, `url` is where it listens."""

    def __init__(self, options: Options, clock: Clock | None = None) -> None:
        self.options = options
        self.service = Service(options, clock)
        self.url = ""
        self._runner: web.ServerRunner | None = None
        self._null: NullServer | None = None

    async def start(self) -> None:
        """Listen. Raises TargetError where the port is taken."""
        try:
            listener = socket.create_server((_HOST, self.options.port), backlog=1024)
        except OSError as error:
            self.service.close()
            raise TargetError(f"the sandbox cannot listen on {_HOST}:{self.options.port}: {error.strerror}") from error
        self.url = f"http://{_HOST}:{listener.getsockname()[1]}"
        if self.options.null:
            self._null = NullServer(self.service, self.options)
            await self._null.start(listener)
            return
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.2)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def stop(self) -> None:
        """Stop listening, let go of what hangs, make the data durable."""
        if self._null is not None:
            await self._null.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.service.close()

    async def __aenter__(self) -> Server:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        control = request.path.startswith("/_sandbox/")
        before, after = (0.0, 0.0) if control else self.service.faults.delays()
        if before:
            await asyncio.sleep(before)
        outcome = self.service.handle(
            request.method,
            request.rel_url.raw_path,
            list(request.query.items()),
            body,
            request.headers.get("Authorization"),
        )
        if after:
            # After the work: a client that gives up on a slow answer finds that the write was done.
            await asyncio.sleep(after)
        if outcome.fault is not None:
            await self._fail(request, outcome)
        response = _response(outcome.reply)
        # Its own time, as its events have it.
        response.headers["Date"] = formatdate(self.service.environment.clock.now(), usegmt=True)
        return response

    async def _fail(self, request: web.BaseRequest, outcome: Handled) -> None:
        """Do to the connection what the fault says; the answer that follows then goes nowhere."""
        transport = request.transport
        if transport is None:
            return
        if outcome.fault in ("reset_before", "reset_after"):
            # Lingering for no time makes the kernel send RST, not FIN.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        elif outcome.fault == "cut_off":
            transport.write(_cut_off(outcome.reply))
            transport.close()
        elif outcome.fault in ("hang_before", "hang_after"):
            while request.transport is not None:  # noqa: ASYNC110 - aiohttp offers nothing to wait for
                await asyncio.sleep(_GONE_S)


def _response(reply: Reply) -> web.Response:
    # Status 0 belongs to faults that send nothing.
    headers = {**(_JSON if reply.body else {}), **dict(reply.headers)}
    return web.Response(status=reply.status or 500, body=reply.body, headers=headers)


def _cut_off(reply: Reply) -> bytes:
    body = reply.body or b"{}"
    head = f"HTTP/1.1 {reply.status} Cut\r\nContent-Type: application/json\r\nContent-Length: {len(body) + 16}\r\n\r\n"
    return head.encode() + body[: len(body) // 2 + 1]


def serve(options: Options, *, parent_pipe: bool = False, announce: Callable[[str], None] | None = None) -> None:
    """Run a sandbox until SIGINT, SIGTERM or, with `parent_pipe`, the end of standard input; blocking.

    `announce` is given the URL once it listens; without one, a line {"url": …} goes to standard output. Raises
    TargetError where data or port cannot be used.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(options, parent_pipe, announce or _announce))


def _announce(url: str) -> None:
    sys.stdout.write(orjson.dumps({"url": url}).decode() + "\n")
    sys.stdout.flush()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    with contextlib.suppress(ImportError):  # not on Windows
        import uvloop

        return uvloop.new_event_loop
    return None


async def _serve(options: Options, parent_pipe: bool, announce: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if parent_pipe:
        threading.Thread(target=_wait_for_parent, args=(loop, stopped), daemon=True).start()
    async with Server(options) as server:
        announce(server.url)
        await stopped.wait()


def _wait_for_parent(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    # os.read, not sys.stdin: a daemon thread that holds the buffer's lock would abort the interpreter's exit.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stopped.set)
