"""Writes a file that somebody asked for by name: whole or not at all, 0600, and never over another by accident."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.model.errors import MigrateError


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise MigrateError (`file_exists`) where the file must not be written. Best asked before any work."""
    if path.is_dir():
        raise MigrateError(f"{path} is a folder", remedy="name a file", code="file_exists")
    if not overwrite and os.path.lexists(path):
        raise MigrateError(f"{path} exists already", remedy="name another file, or use --overwrite", code="file_exists")


def write_new_file(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write it beside its place and move it there once it is on disk.

    Raises MigrateError (`file_exists`, `file_not_written`).
    """
    with new_file(path, overwrite=overwrite) as file:
        file.write(content)


@contextmanager
def new_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """The same for what is written piece by piece; the file is there once the block has ended without an error."""
    refuse_existing(path, overwrite=overwrite)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            # Somebody may have written it meanwhile.
            refuse_existing(path, overwrite=overwrite)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MigrateError(
            f"{path} cannot be written ({error.strerror or type(error).__name__})",
            remedy="name a file in a folder that this user may write to",
            code="file_not_written",
        ) from error
