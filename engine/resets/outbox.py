"""Files of reset links for one's own mailer: JSON Lines, 0600, one file a batch, complete once it has its name.

A file under way ends in `.partial`; a mailer takes `*.jsonl`. These files are the only place that ever holds a link.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from engine.model.errors import StateError
from engine.model.resets import IssuedReset, Recipient

_PARTIAL = ".partial"
_OURS = re.compile(r"resets-\d{8}T\d{6}Z-\d+\.jsonl\.partial")


class Outbox:
    """The folder of a campaign's files. Raises StateError where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self.earliest_expiry: float | None = None

    def recover(self) -> set[str]:
        """WorkOS ids in files that a killed run left under way, or that this one has; they get their names."""
        written: set[str] = set()
        for path in sorted(self._folder.glob(f"*{_PARTIAL}")) if self._folder.exists() else ():
            # Whatever else stands in the folder is somebody else's, and stays as it is.
            if not _OURS.fullmatch(path.name) or path.is_symlink() or not path.is_file():
                continue
            content = path.read_bytes()
            # A line that a kill cut off was not recorded as sent: it goes, and its user gets a new link.
            whole = content[: content.rfind(b"\n") + 1]
            written |= _people(path, whole)
            if whole != content:
                os.truncate(path, len(whole))
            if path != self._path:
                _finish(path)
        return written

    def write(self, resets: Sequence[tuple[Recipient, IssuedReset]], now: float) -> None:
        """Add these to the file under way; on return they are on disk."""
        if not resets:
            return
        lines = b"".join(orjson.dumps(_line(person, reset)) + b"\n" for person, reset in resets)
        expiries = [reset.expires_at for _, reset in resets if reset.expires_at is not None]
        known = [self.earliest_expiry] if self.earliest_expiry is not None else []
        self.earliest_expiry = min(known + expiries, default=None)
        try:
            path = self._path or self._begin(now)
            with path.open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StateError(
                f"the links cannot be written to {self._folder} ({os.strerror(error.errno or 0)})",
                remedy="free some space or make the folder writable, then run again: nobody is missed",
                code="outbox_not_writable",
            ) from error

    def close(self) -> Path | None:
        """The batch is complete: its file gets its name. None where nothing was written."""
        path, self._path, self.earliest_expiry = self._path, None, None
        return _finish(path) if path is not None else None

    def _begin(self, now: float) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = f"resets-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
        number = 1
        while (self._folder / f"{stem}-{number}.jsonl").exists():
            number += 1
        path = self._folder / f"{stem}-{number}.jsonl{_PARTIAL}"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._path = path
        return path


def _people(path: Path, content: bytes) -> set[str]:
    try:
        return {str(orjson.loads(line)["user_id"]) for line in content.splitlines()}
    except (ValueError, TypeError, LookupError) as error:
        raise StateError(
            f"{path} does not hold what this tool writes there; it was left as it is",
            remedy="move it away, then run again: who was recorded as sent gets no second link",
            code="outbox_damaged",
        ) from error


def _finish(path: Path) -> Path:
    return path.replace(path.with_name(path.name.removesuffix(_PARTIAL)))


def _line(person: Recipient, reset: IssuedReset) -> dict[str, str | None]:
    expires = None if reset.expires_at is None else datetime.fromtimestamp(reset.expires_at, UTC)
    return {
        "user_id": person.workos_id,
        "email": person.email,
        "name": person.name,
        "url": reset.url,
        "expires_at": None if expires is None else expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
