"""Opens the file of `--log`: made 0600, appended to only where it is a regular file of ours with our lines in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from engine.model.errors import MigrateError

# What every line of a log begins with. A plan file, or another program's log, is never written to.
BEGINS = b'{"time":"'
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_log(path: Path) -> int:
    """A descriptor that appends. Raises MigrateError (`log_not_ours`, `log_not_written`)."""
    if str(path) == "-":
        raise MigrateError("- is no file, and a log goes into one", remedy="name a file", code="log_not_written")
    try:
        # NOFOLLOW refuses a link, NONBLOCK does not wait for a pipe's reader; what was opened is judged below.
        handle = os.open(path, _FLAGS, 0o600)
    except (OSError, ValueError) as error:
        if path.is_symlink():
            raise _not_ours(path, "a symbolic link, which is not followed") from error
        raise MigrateError(
            f"the log {path} cannot be written ({getattr(error, 'strerror', None) or type(error).__name__})",
            remedy="name a file in a folder that this user may write to",
            code="log_not_written",
        ) from error
    try:
        _check(path, handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _check(path: Path, handle: int) -> None:
    held = os.fstat(handle)
    if not stat.S_ISREG(held.st_mode):
        raise _not_ours(path, "no regular file")
    if held.st_uid != os.geteuid():
        raise _not_ours(path, "somebody else's file")
    if held.st_nlink > 1:
        raise _not_ours(path, "a file of several names (hard links)")
    if held.st_size and os.pread(handle, len(BEGINS), 0) != BEGINS:
        raise _not_ours(path, "no log of this tool")
    if stat.S_IMODE(held.st_mode) & 0o077:
        os.fchmod(handle, 0o600)


def _not_ours(path: Path, what: str) -> MigrateError:
    return MigrateError(
        f"{path} is {what}; it was left as it is", remedy="name another file with --log", code="log_not_ours"
    )
