"""The file that a review is kept in: gzip, JSON Lines, sealed. A head, the entries in the order of their marks, an end.

Under a state the secret is the state's, and is not in here; without one the file brings its own.
"""

from __future__ import annotations

import gzip
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from engine.model.errors import MigrateError
from engine.resources.review_entry import FIELD_BYTES, MARK_BYTES
from engine.snapshot.review_table import SealedEntry
from engine.workspace.named_files import PartWriter

SCHEMA = "reviewed.v1"
# The head holds a mark an option and a name a field, no line anything of a person's choosing.
_LONGEST_LINE = 4_000_000
_LEVEL = 6
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ReviewHead:
    """`secret` is the file's own, None where it is the state's. `check` tells whether the secret is the same.

    `options` are marks by name; `shapes` are lists of field names, by number; `last_run` is the last of the state.
    """

    plan: str
    digest: str
    check: str
    options: dict[str, str]
    shapes: Sequence[Sequence[str]]
    last_run: str = ""
    secret: bytes | None = field(default=None, repr=False)


def write_review(file: PartWriter, head: ReviewHead, entries: Iterable[SealedEntry]) -> int:
    """Write it all; returns how many entries there are."""
    number = 0
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="", compresslevel=_LEVEL) as out:
        out.write(_line({"schema": SCHEMA, **_head_json(head)}))
        for one in entries:
            number += 1
            row: list[object] = [one.kind, _text(one.mark), one.action]
            if one.action != "unchanged":
                row += [_text(one.whole), one.shape, _text(one.marks)]
            out.write(_line(row))
        out.write(_line({"entries": number}))
    return number


def read_head(path: Path) -> ReviewHead:
    """The first line. Raises MigrateError (`bad_review`)."""
    with _lines(path) as lines:
        return _head(path, next(lines, b""))


def read_entries(path: Path, shapes: int) -> Iterator[SealedEntry]:
    """The rest; `shapes` is how many the head has. Raises MigrateError (`bad_review`)."""
    with _lines(path) as lines:
        next(lines, b"")
        number, ended, last = 0, False, (b"", "")
        for line in lines:
            held = _load(path, line)
            if ended or isinstance(held, dict):
                if ended or held != {"entries": number}:
                    raise damaged(path)
                ended = True
                continue
            number += 1
            entry = _entry(path, held, shapes)
            # As it was written. A line that is repeated for ever is refused here, and not once it has filled a disk.
            if (entry.mark, entry.kind) <= last:
                raise damaged(path)
            last = entry.mark, entry.kind
            yield entry
        if not ended:
            raise damaged(path)


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of the file; whatever gzip and the disk find wrong is `bad_review`."""
    try:
        with gzip.open(path, "rb") as file:
            yield iter(lambda: file.readline(_LONGEST_LINE), b"")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise damaged(path) from error
    except OSError as error:
        raise MigrateError(
            f"the review {path} cannot be read ({error.strerror or type(error).__name__})",
            remedy="name the file that `migrate plan --out` wrote, or a digest",
            code="bad_review",
        ) from error


def _head_json(head: ReviewHead) -> dict[str, object]:
    return {
        "plan": head.plan,
        "digest": head.digest,
        "secret": None if head.secret is None else _text(head.secret),
        "check": head.check,
        "last_run": head.last_run,
        "options": head.options,
        "shapes": head.shapes,
    }


def _head(path: Path, line: bytes) -> ReviewHead:
    held = _load(path, line)
    if not isinstance(held, dict) or held.get("schema") != SCHEMA:
        raise damaged(path)
    texts = ("plan", "digest", "check", "last_run")
    options, shapes, secret = held.get("options"), held.get("shapes"), held.get("secret")
    whole = (
        all(isinstance(held.get(name), str) for name in texts)
        # One that is cut short would fit any plan.
        and _DIGEST.fullmatch(str(held["digest"])) is not None
        and isinstance(options, dict)
        and isinstance(shapes, list)
        and all(isinstance(one, list) and all(isinstance(name, str) for name in one) for one in shapes)
        and (secret is None or isinstance(secret, str))
    )
    if not whole:
        raise damaged(path)
    return ReviewHead(
        plan=held["plan"],
        digest=held["digest"],
        check=held["check"],
        options=held["options"],
        shapes=held["shapes"],
        last_run=held["last_run"],
        secret=None if secret is None else _bytes(path, secret, 32),
    )


def _entry(path: Path, held: Any, shapes: int) -> SealedEntry:
    match held:
        case [str(kind), str(mark), "unchanged"]:
            return SealedEntry(kind, _bytes(path, mark, MARK_BYTES), "unchanged")
        case [str(kind), str(mark), str(action), str(whole), int(shape), str(marks)] if 0 <= shape < shapes:
            # Fields are counted by their marks; a list of another length would be another's.
            found = _bytes(path, marks, None)
            if len(found) % FIELD_BYTES == 0:
                return SealedEntry(
                    kind, _bytes(path, mark, MARK_BYTES), action, _bytes(path, whole, MARK_BYTES), shape, found
                )
    raise damaged(path)


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _load(path: Path, line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise damaged(path) from error


def _text(value: bytes) -> str:
    return b64encode(value).decode()


def _bytes(path: Path, text: str, length: int | None) -> bytes:
    try:
        found = b64decode(text, validate=True)
    except ValueError as error:
        raise damaged(path) from error
    if length is not None and len(found) != length:
        raise damaged(path)
    return found


def damaged(path: Path) -> MigrateError:
    """The error for a file that is no review."""
    return MigrateError(
        f"{path} is no review that `migrate plan --out` wrote, or is damaged",
        remedy="make it anew with `migrate plan --out FILE`, and look at it again",
        code="bad_review",
    )
