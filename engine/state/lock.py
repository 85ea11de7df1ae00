"""One run at a time: the operating system's lock on a file beside the state. A crash frees it."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from engine.errors import LockHolder, StateLocked


class StateLock:
    """A context manager that holds the lock. Raises StateLocked, naming the holder, where another run has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def __enter__(self) -> StateLock:
        fd = self._lock()
        self._fd = fd
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "user": _user(),
            "since": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(holder).encode(), 0)
        return self

    def _lock(self) -> int:
        while True:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(fd)
                raise StateLocked(str(self._path).removesuffix(".lock"), read_holder(self._path)) from error
            # A run that attempted nothing takes its folder away: a lock on a file that is gone locks nothing.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(fd), self._path.stat()):
                    return fd
            os.close(fd)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            # The file stays: removing it would let two runs lock two files of one name.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def read_holder(path: Path) -> LockHolder | None:
    """Who holds the lock, as they wrote it; None where nobody did or it cannot be read."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return LockHolder(int(held["pid"]), str(held["host"]), str(held["user"]), str(held["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
