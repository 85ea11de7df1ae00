"""Files that somebody asked for by name: whole or not at all, and never over another's by accident.

What the tool keeps for itself is `private_files`' and `folder`'s.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.model.errors import MigrateError
from engine.workspace.private_files import disk_full, no_room

# Longer than any beginning that tells a kind.
_HEAD = 256


@dataclass(frozen=True, slots=True)
class NamedFile:
    """One such file. It holds people unless it is `public` (0644 less the umask, else 0600).

    `overwrite`: it may replace another file. `begins`: it replaces one of its own kind, which begins so, or an empty
    one. Neither follows a link. `option` replaces a file, where the command has one.
    """

    path: Path
    overwrite: bool = False
    begins: str = ""
    public: bool = False
    option: str = "--overwrite"

    def check_place(self) -> None:
        """Raise MigrateError (`file_exists`, `file_not_written`) where it must not or cannot be written.

        Best asked before any work.
        """
        path = self.path
        if str(path) == "-":
            # As with other tools somebody means standard output; a file of that name is nobody's wish.
            raise MigrateError("- is no file, and this goes into one", remedy="name a file", code="file_not_written")
        try:
            held = os.lstat(path)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise self._fault(f"the folder {path.parent} is not there") from None
            if not os.access(path.parent, os.W_OK | os.X_OK):
                raise self._fault("the folder may not be written to") from None
            return
        except (OSError, ValueError) as error:
            raise self._fault(_why(error)) from error
        if self.option and path.is_dir():
            # No option replaces a folder.
            raise MigrateError(f"{path} is a folder", remedy="name a file", code="file_exists")
        if self.begins:
            if not self._is_own(held):
                wrong = f"{path} is there already and no file that this command writes; it was left as it is"
                raise MigrateError(wrong, remedy="name another file, or move that one away", code="file_exists")
        elif not self.overwrite:
            wrong, remedy = f"{path} exists already", f"name another file, or use {self.option}"
            if not self.option:
                wrong += ", and nothing is ever written over it"
                remedy = "name another file, or move that one away"
            raise MigrateError(wrong, remedy=remedy, code="file_exists")

    @contextmanager
    def open(self) -> Iterator[PartWriter]:
        """Written piece by piece; it is there, and on disk, once the block has ended without an error.

        Raises as `check_place`, and StateError for a full disk; what the block raises passes through.
        """
        self.check_place()
        # Beside its place, as a rename does not cross file systems; the name matches no usual pattern.
        part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with self.disk():
            handle = os.open(part, flags, 0o644 if self.public else 0o600)
        try:
            with os.fdopen(handle, "wb", buffering=1 << 20) as file:
                writer = PartWriter(self, file)
                yield writer
                writer.flush()
                with self.disk():
                    os.fsync(file.fileno())
            # Somebody may have put another there meanwhile.
            self.check_place()
            with self.disk():
                part.replace(self.path)
                _sync_folder(self.path.parent)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    @contextmanager
    def disk(self) -> Iterator[None]:
        """Around the disk's own work: what it cannot do is told by the file's name."""
        try:
            yield
        except OSError as error:
            if disk_full(error):
                raise no_room(self.path.parent) from error
            raise self._fault(_why(error)) from error

    def write(self, content: bytes) -> None:
        """All at once."""
        with self.open() as file:
            file.write(content)

    def _is_own(self, held: os.stat_result) -> bool:
        if not stat.S_ISREG(held.st_mode) or held.st_uid != os.geteuid():
            return False
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            # An empty one is of a run without anything to write, or nobody's loss.
            return not held.st_size or os.read(handle, _HEAD).startswith(self.begins.encode())
        finally:
            os.close(handle)

    def _fault(self, why: str) -> MigrateError:
        return MigrateError(
            f"{self.path} cannot be written ({why})",
            remedy="name a file in a folder that this user may write to, with room on its disk",
            code="file_not_written",
        )


class PartWriter:
    """Writes one; as much of a file as a compressor wants."""

    def __init__(self, named: NamedFile, file: BinaryIO) -> None:
        self._named = named
        self._file = file

    def write(self, content: bytes) -> int:
        """Raises as `NamedFile.open`."""
        with self._named.disk():
            return self._file.write(content)

    def flush(self) -> None:
        """Raises as `NamedFile.open`."""
        with self._named.disk():
            self._file.flush()


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut too.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
