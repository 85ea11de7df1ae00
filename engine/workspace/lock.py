"""One run at a time: the operating system's lock on a file beside the state. A crash frees it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import json
import os
import socket
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from engine.model.errors import LockHolder, StateLocked
from engine.workspace.private_files import not_ours, open_private

# What every lock file of ours begins with, once somebody has held it: another tool's lock is never written to.
_BEGINS = b'{"pid":'
_BUSY = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)


class StateLock:
    """A context manager that holds the lock.

    Raises StateLocked, naming the holder, where another run has it; StateError where the file is somebody else's;
    OSError where the system cannot make or lock it.
    """

    def __init__(self, path: Path, holder: LockHolder | None = None) -> None:
        self._path = path
        self._holder = holder or this_process()
        self._fd: int | None = None

    def __enter__(self) -> StateLock:
        fd = self._lock()
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps(asdict(self._holder)).encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self

    def _lock(self) -> int:
        while True:
            fd = open_private(self._path)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # A run that attempted nothing takes its folder away: a lock on a file that is gone locks nothing.
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(fd), self._path.lstat()):
                        self._check_ours(fd)
                        return fd
            except OSError as error:
                os.close(fd)
                if error.errno not in _BUSY:
                    raise
                raise StateLocked(str(self._path).removesuffix(".lock"), read_holder(self._path)) from error
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _check_ours(self, fd: int) -> None:
        begins = os.pread(fd, len(_BEGINS), 0)
        # Shorter where the disk was full when it was written.
        if not _BEGINS.startswith(begins):
            raise not_ours(self._path, "no lock file of this tool")

    def remove(self) -> None:
        """Take the file away while it is held: who waits for it notices, and makes another."""
        self._path.unlink(missing_ok=True)

    def __del__(self) -> None:
        # Who loses the object without leaving it has lost the lock too, and must not keep the descriptor.
        if self._fd is not None:
            os.close(self._fd)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            # The file stays: removing it would let two runs lock two files of one name.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def this_process() -> LockHolder:
    """This process, as the holder of a lock from now on."""
    since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return LockHolder(os.getpid(), socket.gethostname(), _user(), since)


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
