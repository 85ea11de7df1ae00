"""Days that pass in a moment: a command whose clock stands still until it sleeps, and which a test wakes.

The command runs in a fork that is given this clock in place of the system's. It says over a socket until when it
sleeps; meanwhile the test changes the world, and then wakes it at that time, or kills it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from tests.support.forks import Fork

_PORT, _NOW = "SIMULATED_PORT", "SIMULATED_NOW"
BEFORE = "tests.support.simulated_days:install"


class SimulatedClock:
    """The port `Clock`, in the fork."""

    _time: float | None = None

    def now(self) -> float:
        if SimulatedClock._time is None:
            SimulatedClock._time = float(os.environ[_NOW])
        return SimulatedClock._time

    def monotonic(self) -> float:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        until = self.now() + seconds
        reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ[_PORT]))
        try:
            writer.write(f"{until!r}\n".encode())
            # Whoever is asleep may be cancelled: then the time has not passed.
            SimulatedClock._time = float(await reader.readline())
        finally:
            writer.close()


def install() -> None:
    """In the fork: this clock for the rounds of `apply`."""
    from engine.cli import applying

    applying.SystemClock = SimulatedClock  # type: ignore[assignment,misc]


class Days:
    """The test's end: starts the command, hears when it sleeps, wakes it. `now` is what time it is, for everybody."""

    def __init__(self, start: Callable[..., Fork], at: float, tick: Callable[[float], None]) -> None:
        """`start` forks the command with the environment that it is given; `tick` hears of every change of time."""
        self._start = start
        self._tick = tick
        self._sleeper: socket.socket | None = None
        self._until = at
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.command: Fork | None = None
        self.now = at

    def begin(self) -> None:
        """The command anew, at this time."""
        self._tick(self.now)
        port = str(self._server.getsockname()[1])
        self.command = self._start(before=BEFORE, **{_PORT: port, _NOW: repr(self.now)})

    def asleep(self, meanwhile: Callable[[], bool] = lambda: False) -> float | None:
        """Until when it sleeps, once it does; None where it has ended or what is looked for `meanwhile` is true."""
        assert self.command is not None
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            with suppress(TimeoutError):
                self._sleeper, _ = self._server.accept()
                with self._sleeper.makefile("r") as line:
                    self._until = float(line.readline())
                return self._until
            if meanwhile() or self.command.poll() is not None:
                return None
        raise TimeoutError("the command neither sleeps nor ends")

    def wake(self) -> None:
        """It is that time."""
        assert self._sleeper is not None
        self.now = self._until
        self._tick(self.now)
        with self._sleeper:
            self._sleeper.sendall(f"{self.now!r}\n".encode())
        self._sleeper = None

    def kill(self) -> None:
        """SIGKILL, whatever it does."""
        assert self.command is not None
        self.command.kill()
        self.command.communicate(60)
        if self._sleeper is not None:
            self._sleeper.close()
            self._sleeper = None

    def close(self) -> None:
        """The end."""
        if self.command is not None and self.command.poll() is None:
            self.kill()
        if self._sleeper is not None:
            self._sleeper.close()
        self._server.close()
