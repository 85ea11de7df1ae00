"""The folder that a plan's state, lock and snapshots stand in (rule 14): 0700, with its own `.gitignore`.

Each command reads the pool into a snapshot under a name and a lock of its own; a run that ended with work left keeps
it under the plan's name. What a command created is taken away again when nothing was attempted.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.model.errors import StateError, StateLocked
from engine.model.store import HeldLock, StatePlace
from engine.workspace.lock import StateLock, this_process
from engine.workspace.private_files import folder_unusable, not_ours

# Others may take away a folder that they made while this command settles in it.
_TRIES = 20
_IGNORE = "# Snapshots hold personal data: nothing in here belongs into git.\n*\n"
# Earlier versions had neither token nor lock.
_OWN = r"(?P<prefix>{stem}(\.sandbox)?\.(plan|run)-(?P<pid>\d+)(?P<token>-[0-9a-f]{{8}})?)\.(lock|snapshot\.db.*)"


class Workspace:
    """The folder of one state file. Nothing exists until `prepare` is called; then `discard` or `close` must be."""

    def __init__(self, state_path: Path, *, preview: bool = False) -> None:
        self.state_path = state_path
        self.preview = preview
        self._folder = state_path.parent
        self._own = self._draw_name()
        self._own_lock: StateLock | None = None
        self._run_lock: HeldLock | None = None
        self._place: StatePlace | None = None
        self._created: list[Path] = []

    @property
    def snapshot_path(self) -> Path:
        """Where this command puts its users, beside the state; nobody else uses it."""
        return self._folder / f"{self._own}.snapshot.db"

    @property
    def kept_snapshot_path(self) -> Path:
        """Where the last run's snapshot stands if it was kept."""
        return self.state_path.with_name(f"{_stem(self.state_path)}.snapshot.db")

    def prepare(self) -> None:
        """Make the folder and hold this command's place in it. Raises StateError where that cannot be."""
        for _ in range(_TRIES):
            try:
                self._make_folder()
                sweep(self.state_path)
                if not os.access(self._folder, os.W_OK | os.X_OK):
                    raise folder_unusable(self._folder, OSError(errno.EACCES, os.strerror(errno.EACCES)))
                lock = StateLock(self._folder / f"{self._own}.lock")
                self._own_lock = lock.__enter__()
                return
            except (FileNotFoundError, StateLocked):
                # The folder's maker has just left, or somebody who tidies up took a lock that nobody held yet.
                self._own = self._draw_name()
            except OSError as error:
                raise folder_unusable(self._folder, error) from error
        raise folder_unusable(self._folder, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))

    @contextmanager
    def locked(self, place: StatePlace) -> Iterator[None]:
        """Prepare, and be the only run meanwhile. Raises StateLocked, and StateError where it cannot be."""
        self.prepare()
        try:
            # This command's own lock keeps the folder in its place.
            with place.lock(this_process()) as held:
                self._run_lock, self._place = held, place
                try:
                    yield
                finally:
                    self._run_lock = None
        finally:
            self.close()

    def keep_snapshot(self) -> None:
        """Let the snapshot outlive the command; it replaces the one that an earlier run kept."""
        with suppress(FileNotFoundError):
            self.snapshot_path.replace(self.kept_snapshot_path)

    def drop_snapshots(self) -> None:
        """Remove the snapshot, and the one that an earlier run kept."""
        for path in (*database_files(self.snapshot_path), *database_files(self.kept_snapshot_path)):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Take away this command's snapshot, if it was not kept, and its place in the folder."""
        # Without a place in the folder it has made nothing there, and the folder may be one that nobody can write to.
        if self._own_lock is not None:
            for path in database_files(self.snapshot_path):
                path.unlink(missing_ok=True)
            self._own_lock.remove()
            self._own_lock.__exit__(None, None, None)
            self._own_lock = None

    def discard(self) -> None:
        """Nothing was attempted: take away all that this command made, and nothing else."""
        self.close()
        if self._created and self._run_lock is not None and self._place is not None and not self._place.exists():
            self._run_lock.remove()
        for folder in reversed(self._created):
            if not _remove_folder(folder):
                break
        self._created.clear()

    def _draw_name(self) -> str:
        kind = "plan" if self.preview else "run"
        return f"{_stem(self.state_path)}.{kind}-{os.getpid()}-{secrets.token_hex(4)}"

    def _make_folder(self) -> None:
        self._created = []
        # A state may stand behind a link that its owner made; `.migrate` is ours, and its rights are set.
        if self._folder.name == ".migrate" and self._folder.is_symlink():
            raise not_ours(self._folder, "a symbolic link, which is not followed")
        missing = [one for one in (self._folder, *self._folder.parents) if not one.exists()]
        for folder in reversed(missing):
            try:
                folder.mkdir(mode=0o700)
                self._created.append(folder)
            except FileExistsError:
                # Another command was quicker, or a file stands there.
                if not folder.is_dir():
                    raise
        if missing or self._folder.name == ".migrate":
            if self._folder.stat().st_mode & 0o777 != 0o700:
                self._folder.chmod(0o700)
            _ignore(self._folder)


def sweep(state_path: Path) -> None:
    """Remove what killed commands left beside this state, where their lock is free: snapshots hold personal data."""
    pattern = re.compile(_OWN.format(stem=re.escape(_stem(state_path))))
    with suppress(OSError):
        found = {
            match["prefix"]: match for path in state_path.parent.iterdir() if (match := pattern.fullmatch(path.name))
        }
        for prefix, match in found.items():
            if match["token"] is None and _alive(int(match["pid"])):
                continue
            lock = StateLock(state_path.parent / f"{prefix}.lock")
            # Whoever cannot write here, or holds the lock, is left alone.
            with suppress(StateLocked, StateError, OSError), lock:
                for path in database_files(state_path.parent / f"{prefix}.snapshot.db"):
                    path.unlink(missing_ok=True)
                lock.remove()


def _remove_folder(folder: Path) -> bool:
    try:
        if not {one.name for one in folder.iterdir()} <= {".gitignore"}:
            return False
        (folder / ".gitignore").unlink(missing_ok=True)
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        # Somebody has begun to work in it.
        with suppress(OSError):
            _ignore(folder)
        return False
    return True


def _ignore(folder: Path) -> None:
    path = folder / ".gitignore"
    with suppress(FileExistsError):
        try:
            with path.open("x", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(_IGNORE)
        except FileExistsError:
            raise
        except OSError:
            # A full disk: an empty one that stayed would ignore nothing, and no later command would write it.
            path.unlink(missing_ok=True)
            raise


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def database_files(path: Path) -> list[Path]:
    """A SQLite database and what may stand beside it."""
    return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal"))]


def resets_folder(state_path: Path) -> Path:
    """Where reset links are written, unless told otherwise: beside the state."""
    return state_path.with_name(f"{_stem(state_path)}.resets")


def _stem(path: Path) -> str:
    return path.name.removesuffix(".db").removesuffix(".state")
