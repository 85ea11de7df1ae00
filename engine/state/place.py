"""A state file as the place where a plan's state is kept: the file, and the operating system's lock beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.model.errors import LockHolder
from engine.model.outcomes import StateIdentity
from engine.state.file import StateFile
from engine.workspace.lock import StateLock, read_holder
from engine.workspace.private_files import folder_unusable


class FilePlace:
    """The port `engine.model.store.StatePlace` on a file in a folder that is there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lock_path(self) -> Path:
        """The file that the operating system's lock is on."""
        # `state.path: poetry` must not lead to poetry.lock.
        ours = self.path.name.endswith(".state.db")
        return self.path.with_name(self.path.name + (".lock" if ours else ".migrate.lock"))

    @contextmanager
    def lock(self, holder: LockHolder) -> Iterator[StateLock]:
        """See the port."""
        lock = StateLock(self.lock_path, holder)
        try:
            lock.__enter__()
        except OSError as error:
            raise folder_unusable(self.path.parent, error) from error
        try:
            yield lock
        finally:
            lock.__exit__(None, None, None)

    def holder(self) -> LockHolder | None:
        """See the port."""
        return read_holder(self.lock_path)

    def exists(self) -> bool:
        """See the port."""
        return self.path.exists()

    def read(self, identity: StateIdentity | None, *, checked: bool = False) -> StateFile | None:
        """See the port."""
        return StateFile.read(self.path, identity, checked=checked)

    def open(self, identity: StateIdentity, *, key: bytes, checked: bool = False) -> StateFile:
        """See the port."""
        return StateFile.open(self.path, identity, key=key, checked=checked)
