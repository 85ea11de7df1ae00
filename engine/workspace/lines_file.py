"""A file of JSON Lines that somebody asked for by name: written line by line, whole or not at all, 0600.

It replaces one of its own kind, which its first line tells, and nothing else; links are never followed.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.model.errors import MigrateError
from engine.workspace.private_files import disk_full, no_room

# Longer than any beginning that tells a kind.
_HEAD = 256


def refuse_other(path: Path, begins: str) -> None:
    """Raise MigrateError where something stands at `path` that is no file beginning so. Best asked before any work."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise _not_written(path, f"the folder {path.parent} is not there") from None
        return
    except OSError as error:
        raise _not_ours(path) from error
    try:
        held = os.fstat(handle)
        ours = stat.S_ISREG(held.st_mode) and held.st_uid == os.geteuid()
        # An empty one is of a plan without changes, or nobody's loss.
        if not ours or (held.st_size and not os.read(handle, _HEAD).startswith(begins.encode())):
            raise _not_ours(path)
    finally:
        os.close(handle)


@contextmanager
def writing_lines(path: Path, begins: str) -> Iterator[Callable[[str], None]]:
    """Gives a function that writes text; every line of it begins with `begins`. On disk under its name at the end.

    Raises MigrateError (`file_exists`, `file_not_written`), and StateError for a full disk.
    """
    refuse_other(path, begins)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:

                def write(text: str) -> None:
                    file.write(text)

                yield write
                file.flush()
                os.fsync(file.fileno())
            # Somebody may have put another there meanwhile.
            refuse_other(path, begins)
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
    except OSError as error:
        if disk_full(error):
            raise no_room(path.parent) from error
        raise _not_written(path, error.strerror or type(error).__name__) from error


def _not_ours(path: Path) -> MigrateError:
    return MigrateError(
        f"{path} is there already and no file that this command writes; it was left as it is",
        remedy="name another file, or move that one away",
        code="file_exists",
    )


def _not_written(path: Path, why: str) -> MigrateError:
    return MigrateError(
        f"{path} cannot be written ({why})",
        remedy="name a file in a folder that this user may write to",
        code="file_not_written",
    )
