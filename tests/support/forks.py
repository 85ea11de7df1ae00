"""Owns one process that has imported the engine and forks a child for each command: the start without its imports.

A child gets folder, environment, arguments and standard streams of its own, and runs the console script's function.
What a fork cannot show (signals, kills, the installed script, memory) is tested with a real process, `Cli.start`.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
# What a command imports on its way: all of it, so that no child has to.
_IMPORTED = (
    "engine.cli.main", "engine.cli.wiring", "boto3", "botocore.session", "workos", "aiohttp", "uvloop", "jsonschema",
    "rich.progress", "sqlite3", "asyncio",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """How a forked command ended: its exit code, negative where a signal ended it, and what it printed."""

    code: int
    out: str
    err: str


class ForkServer:
    """Runs one command after the other. Its process ends with this one, by its socket."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__)), str(theirs.fileno())],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def run(self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: float) -> Ending:
        """One command to its end. Raises TimeoutError, and kills it, where it takes longer than `timeout` seconds."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            order = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
            body = json.dumps(order).encode()
            files = array.array("i", [out.fileno(), err.fileno()])
            head = len(body).to_bytes(8, "big")
            self._socket.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
            self._socket.sendall(body)
            pid = int.from_bytes(_receive(self._socket, 8), "big")
            self._socket.settimeout(timeout)
            try:
                code = int.from_bytes(_receive(self._socket, 8), "big", signed=True)
            except BaseException:
                # The answer of the killed one is still to come: nobody else must take it for theirs.
                os.kill(pid, signal.SIGKILL)
                self._socket.settimeout(None)
                _receive(self._socket, 8)
                raise
            finally:
                self._socket.settimeout(None)
            for stream in (out, err):
                stream.seek(0)
            return Ending(code, out.read().decode(), err.read().decode())


@cache
def fork_server() -> ForkServer:
    """The one of this test process."""
    return ForkServer()


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise EOFError("the fork server has ended")
        received += part
    return received


def _serve(connection: socket.socket) -> None:
    for name in _IMPORTED:
        __import__(name)
    _import_engine()
    # Children share the pages of what is imported as long as the collector does not write into them.
    gc.collect()
    gc.freeze()
    while True:
        head, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(2 * 4))
        if not head:
            return
        streams = array.array("i")
        streams.frombytes(ancillary[0][2])
        order = json.loads(_receive(connection, int.from_bytes(head, "big")))
        pid = os.fork()
        if pid == 0:
            connection.close()
            _be_the_command(order, *streams)
        for one in streams:
            os.close(one)
        connection.sendall(pid.to_bytes(8, "big"))
        _, status = os.waitpid(pid, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def _import_engine() -> None:
    for path in (_ROOT / "engine").rglob("*.py"):
        if path.stem not in ("__main__", "__init__"):
            with contextlib.suppress(ImportError):
                __import__(".".join(path.relative_to(_ROOT).with_suffix("").parts))


def _be_the_command(order: Mapping[str, Any], out: int, err: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        os.close(source)
    # A group of its own, as a shell gives each command.
    os.setpgid(0, 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["migrate", *order["arguments"]]
    from engine.cli.main import run

    code: object = 1
    try:
        run()
    except SystemExit as error:
        code = error.code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        _save_coverage()
        os._exit(code if isinstance(code, int) else 1)


def _save_coverage() -> None:
    if "coverage" in sys.modules:
        import coverage

        current = coverage.Coverage.current()
        if current is not None:
            current.stop()
            current.save()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as mine:
        _serve(mine)
