"""Whether a file is a state of ours, of a version that this one knows, whole, and the plan's (rule 13)."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from engine.model.errors import StateError
from engine.model.outcomes import StateIdentity
from engine.state import schema
from engine.state.faults import damaged
from engine.state.soundness import is_sound


def check_version(path: Path, connection: sqlite3.Connection) -> int:
    """The file's version. Raises StateError where it is none of ours or newer."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != schema.APPLICATION_ID:
        raise StateError(
            f"{path} is not a state file of this tool", remedy="point state.path elsewhere", code="state_not_ours"
        )
    if version > schema.VERSION:
        raise StateError(
            f"the state {path} was written by a newer version (format {version}, this one knows {schema.VERSION})",
            remedy="run it with that version",
            code="state_newer",
        )
    return int(version)


def check_whole(path: Path, connection: sqlite3.Connection, version: int) -> None:
    """Raise StateError where the file does not hold what that version wrote."""
    if not is_sound(connection, version):
        raise damaged(path)


def check_identity(path: Path, connection: sqlite3.Connection, identity: StateIdentity) -> None:
    """Raise StateError where the state is another's. A plan may have pools that the state does not know yet."""
    held = dict(
        connection.execute("SELECT key, value FROM meta WHERE key IN ('plan', 'pool', 'destination', 'environment')")
    )
    pools = StateIdentity("", str(held.get("pool")), "").pools
    lost = sorted(set(pools) - set(identity.pools))
    for what, ours, same in (
        ("plan", identity.plan, held.get("plan") == identity.plan),
        ("pool", identity.pool, not lost or bool(set(pools) & set(identity.pools))),
        ("destination", identity.destination, held.get("destination") == identity.destination),
        # One that either side does not name is no contradiction.
        (
            "environment",
            identity.environment,
            identity.environment in (None, held.get("environment", identity.environment)),
        ),
    ):
        if not same:
            raise StateError(
                f"the state {path} belongs to another {what} ({held.get(what)}, not {ours})",
                remedy="give this plan a name or a state.path of its own",
                code="state_of_another",
            )
    if lost:
        which = f"pool {lost[0]}" if len(lost) == 1 else f"pools {', '.join(lost)}"
        raise StateError(
            f"the state {path} knows users of the user {which}, which the plan's source does not list any more",
            remedy="put it back under source; to migrate nobody of it any more, filter its users out there",
            code="state_knows_other_pool",
        )


def reading_uri(path: Path) -> str:
    """The address under which SQLite opens a state to look at it, so that it takes its log away again if it can."""
    # Who opens a log-writing database for reading alone cannot tidy its log away; so not without need.
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return f"{path.absolute().as_uri()}?mode=rw"
    # Without a log nobody writes, and where this user cannot make one SQLite opens the file only as unchangeable.
    alone = not path.with_name(path.name + "-wal").exists() and not os.access(path.parent, os.W_OK)
    return f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if alone else "")
