"""The folder that a plan's state, lock and snapshot stand in (rule 14): 0700, with its own `.gitignore`.

What a run created in it is taken away again when nothing was attempted: bad input leaves no trace.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from engine.errors import StateError


class Workspace:
    """The folder of one state file. Nothing exists until `prepare` is called."""

    def __init__(self, state_path: Path, *, preview: bool = False) -> None:
        self.state_path = state_path
        self.preview = preview
        self._folder = state_path.parent
        self._created: list[Path] = []

    @property
    def snapshot_path(self) -> Path:
        """Where a command puts its users, beside the state; a preview's is its own, a run may be under way."""
        preview = f".plan-{os.getpid()}" if self.preview else ""
        return self.state_path.with_name(f"{_stem(self.state_path)}{preview}.snapshot.db")

    @property
    def lock_path(self) -> Path:
        """The file that the operating system's lock is on."""
        return self.state_path.with_name(self.state_path.name + ".lock")

    def prepare(self) -> None:
        """Make the folder. Raises StateError where it cannot be made or written to."""
        try:
            missing = [one for one in (self._folder, *self._folder.parents) if not one.exists()]
            for folder in reversed(missing):
                folder.mkdir(mode=0o700)
                self._created.append(folder)
            if missing or self._folder.name == ".migrate":
                self._folder.chmod(0o700)
                self._ignore()
        except OSError as error:
            raise self.unusable(error) from error
        self._sweep()
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise self.unusable(OSError(errno.EACCES, os.strerror(errno.EACCES)))

    def discard(self) -> None:
        """Take away what `prepare` made, and the files of a run that attempted nothing."""
        for path in database_files(self.snapshot_path):
            path.unlink(missing_ok=True)
        if self._created:
            # A lock file that was there before may be somebody's by now.
            self.lock_path.unlink(missing_ok=True)
        for folder in reversed(self._created):
            ignore = folder / ".gitignore"
            if {one.name for one in folder.iterdir()} <= {".gitignore"}:
                ignore.unlink(missing_ok=True)
                folder.rmdir()
        self._created.clear()

    def _sweep(self) -> None:
        """Remove what previews left that were killed: they hold personal data."""
        pattern = re.compile(re.escape(_stem(self.state_path)) + r"\.plan-(\d+)\.snapshot\.db(-journal|-wal|-shm)?")
        for path in self._folder.glob("*.plan-*"):
            found = pattern.fullmatch(path.name)
            if found and not _alive(int(found[1])):
                path.unlink(missing_ok=True)

    def unusable(self, error: OSError) -> StateError:
        """The error for a folder that cannot be written to."""
        return StateError(
            f"the state's folder {self._folder} cannot be used ({os.strerror(error.errno or 0)})",
            remedy="make it writable for this user, free some space, or set state.path in the plan file",
            code="state_not_writable",
        )

    def _ignore(self) -> None:
        path = self._folder / ".gitignore"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text("# Snapshots hold personal data: nothing in here belongs into git.\n*\n", encoding="utf-8")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def database_files(path: Path) -> list[Path]:
    """A SQLite database and what may stand beside it."""
    return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal"))]


def _stem(path: Path) -> str:
    return path.name.removesuffix(".db").removesuffix(".state")
