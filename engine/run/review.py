"""What a plan would do, for a review: its digest, the file that keeps it, and whether a later plan is the same."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

import orjson

from engine.model.keys import sub_of
from engine.plan_file.meaning import meaning
from engine.resources.kind import ResourceChange
from engine.resources.review_entry import ReviewEntry, Seal, entry_of
from engine.resources.users.waves import due_names
from engine.run.kinds import KindsInMemory
from engine.run.moved import Moved
from engine.run.preparation import Prepared
from engine.run.results import Guarded
from engine.run.review_file import ReviewHead, damaged, read_entries, write_review
from engine.run.session import Session
from engine.snapshot.review_entries import departure_entries, membership_entries, staying_entries, user_entries
from engine.snapshot.review_table import ReviewTable, SealedEntry, last_run
from engine.workspace.named_files import NamedFile

DUE = "cohorts that are due"
"""Which of the plan's cohorts these are counts like an option, and is told as one."""


@dataclass(frozen=True, slots=True)
class Review:
    """One computed plan. `entries` are all that it would do, in any order; `people` who stay as they are, or wait."""

    plan: str
    digest: str
    options: Mapping[str, str]
    connection: sqlite3.Connection
    entries: Callable[[], Iterator[ReviewEntry]]
    people: Callable[[], Iterator[ReviewEntry]]

    def write(self, path: Path, state_key: bytes | None, *, overwrite: bool) -> int:
        """Keep it in a new file, 0600; returns how many changes it holds. Blocking. Raises MigrateError.

        `state_key` is the state's, None where there is none: then the file brings a secret of its own.
        """
        own = None if state_key is not None else secrets.token_bytes(32)
        seal = Seal(state_key or own or b"")
        table = ReviewTable(self.connection, seal)
        table.plan(chain(self.entries(), self.people()))
        head = ReviewHead(
            self.plan, self.digest, seal.check,
            {name: seal.option(name, value) for name, value in self.options.items()},
            table.shapes, last_run(self.connection), own,
        )  # fmt: skip
        changes = 0

        def counted() -> Iterator[SealedEntry]:
            nonlocal changes
            for one in table.sealed():
                changes += one.action != "unchanged"
                yield one

        with NamedFile(path, overwrite=overwrite).open() as file:
            write_review(file, head, counted())
        return changes

    def compare(self, head: ReviewHead, path: Path, seal: Seal) -> Moved:
        """With a review of which the head was read before. Blocking. Raises MigrateError (`bad_review`)."""
        marks = {name: seal.option(name, value) for name, value in self.options.items()}
        names = sorted(name for name in marks.keys() | head.options.keys() if marks.get(name) != head.options.get(name))
        moved = Moved(tuple(names))
        table = ReviewTable(self.connection, seal)
        table.plan(self.entries())
        if not table.review(read_entries(path, len(head.shapes))):
            raise damaged(path)
        table.note_done(head.last_run)
        planned, reviewed = table.shapes, [tuple(one) for one in head.shapes]
        for row in table.moved():
            moved.count_moved(row, planned, reviewed)
        for missing in table.missing():
            moved.count_missing(missing, reviewed)
        return moved


def review_of(
    session: Session, prepared: Prepared, kinds: KindsInMemory, memberships: str, guards: tuple[Guarded, ...]
) -> Review:
    """Of a plan that is decided on in all its kinds; `memberships` is their digest."""
    name: Callable[[str], str] = str if session.source.several else sub_of
    options = meaning(session.spec, session.identity.destination)
    if cohorts := session.spec.filters.cohorts:
        # Another day is another plan only where it has other cohorts: then those who come are no sign-ups.
        options[DUE] = orjson.dumps(due_names(cohorts, session.as_of)).decode()
    snapshot = prepared.connection
    # What waits is no part of it: nobody whose turn it is needs it.
    changes = [one for work in kinds for one in work.changes if one.action not in ("unchanged", "wait")]
    # Who leaves is no change of WorkOS. But where a guard stands against their number, a person has looked at them.
    leaving = any(one.code == "max_left_source" for one in guards)

    def departed() -> Iterator[ReviewEntry]:
        return departure_entries(snapshot) if leaving else iter(())

    def entries() -> Iterator[ReviewEntry]:
        yield from map(entry_of, changes)
        yield from user_entries(snapshot, prepared.table.desired, name)
        yield from membership_entries(snapshot)
        yield from departed()

    digest = whole_digest(options, prepared.summary.digest, changes, memberships, departed())
    return Review(session.spec.name, digest, options, snapshot, entries, lambda: staying_entries(snapshot))


def whole_digest(
    options: Mapping[str, str],
    users: str,
    changes: list[ResourceChange],
    memberships: str,
    departed: Iterator[ReviewEntry],
) -> str:
    """Over what is to be done for every kind, and under which options: the same for the same, whatever the order."""
    digest = sha256(orjson.dumps(dict(options), option=orjson.OPT_SORT_KEYS))
    digest.update(users.encode())
    for content in sorted(entry_of(one).content for one in changes):
        digest.update(content)
    digest.update(memberships.encode())
    for one in departed:
        digest.update(one.content + b"\0")
    return digest.hexdigest()
