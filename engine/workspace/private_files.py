"""Opens the files that this tool keeps, and refuses what is not one: links, folders, pipes, devices.

Whether a regular file's content is ours, the state and the lock each decide for themselves.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from engine.model.errors import StateError

_KINDS = (
    (stat.S_ISLNK, "a symbolic link, which is not followed"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
)
# The second is of the file beside a log, which cannot grow: SQLite has no code of its own for why.
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")


def open_private(path: Path) -> int:
    """A descriptor for reading and writing, of a regular file made 0600 where there was none.

    Raises StateError where something else stands there, and OSError.
    """
    refuse_irregular(path)
    # The look above explains, the flags hold: a link that appears in between is not followed, a pipe does not block.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        refuse_irregular(path)
        raise not_ours(path, "no regular file")
    return fd


def refuse_irregular(path: Path) -> None:
    """Raise StateError where something stands at `path` that is no regular file. Needed before SQLite opens by name."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(mode):
        raise not_ours(path, next((words for test, words in _KINDS if test(mode)), "a device or socket"))


def tighten(path: Path) -> None:
    """Take group's and others' rights off a file that is known to be ours; somebody else's stays as it is."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        held = os.fstat(fd)
        if stat.S_IMODE(held.st_mode) & 0o077 and held.st_uid == os.geteuid():
            # On a disk that is mounted for reading alone its rights stay as they are.
            with contextlib.suppress(OSError):
                os.fchmod(fd, 0o600)
    finally:
        os.close(fd)


def not_ours(path: Path, what: str) -> StateError:
    """The error for a place that somebody else's file stands in."""
    return StateError(
        f"{path} is {what}; it was left as it is", remedy="point state.path elsewhere", code="state_not_ours"
    )


def disk_full(error: BaseException) -> bool:
    """Whether the system or SQLite said that there is no room left."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or getattr(error, "sqlite_errorname", "") in _FULL


def folder_unusable(folder: Path, error: OSError) -> StateError:
    """The error for a folder that cannot be written to."""
    if disk_full(error):
        return no_room(folder)
    return StateError(
        f"the state's folder {folder} cannot be used ({os.strerror(error.errno or 0)})",
        remedy="make it writable for this user, free some space, or set state.path in the plan file",
        code="state_not_writable",
    )


def no_room(folder: Path) -> StateError:
    """The error for a disk without room."""
    return StateError(
        f"stopped: the disk is full, so nothing can be written in {folder}",
        remedy="free some space, then run again: nothing is lost",
        code="disk_full",
    )
