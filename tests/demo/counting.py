"""Counts who is in WorkOS by looking into the emulator's own file: not by asking the tool that is on show."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

DATA = ".migrate/quickstart.sandbox.workos.db"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the emulator holds. Of the demo's plain users, `lost` are not in it and `doubled` more than once.

    `created` are the creations that it ever carried out: a user who was made twice shows here, whatever came after.
    """

    users: int
    created: int
    lost: int
    doubled: int


def count_written(folder: Path) -> int:
    """Users in the emulator so far, while it is at work; 0 before it has begun."""
    try:
        with closing(sqlite3.connect(f"{(folder / DATA).absolute().as_uri()}?mode=ro", uri=True)) as data:
            return int(data.execute("SELECT count(*) FROM users").fetchone()[0])
    except sqlite3.Error:  # there is no file yet, or no table in it
        return 0


def count(folder: Path, subs: Sequence[str]) -> Counted:
    """Look. Nobody else writes into the file at that moment."""
    with closing(sqlite3.connect(folder / DATA)) as data:
        held = Counter(external_id for (external_id,) in data.execute("SELECT external_id FROM users"))
        made = Counter(
            json.loads(user)["external_id"]
            for (user,) in data.execute("SELECT data FROM events WHERE event = 'user.created'")
        )
    lost = sum(sub not in held for sub in subs)
    doubled = sum(number > 1 for number in made.values()) + sum(number > 1 for number in held.values())
    return Counted(held.total(), made.total(), lost, doubled)
