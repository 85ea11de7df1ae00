"""Owns the HTTP side: listening on loopback, reading requests, sending answers, stopping cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from email.utils import formatdate

import orjson
from aiohttp import web

from engine.model.errors import TargetError
from engine.model.ports import Clock
from engine.sandbox.extension import Extension
from engine.sandbox.null import NullServer
from engine.sandbox.options import Options
from engine.sandbox.requests import Reply
from engine.sandbox.service import Service

_HOST = "127.0.0.1"  # never anything else: the sandbox holds addresses, and its key is no secret
_JSON = {"Content-Type": "application/json; charset=utf-8"}


class Server:
    """A running sandbox in this process; `service` may be looked into, `url` is where it listens.

    Making one raises TargetError where its data cannot be used.
    """

    def __init__(self, options: Options, clock: Clock | None = None, extension: Extension | None = None) -> None:
        self.options = options
        self.service = Service(options, clock, extension)
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
        path, extension = request.rel_url.raw_path, self.service.extension
        beside = self.service.is_beside(request.method, path)
        before, after = (0.0, 0.0) if beside else extension.delays()
        if before:
            await asyncio.sleep(before)
        handled = self.service.handle(
            request.method,
            path,
            list(request.query.items()),
            body,
            request.headers.get("Authorization"),
        )
        if after:
            # After the work: a client that gives up on a slow answer finds that the write was done.
            await asyncio.sleep(after)
        if handled.fault is not None:
            await extension.break_off(request, handled)
        response = _response(handled.reply)
        # Its own time, as its events have it.
        response.headers["Date"] = formatdate(self.service.environment.clock.now(), usegmt=True)
        return response


def _response(reply: Reply) -> web.Response:
    # Status 0 belongs to an answer that an extension does not let through.
    headers = {**(_JSON if reply.body else {}), **dict(reply.headers)}
    return web.Response(status=reply.status or 500, body=reply.body, headers=headers)


def serve(server: Server, *, parent_pipe: bool = False, announce: Callable[[str], None] | None = None) -> None:
    """Run it until SIGINT, SIGTERM or, with `parent_pipe`, the end of standard input; blocking.

    `announce` is given the URL once it listens; without one, a line {"url": …} goes to standard output. Raises
    TargetError where the port cannot be used.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(server, parent_pipe, announce or _announce))


def _announce(url: str) -> None:
    sys.stdout.write(orjson.dumps({"url": url}).decode() + "\n")
    sys.stdout.flush()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    with contextlib.suppress(ImportError):  # not on Windows
        import uvloop

        return uvloop.new_event_loop
    return None


async def _serve(server: Server, parent_pipe: bool, announce: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if parent_pipe:
        threading.Thread(target=_wait_for_parent, args=(loop, stopped), daemon=True).start()
    async with server:
        announce(server.url)
        await stopped.wait()


def _wait_for_parent(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    # os.read, not sys.stdin: a daemon thread that holds the buffer's lock would abort the interpreter's exit.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stopped.set)
