"""What a run leaves in the state beside its calls, by set: conflicts, records that were merged, who left the source.

It works on the snapshot's own `known`, once that holds what the run has recorded; the rows that it changes are marked
dirty, and `settlement` hands them to the state.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from engine.model.outcomes import Orphan, ResourceRow
from engine.model.store import Settlement
from engine.snapshot.rows import named

# A conflict keeps what is known of the user: the way out may be to change them back in Cognito. Whom a skipped user
# shares an address with is not kept: a WorkOS id in the state means that the user there is ours to update.
_NOT_CALLED = """
INSERT INTO known (kind, key, status, error_code, run_id, changed_at, dirty)
SELECT kind, key,
    CASE action WHEN 'skip' THEN 'skipped' ELSE CASE code WHEN 'gone' THEN 'gone' ELSE 'conflict' END END,
    code, :run, :now, 1
FROM change WHERE (action = 'conflict' OR action = 'skip' AND kind = 'user')
ON CONFLICT (kind, key) DO UPDATE SET status = excluded.status, error_code = excluded.error_code,
    run_id = excluded.run_id, changed_at = excluded.changed_at, dirty = 1
WHERE known.status != excluded.status OR known.error_code IS NOT excluded.error_code
"""
# Failed or conflicting before, and nothing to do now: Cognito was changed back.
_SETTLED = """
UPDATE known SET status = 'done', error_code = NULL, dirty = 1
WHERE status != 'done' AND EXISTS (
    SELECT 1 FROM change c WHERE c.kind = known.kind AND c.key = known.key AND c.action = 'unchanged'
)
"""
_GAVE_WAY = """
INSERT INTO known (kind, key, workos_id, relation, primary_key, status, run_id, changed_at, dirty)
SELECT 'user', r.key, p.workos_id, r.relation, r.primary_key, 'done', :run, :now, 1
FROM record r JOIN known p ON p.kind = 'user' AND p.key = r.primary_key
WHERE r.primary_key IS NOT NULL AND p.workos_id IS NOT NULL AND p.status != 'claimed' AND (
    -- Who has a WorkOS user of their own points elsewhere only once the other one has really taken over.
    p.status = 'done' OR NOT EXISTS (
        SELECT 1 FROM known o
        WHERE o.kind = 'user' AND o.key = r.key AND o.relation = 'primary' AND o.workos_id IS NOT NULL
    )
) AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.key = r.primary_key)
ON CONFLICT (kind, key) DO UPDATE SET workos_id = excluded.workos_id, relation = excluded.relation,
    primary_key = excluded.primary_key, status = 'done', error_code = NULL, left_source = 0,
    fingerprint = NULL, fields = NULL, run_id = excluded.run_id, changed_at = excluded.changed_at, dirty = 1
WHERE known.workos_id IS NOT excluded.workos_id OR known.relation != excluded.relation
    OR known.primary_key IS NOT excluded.primary_key
"""
_ORPHANED = """
INSERT OR REPLACE INTO known_orphaned (workos_id, key, run_id)
SELECT u.workos_id, u.key, :run FROM record r
JOIN known p ON p.kind = 'user' AND p.key = r.primary_key JOIN known u ON u.kind = 'user' AND u.key = r.key
WHERE r.primary_key IS NOT NULL AND u.relation = 'primary' AND u.workos_id IS NOT NULL AND p.workos_id IS NOT NULL
    AND u.workos_id != p.workos_id AND p.status = 'done'
    -- Whose turn it is not stays as they are, and so do those who were merged into them since.
    AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.key = r.primary_key)
"""
_CLAIMED_BACK = """
DELETE FROM known_orphaned WHERE workos_id IN (
    SELECT workos_id FROM known WHERE kind = 'user' AND relation = 'primary' AND workos_id IS NOT NULL
)
"""
# A record that left, and whose WorkOS user another record speaks for now: should it come back, it does not speak for
# that user by itself any more.
_TAKEN_OVER = """
UPDATE known SET relation = 'merged', fingerprint = NULL, fields = NULL, dirty = 1, primary_key = (
    SELECT n.key FROM known n
    WHERE n.kind = 'user' AND n.workos_id = known.workos_id AND n.left_source = 0 AND n.relation = 'primary'
)
WHERE kind = 'user' AND left_source = 1 AND relation = 'primary' AND workos_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM known n
    WHERE n.kind = 'user' AND n.workos_id = known.workos_id AND n.left_source = 0 AND n.relation = 'primary'
)
"""
_LEFT_SOURCE = """
UPDATE known SET left_source = 1, dirty = 1 WHERE kind = 'user' AND left_source = 0 AND NOT EXISTS (
    SELECT 1 FROM record r WHERE r.key = known.key AND r.reason IS NULL
)
"""
_CAME_BACK = """
UPDATE known SET left_source = 0, dirty = 1 WHERE kind = 'user' AND left_source = 1 AND EXISTS (
    SELECT 1 FROM record r WHERE r.key = known.key AND r.reason IS NULL
)
"""
# Once true it stays: a record that left the pool had one all the same.
_NEEDS_ONE = """
UPDATE known SET password = 1, dirty = 1 WHERE kind = 'user' AND password = 0 AND EXISTS (
    SELECT 1 FROM record r
    WHERE r.key = known.key AND r.reason IS NULL AND r.primary_key IS NULL AND max(r.password, r.joins)
)
"""
# Those too whom this run did not decide on, as they left the pool or cannot be mapped: no later look would find them.
_GONE = """
UPDATE known SET status = 'gone', error_code = 'gone', dirty = 1
WHERE kind = 'user' AND relation = 'primary' AND status != 'gone' AND workos_id IN (SELECT workos_id FROM gone)
"""
_ORPHAN_GONE = "DELETE FROM known_orphaned WHERE workos_id IN (SELECT workos_id FROM gone)"

_DIRTY = f"SELECT {', '.join(ResourceRow._fields)} FROM known WHERE dirty"  # noqa: S608 - our own names
_ALL_ORPHANED = "SELECT workos_id, key, run_id FROM known_orphaned"
# Of whom was erased a keyed mark alone stays.
_LEFT_OUT = "SELECT key, reason FROM record WHERE reason IS NOT NULL AND reason != 'purged'"
# A record that was merged, or whose user another record speaks for now, is no user of WorkOS by itself.
_COUNT_LEFT_SOURCE = """
SELECT count(DISTINCT workos_id) FROM known WHERE kind = 'user' AND left_source = 1 AND workos_id IS NOT NULL
    AND status != 'gone' AND workos_id NOT IN (
        SELECT workos_id FROM known
        WHERE kind = 'user' AND left_source = 0 AND workos_id IS NOT NULL AND relation != 'unverified'
    )
"""


def reconcile(connection: sqlite3.Connection, *, run_id: str, now: float) -> None:
    """Bring what is known in line with the snapshot's records and the changes that needed no call."""
    run = {"run": run_id, "now": now}
    connection.execute("BEGIN")
    connection.execute(_NOT_CALLED, run)
    connection.execute(_SETTLED)
    connection.execute(_ORPHANED, run)
    connection.execute(_GAVE_WAY, run)
    connection.execute(_CLAIMED_BACK)
    connection.execute(_NEEDS_ONE)
    connection.execute(_LEFT_SOURCE)
    connection.execute(_CAME_BACK)
    connection.execute(_TAKEN_OVER)
    connection.execute(_GONE)
    connection.execute(_ORPHAN_GONE)
    connection.execute("COMMIT")


def settlement(connection: sqlite3.Connection, meta: Mapping[str, str]) -> Settlement:
    """What the state has to learn, row by row."""
    return Settlement(
        changed=named(connection, ResourceRow, _DIRTY),
        orphaned=named(connection, Orphan, _ALL_ORPHANED),
        left_out=connection.execute(_LEFT_OUT),
        meta=meta,
    )


def count_left_source(connection: sqlite3.Connection) -> int:
    """Users in WorkOS whose record vanished, was disabled or no longer passes the filters (rule 10)."""
    return int(connection.execute(_COUNT_LEFT_SOURCE).fetchone()[0])


def count_orphaned(connection: sqlite3.Connection) -> int:
    """Users of WorkOS whose record was merged into another one's user."""
    return int(connection.execute("SELECT count(*) FROM known_orphaned").fetchone()[0])
