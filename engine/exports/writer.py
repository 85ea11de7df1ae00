"""Writes users as an export that `export_files` reads: JSON Lines in Cognito's own shape, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson

from engine.model.cognito_records import dump_record
from engine.model.users import SourceUser
from engine.workspace.named_files import NamedFile


def write_export(pages: Iterable[Sequence[SourceUser]], path: Path, *, overwrite: bool = False) -> int:
    """Write one user a line to `path` (mode 0600) and return how many.

    The file appears under its name only when it is complete and on disk: an interrupted export leaves none that
    could be taken for the whole. Raises MigrateError as `NamedFile` does, and what `pages` raises.
    """
    count = 0
    with NamedFile(path, overwrite=overwrite).open() as file:
        for page in pages:
            file.write(b"".join(_line(user) for user in page))
            count += len(page)
    return count


def _line(user: SourceUser) -> bytes:
    return orjson.dumps(dump_record(user), option=orjson.OPT_APPEND_NEWLINE)
