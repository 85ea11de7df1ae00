"""Writes users as an export that `export_files` reads: JSON Lines in Cognito's own shape, whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from engine.model.cognito_records import dump_record
from engine.model.errors import SourceError
from engine.model.users import SourceUser


def write_export(pages: Iterable[Sequence[SourceUser]], path: Path, *, overwrite: bool = False) -> int:
    """Write one user a line to `path` (mode 0600) and return how many.

    The file appears under its name only when it is complete and on disk: an interrupted export leaves none that
    could be taken for the whole. Raises SourceError (`export_exists`, `export_not_written`), and what `pages` raises.
    """
    _refuse_existing(path, overwrite=overwrite)
    # Beside the target, as a rename does not cross file systems; the name matches no usual pattern for exports.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        count = 0
        with os.fdopen(handle, "wb", buffering=1 << 20) as file:
            for page in pages:
                with _disk(path):
                    file.write(b"".join(_line(user) for user in page))
                count += len(page)
            with _disk(path):
                file.flush()
                os.fsync(file.fileno())
        # Somebody may have written it meanwhile.
        _refuse_existing(path, overwrite=overwrite)
        with _disk(path):
            part.replace(path)
            _sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return count


def _line(user: SourceUser) -> bytes:
    return orjson.dumps(dump_record(user), option=orjson.OPT_APPEND_NEWLINE)


def _refuse_existing(path: Path, *, overwrite: bool) -> None:
    if path.is_dir() or (path.exists() and not overwrite):
        raise SourceError(
            f"{path} exists already",
            remedy="name another file, or use --overwrite" if not path.is_dir() else "name a file",
            code="export_exists",
        )


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    # Only around the disk's own work: an OSError out of `pages` is another matter.
    try:
        yield
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{path} cannot be written ({error.strerror or type(error).__name__})",
        remedy="name a file in a folder that this user may write to, with room for the pool",
        code="export_not_written",
    )


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut too.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
