"""The files of an export as a `UserSource`: which files, in which order, and whether they are the whole."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.exports.errors import ExportError
from engine.exports.reader import ExportReader
from engine.model.errors import SourceError
from engine.model.ports import SourceDescription
from engine.model.users import SourceUser
from engine.plan_file.model import ExportSource

_DIGITS = re.compile(r"(\d+)")


class ExportFiles:
    """Reads the files that the plan's patterns name: `*.json` and `*.jsonl`, pages, lists or users.

    The files of one pattern are one chain in natural order (users_2 before users_10), as the guide's script writes
    them; it is the whole only if the last page of the last file has no token. Several exports under one pattern are
    fine. A user who is in them twice is given twice: the one modified last is the right one, and consumers keep
    one record of each sub.
    """

    def __init__(self, source: ExportSource) -> None:
        self._source = source
        self.warnings: list[str] = []

    def describe(self) -> SourceDescription:
        """The number of files. Raises SourceError where a pattern matches none or a file cannot be opened."""
        files = [file for chain in self._chains() for file in chain]
        for file in files:
            try:
                _check_regular(self._name(file), file)
                with file.open("rb"):
                    pass
            except OSError as error:
                raise ExportError(
                    self._name(file),
                    f"cannot be read ({error.strerror or type(error).__name__})",
                    remedy="make it a file that this user may read",
                    code="export_unreadable",
                ) from error
        label = "1 export file" if len(files) == 1 else f"{len(files)} export files"
        return SourceDescription(label=label, pool_id=self._source.user_pool_id, estimated_users=None, live=False)

    def group_members(self, group: str) -> Iterator[Sequence[str]]:
        """Always raises: an export carries groups with its users (`SourceUser.groups`), or does not know them."""
        raise SourceError(
            f"export files cannot be asked for the members of group {group!r}",
            remedy="use an export that `migrate export` wrote with groups, or read the pool itself",
            code="groups_missing",
        )

    def profile(self) -> None:
        """Files hold users, not what their pool says of itself."""

    def groups(self) -> None:
        """Users carry theirs; nobody says which other groups the pool has, or their Precedence."""

    def writable_attributes(self) -> None:
        """Files do not tell."""

    def identity_providers(self) -> None:
        """Files hold none."""

    def factors(self) -> None:
        """Files hold none."""

    def pages(self) -> Iterator[Sequence[SourceUser]]:
        """Every user, about 500 at a time; raises `truncated_export` at the end of a chain that has more to come."""
        read = 0
        for chain in self._chains():
            more_follow = False
            for file in chain:
                reader = ExportReader(file, self._name(file))
                yield from reader.pages()
                read += reader.read
                more_follow = reader.more_follow
            if more_follow:
                raise ExportError(
                    self._name(chain[-1]),
                    f"the export is cut off after {read:,} users: its last page still has a token",
                    remedy="write a complete one with `migrate export` (the guide's script keeps the first page only)",
                    code="truncated_export",
                )

    def _chains(self) -> list[list[Path]]:
        """The files of each pattern; one that an earlier pattern named already is not read again."""
        taken: set[str] = set()
        chains = []
        for pattern in self._source.files:
            found = [
                path for name in _matches(pattern, self._source.base) if not (path := self._source.base / name).is_dir()
            ]
            if not found:
                raise ExportError(
                    pattern,
                    "no file matches this pattern",
                    remedy=f"patterns count from the plan file's folder, {self._source.base.resolve()}",
                    code="export_not_found",
                )
            # Not Path.resolve: that raises on a link that leads to itself, which opening it reports better.
            fresh = sorted({path for path in found if os.path.realpath(path) not in taken}, key=_natural)
            taken.update(os.path.realpath(path) for path in fresh)
            if fresh:
                chains.append(fresh)
        return chains

    def _name(self, file: Path) -> str:
        base = self._source.base
        return str(file.relative_to(base)) if file.is_relative_to(base) else str(file)


def _matches(pattern: str, folder: Path) -> Iterator[str]:
    """What a pattern matches, seen from `folder`; `**` follows no links, or one that leads upwards would never end."""
    head, deep, tail = pattern.partition("**")
    if not deep or tail[:1] not in ("", "/") or head[-1:] not in ("", "/"):
        # Path.glob refuses absolute patterns.
        yield from glob.glob(pattern, root_dir=folder)  # noqa: PTH207
        return
    tail = tail.lstrip("/") or "*"
    for root in glob.glob(head, root_dir=folder) if head else ("",):  # noqa: PTH207
        for place, folders, _ in os.walk(folder / root):
            # As with `*`: hidden folders are entered by name only.
            folders[:] = [name for name in folders if not name.startswith(".")]
            inside = Path(root, Path(place).relative_to(folder / root))
            for name in _matches(tail, folder / inside):
                yield str(inside / name)


def _check_regular(name: str, file: Path) -> None:
    # Opening a pipe waits for a writer that may never come, and a device has no end.
    if not stat.S_ISREG(file.stat().st_mode):
        raise ExportError(
            name,
            "is a pipe, a device or a socket",
            remedy="name files: write what comes out of the pipe into one first",
            code="export_unreadable",
        )


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = _DIGITS.split(str(path))
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts], str(path)
