"""Owns one process that has imported the engine and forks a child for each command: the start without its imports.

A child gets folder, environment, arguments and standard streams of its own, and runs the console script's function.
Several may be under way at once. Shell scripts of a test find a `migrate` that does the same (`write_command`). What a
fork cannot show (signals that the command handles, kills while it starts, the installed script, memory) is tested with
a real process, `Cli.start`.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support.service_model import share_service_model

_ROOT = Path(__file__).resolve().parents[2]
# What a command imports on its way: all of it, so that no child has to.
_IMPORTED = (
    "engine.cli.main", "engine.cli.wiring", "boto3", "botocore.session", "workos", "aiohttp", "uvloop", "jsonschema",
    "rich.progress", "sqlite3", "asyncio",
)  # fmt: skip
# Typer imports pydantic when it first reads arguments, and the plan file's schema is prepared when one is first loaded.
_FIRST = ("migrate", "validate", str(_ROOT / "plans" / "minimal.yaml"))
_STREAMS = 3
# A `migrate` for scripts: its own streams, arguments, folder and environment, and how the fork ended.
_COMMAND = """\
#!{python} -IS
import json, os, socket, sys
order = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ), "before": ""}}
body = json.dumps(order).encode()
report, theirs = socket.socketpair()
with socket.socket(socket.AF_UNIX) as server, theirs:
    server.connect({address!r})
    socket.send_fds(server, [len(body).to_bytes(8, "big")], [1, 2, theirs.fileno()])
    server.sendall(body)
answer = b""
while len(answer) < 16:
    part = report.recv(16)
    if not part:
        sys.exit("the fork server has ended")
    answer += part
code = int.from_bytes(answer[8:], "big", signed=True)
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a forked command ended: its exit code, negative where a signal ended it, and what it printed."""

    code: int
    out: str
    err: str


class Fork:
    """One command under way; it offers what tests use of `subprocess.Popen`."""

    def __init__(self, report: socket.socket, printed: Sequence[IO[bytes]]) -> None:
        self._report, self._printed = report, printed
        self.pid = int.from_bytes(_receive(report, 8), "big")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it lives."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises TimeoutError where it takes longer than `timeout` seconds."""
        if self.returncode is None:
            self._report.settimeout(timeout)
            self.returncode = int.from_bytes(_receive(self._report, 8), "big", signed=True)
            self._report.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed, once it has ended; it is killed where that takes longer than `timeout` seconds."""
        try:
            self.wait(timeout)
        except BaseException:
            self.kill()
            self.wait()
            raise
        finally:
            out, err = (_content(stream) for stream in self._printed)
        return out, err

    def send_signal(self, number: int) -> None:
        """A signal to it, while it lives."""
        if self.poll() is None:
            # The fork server, its parent, may have seen its end and not said so yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to it, while it lives."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """Starts commands, one after the other or side by side. Its process ends with this one, by its socket."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._folder = tempfile.TemporaryDirectory(prefix="forks-")
        self._address = str(Path(self._folder.name) / "socket")
        listener = socket.socket(socket.AF_UNIX)
        with theirs, listener:
            listener.bind(self._address)
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__)), str(theirs.fileno()), str(listener.fileno())],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                pass_fds=[theirs.fileno(), listener.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def start(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        terminal: int | None = None,
        before: str = "",
    ) -> Fork:
        """One command under way. Where a terminal is given, it takes all output, and `communicate` has none.

        `before` names a function of `tests` (`module:function`) that the child calls first.
        """
        order = {
            "arguments": list(arguments), "folder": str(folder), "environment": dict(environment), "before": before,
        }  # fmt: skip
        body = json.dumps(order).encode()
        # `communicate` closes them.
        printed = [tempfile.TemporaryFile() for _ in range(2)] if terminal is None else []  # noqa: SIM115
        out, err = [one.fileno() for one in printed] or [terminal, terminal]
        report, theirs = socket.socketpair()
        with theirs:
            files = array.array("i", [out, err, theirs.fileno()])
            self._socket.sendmsg([len(body).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
            self._socket.sendall(body)
        return Fork(report, printed)

    def run(self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: float) -> Ending:
        """One command to its end. Raises TimeoutError, and kills it, where it takes longer than `timeout` seconds."""
        fork = self.start(arguments, folder=folder, environment=environment)
        out, err = fork.communicate(timeout)
        return Ending(fork.wait(), out, err)

    def write_command(self, path: Path) -> None:
        """An executable that stands for the installed `migrate` in scripts: each of its runs is a fork."""
        path.write_text(_COMMAND.format(python=sys.executable, address=self._address), encoding="utf-8")
        path.chmod(0o755)


@cache
def fork_server() -> ForkServer:
    """The one of this test process."""
    return ForkServer()


def _content(stream: IO[bytes]) -> str:
    with stream:
        stream.seek(0)
        return stream.read().decode()


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise EOFError("the fork server has ended")
        received += part
    return received


def _serve(connection: socket.socket, listener: socket.socket) -> None:
    for name in _IMPORTED:
        __import__(name)
    _import_engine()
    _read_service_model()
    with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing), contextlib.suppress(SystemExit):
        _run_command(_FIRST)
    # Children share the pages of what is imported as long as the collector does not write into them.
    gc.collect()
    gc.freeze()
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reports: dict[int, socket.socket] = {}

    def fork(order: Mapping[str, Any], files: array.array[int], asking: socket.socket) -> None:
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # Each once: a script's order came over a connection of its own.
            ours = {one.detach() for one in {connection, listener, asking, *reports.values()}}
            for one in (*ours, ended, wake, files[2]):
                os.close(one)
            _be_the_command(order, *files[:2])
        for one in files[:2]:
            os.close(one)
        reports[pid] = socket.socket(fileno=files[2])
        reports[pid].sendall(pid.to_bytes(8, "big"))

    while True:
        ready, _, _ = select.select([connection, listener, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _report_the_ended(reports)
        if connection in ready:
            asked = _order(connection)
            if asked is None:
                return
            fork(*asked, connection)
        if listener in ready:
            with listener.accept()[0] as script:
                asked = _order(script)
                if asked is not None:
                    fork(*asked, script)


def _order(connection: socket.socket) -> tuple[Mapping[str, Any], array.array[int]] | None:
    """What is to be run, and its output, errors and report; None where nobody asks any more."""
    head, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(_STREAMS * 4))
    if not head:
        return None
    files = array.array("i")
    files.frombytes(ancillary[0][2])
    return json.loads(_receive(connection, int.from_bytes(head, "big"))), files


def _report_the_ended(reports: dict[int, socket.socket]) -> None:
    for pid in list(reports):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            # Nobody may be there any more to be told.
            with reports.pop(pid) as report, contextlib.suppress(OSError):
                report.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def _run_command(argv: Sequence[str]) -> None:
    from engine.cli.main import run

    sys.argv = [*argv]
    run()


def _read_service_model() -> None:
    import boto3

    share_service_model()
    given = {"region_name": "us-east-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}
    boto3.Session(**given).client("cognito-idp")


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
    code: object = 1
    try:
        if order["before"]:
            module, _, name = order["before"].partition(":")
            getattr(importlib.import_module(module), name)()
        _run_command(["migrate", *order["arguments"]])
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
    with socket.socket(fileno=int(sys.argv[1])) as mine, socket.socket(fileno=int(sys.argv[2])) as scripts:
        _serve(mine, scripts)
