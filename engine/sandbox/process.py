"""Owns the sandbox as a process of its own: starting it, knowing where it listens, and never leaving it behind."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import orjson

from engine.model.errors import TargetError
from engine.sandbox.options import Options

_KEY_VARIABLE = "MIGRATE_SANDBOX_API_KEY"
_STOP_S = 10.0
# What an interpreter needs to start as this one did; COVERAGE_ is how its lines are measured.
_PASSED = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT"}
)
_PASSED_BEGIN = ("LC_", "PYTHON", "COVERAGE_", "COV_CORE_")


class SandboxProcess:
    """A context manager: inside, a sandbox listens at `url`. A killed parent takes it along, by its standard input."""

    module = "engine.sandbox"

    def __init__(self, options: Options | None = None, *, start_timeout: float = 20.0) -> None:
        self.options = options or Options()
        self.url = ""
        self._timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def api_key(self) -> str:
        return self.options.api_key

    @property
    def client_id(self) -> str:
        return self.options.client_id

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> SandboxProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens. Raises TargetError that says why it does not."""
        with tempfile.TemporaryFile() as messages:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                env=_environment(self.options.api_key),
                # Ctrl-C goes to a whole group: the parent still needs the sandbox to end its calls in flight.
                start_new_session=True,
            )
            try:
                line = _read_line(self._process, self._timeout)
                self.url = str(orjson.loads(line)["url"])
            except (orjson.JSONDecodeError, KeyError, TypeError, TimeoutError) as error:
                self.stop()
                messages.seek(0)
                said = messages.read().decode(errors="replace").strip().splitlines()
                reason = said[-1] if said else str(error) or "it ended at once"
                raise TargetError(f"the sandbox did not start: {reason}") from error
            except BaseException:
                self.stop()
                raise

    def command(self) -> list[str]:
        """What starts it; the key goes by environment."""
        own = self.options
        told: dict[str, Any] = {"quotas": asdict(own.quotas), "settings": asdict(own.settings)}
        # -P: a folder named engine in the user's working directory must not be taken for us.
        command = [sys.executable, "-P", "-m", self.module, "--parent-pipe", "--port", str(own.port)]
        command += ["--client-id", own.client_id, "--options", orjson.dumps(told).decode()]
        if own.data is not None:
            command += ["--data", str(own.data)]
        return [*command, "--null"] if own.null else command

    def stop(self) -> None:
        """End it cleanly, its data durable; by force where it does not answer."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(api_key: str) -> dict[str, str]:
    # By environment: arguments are for everybody on the machine to see. The rest of ours stays here: cloud and WorkOS
    # keys are none of its business.
    package_parent = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    joined = os.pathsep.join([package_parent, path] if path else [package_parent])
    passed = {name: value for name, value in os.environ.items() if name in _PASSED or name.startswith(_PASSED_BEGIN)}
    return {**passed, _KEY_VARIABLE: api_key, "PYTHONPATH": joined}


def _read_line(process: subprocess.Popen[bytes], timeout: float) -> bytes:
    """The first line that it prints; empty where it ended. Raises TimeoutError."""
    stream: IO[bytes] | None = process.stdout
    if stream is None:
        return b""
    received = b""
    until = time.monotonic() + timeout
    while not received.endswith(b"\n"):
        readable, _, _ = select.select([stream], [], [], max(until - time.monotonic(), 0))
        if not readable:
            raise TimeoutError(f"no answer within {timeout:g} s")
        part = os.read(stream.fileno(), 4096)
        if not part:
            break
        received += part
    return received
