"""One `purge`: takes away the files with people in them that commands wrote for a plan, or one person out of them.

Only files of this tool's own making are touched; what has to stay is named with the reason. WorkOS is not asked.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from engine.model.errors import StateError
from engine.plan_file.model import ExportSource, Spec
from engine.run.identity import for_sandbox, sandbox_data
from engine.workspace.folder import Workspace, database_files, resets_folder
from engine.workspace.written_files import WrittenFile, WrittenFiles

_RESETS = re.compile(r"resets-\d{8}T\d{6}Z-\d+\.jsonl(\.partial)?")
_STATE_COPY = re.compile(r"\.v\d+-\d{8}T\d{6}Z\.bak")
_Leaves = Callable[[dict[str, object]], bool]
"""Whether a line of a file is of whoever leaves."""
UNKNOWN = (
    "the state has nobody of this sub: the mark alone was made, for whoever comes with it; compare it with Cognito's, "
    "as a misspelt one erases nobody"
)
ELSEWHERE = (
    "WorkOS is another matter: delete the user there if that is asked for",
    "this tool knows of no copies that were made of its files, of `migrate ids` or of the pool itself",
)


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """What became of the files: (kind, path) of each; `kept` are (path, why). The rest is of a person's erasure."""

    plan: str
    sandbox: bool
    removed: tuple[tuple[str, str], ...]
    rewritten: tuple[tuple[str, str], ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    erased: bool = False
    users: int = 0
    memberships: int = 0
    workos_ids: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know."""
        if not self.erased:
            return ()
        return ELSEWHERE if self.users else (UNKNOWN, *ELSEWHERE)

    def to_json(self) -> dict[str, object]:
        """purge.v1"""
        person = {"users": self.users, "memberships": self.memberships, "workos_ids": list(self.workos_ids)}
        return {
            "schema": "purge.v1",
            "plan": self.plan,
            "command": "purge",
            "sandbox": self.sandbox,
            "removed": [{"kind": kind, "path": path} for kind, path in self.removed],
            "rewritten": [{"kind": kind, "path": path} for kind, path in self.rewritten],
            "kept": [{"path": path, "message": why} for path, why in self.kept],
            "person": person if self.erased else None,
            "warnings": list(self.warnings),
        }


@dataclass(slots=True)
class FilePurge:
    """The files of one plan. `removed`, `rewritten` and `kept` tell afterwards what was done. Raises StateError."""

    spec: Spec
    workspace: Workspace
    removed: list[tuple[str, str]] = field(default_factory=list)
    rewritten: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)

    def everybody(self) -> None:
        """Every file goes."""
        self._snapshot()
        notes = WrittenFiles(self.spec.state_path)
        for one in list(notes):
            self._written(notes, one, None)
        for path, under_way in self._resets():
            if under_way:
                self.kept.append((str(path), "a batch that was cut off: `migrate resets send` completes it first"))
            else:
                self._remove("resets", path)
        self._emulator()

    def person(self, subs: Collection[str], workos_ids: Collection[str]) -> None:
        """One person goes: lines of files that have one a user, and whole files that do not."""
        self._snapshot()
        notes = WrittenFiles(self.spec.state_path)
        for one in list(notes):
            self._written(notes, one, lambda user: _sub_in(user) in subs)
        for path, _ in self._resets():
            self._rewrite("resets", path, lambda line: line.get("user_id") in workos_ids)
        for pool in self.spec.pools:
            if isinstance(pool.source, ExportSource):
                named = ", ".join(pool.source.files)
                self.kept.append((named, "the plan reads these files, and this tool did not write them for it"))
        self._emulator()
        for path in self.workspace.state_path.parent.glob(f"{self.workspace.state_path.name}.*"):
            if _STATE_COPY.fullmatch(path.name.removeprefix(self.workspace.state_path.name)):
                self.kept.append((str(path), "a copy of an older state may name the person: delete it by hand"))

    def _emulator(self) -> None:
        """`--sandbox` has copied the pool's people into an emulator of WorkOS."""
        for spec in (self.spec, for_sandbox(self.spec)):
            path = sandbox_data(spec)
            if path.is_file():
                why = "the emulator of --sandbox holds people of the pool: delete it by hand, and its state beside it"
                self.kept.append((str(path), why))

    def _snapshot(self) -> None:
        for path in database_files(self.workspace.kept_snapshot_path):
            if path.is_file() and not path.is_symlink():
                self._remove("snapshot", path)

    def _resets(self) -> Iterator[tuple[Path, bool]]:
        folder = resets_folder(self.spec.state_path)
        for path in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else ():
            found = _RESETS.fullmatch(path.name)
            if found and path.is_file() and not path.is_symlink():
                yield path, found[1] is not None

    def _written(self, notes: WrittenFiles, one: WrittenFile, leaves: _Leaves | None) -> None:
        if not one.is_there():
            notes.forget(one)
        elif not one.is_ours():
            self.kept.append((one.path, "changed since this tool wrote it: delete it by hand if it holds people"))
        elif leaves is not None and one.kind == "export":
            if self._rewrite(one.kind, Path(one.path), leaves):
                notes.note(one.kind, Path(one.path))
        else:
            self._remove(one.kind, Path(one.path))
            notes.forget(one)

    def _remove(self, kind: str, path: Path) -> None:
        try:
            path.unlink()
        except OSError as error:
            raise _refused(path, error) from error
        self.removed.append((kind, str(path)))

    def _rewrite(self, kind: str, path: Path, leaves: _Leaves) -> bool:
        """The file without the lines of whoever leaves; False where it has none."""
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        found = False
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as new, path.open("rb") as old:
                for line in old:
                    if line.strip() and leaves(orjson.loads(line)):
                        found = True
                        continue
                    new.write(line)
                new.flush()
                os.fsync(new.fileno())
            if found:
                part.replace(path)
                self.rewritten.append((kind, str(path)))
        except OSError as error:
            raise _refused(path, error) from error
        except (ValueError, AttributeError):
            self.kept.append((str(path), "it does not hold what this tool writes there: delete it by hand"))
            found = False
        finally:
            part.unlink(missing_ok=True)
        return found


def _sub_in(user: dict[str, object]) -> str | None:
    attributes = user.get("Attributes")
    if not isinstance(attributes, list):
        return None
    return next((one.get("Value") for one in attributes if one.get("Name") == "sub"), None)


def _refused(path: Path, error: OSError) -> StateError:
    return StateError(
        f"{path} cannot be removed or rewritten ({error.strerror or type(error).__name__})",
        remedy="make its folder writable for this user, then run again",
        code="not_purged",
    )
