"""Files that a person asked for: made anew, never over one that is there. Private ones are `private_files`'."""

from __future__ import annotations

import os
from pathlib import Path

from engine.model.errors import MigrateError


def refuse_taken(path: Path) -> None:
    """Raise MigrateError where `write_new` could not make this file, before the work that it is for is done."""
    if path.exists() or path.is_symlink():
        raise _exists(path)
    if not path.parent.is_dir():
        raise MigrateError(
            f"{path} cannot be written: the folder {path.parent} is not there",
            remedy="make it first, or name a file in another folder",
            code="folder_not_found",
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _not_written(path, "the folder may not be written to")


def write_new(path: Path, content: bytes) -> None:
    """Make the file (0644, less the umask), whole or not at all. Raises MigrateError (`file_exists`, `not_written`)."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        raise _exists(path) from error
    except (OSError, ValueError) as error:
        raise _not_written(path, getattr(error, "strerror", None) or type(error).__name__) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _not_written(path, error.strerror or type(error).__name__) from error


def _exists(path: Path) -> MigrateError:
    return MigrateError(
        f"{path} exists already, and nothing is ever written over it",
        remedy="name another file with --out, or move that one away",
        code="file_exists",
    )


def _not_written(path: Path, why: str) -> MigrateError:
    return MigrateError(
        f"{path} cannot be written ({why})",
        remedy="name a file in a folder that this user may write to, with room on its disk",
        code="not_written",
    )
