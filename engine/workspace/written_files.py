"""Which files with people in them commands wrote for a plan: exports, reports and changes, noted beside the state.

A file counts as ours while it is the very one that was written; one that was replaced or edited since is somebody's.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.workspace.private_files import open_private


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file. `kind`: export, report or changes."""

    kind: str
    path: str
    inode: int
    size: int
    modified_ns: int

    def is_there(self) -> bool:
        """Whether anything stands in its place."""
        return os.path.lexists(self.path)

    def is_ours(self) -> bool:
        """Whether it is the file that was written, unchanged."""
        try:
            held = os.lstat(self.path)
        except OSError:
            return False
        return stat.S_ISREG(held.st_mode) and _identity(held) == (self.inode, self.size, self.modified_ns)


class WrittenFiles:
    """The notes of one state's plan. They need its folder: where there is none, nothing is noted."""

    def __init__(self, state_path: Path) -> None:
        stem = state_path.name.removesuffix(".db").removesuffix(".state")
        self.path = state_path.with_name(f"{stem}.files.json")

    def __iter__(self) -> Iterator[WrittenFile]:
        with suppress(OSError, ValueError, TypeError):
            yield from [WrittenFile(**one) for one in json.loads(self.path.read_text(encoding="utf-8"))]

    def note(self, kind: str, path: Path) -> None:
        """A command has written this file. A note that cannot be written is no fault of the command."""
        with suppress(OSError):
            held = os.lstat(path)
            place = str(path.absolute())
            self._write([one for one in self if one.path != place] + [WrittenFile(kind, place, *_identity(held))])

    def forget(self, gone: WrittenFile) -> None:
        """It is there no more, or no longer ours."""
        self._write([one for one in self if one != gone])

    def _write(self, files: list[WrittenFile]) -> None:
        if not self.path.parent.is_dir():
            return
        content = json.dumps([asdict(one) for one in files]).encode()
        descriptor = open_private(self.path)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)
        finally:
            os.close(descriptor)


def _identity(held: os.stat_result) -> tuple[int, int, int]:
    return held.st_ino, held.st_size, held.st_mtime_ns
