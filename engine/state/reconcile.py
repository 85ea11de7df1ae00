"""What a run leaves in the state beside its calls, by set: conflicts, records that gave way, who left the source.

The snapshot is attached as `snap`; everything happens in one transaction.
"""

from __future__ import annotations

import time
from pathlib import Path

from engine.state.file import StateFile

# A conflict keeps what is known of the user: the way out may be to change them back in Cognito. Whom a skipped user
# shares an address with is not kept: a WorkOS id in the state means that the user there is ours to update.
_NOT_CALLED = """
INSERT INTO users (sub, status, error_code, run_id, changed_at)
SELECT sub,
    CASE action WHEN 'skip' THEN 'skipped' ELSE CASE code WHEN 'gone' THEN 'gone' ELSE 'conflict' END END,
    code, :run, :now
FROM snap.change WHERE action IN ('conflict', 'skip')
ON CONFLICT (sub) DO UPDATE SET status = excluded.status, error_code = excluded.error_code, run_id = excluded.run_id,
    changed_at = excluded.changed_at
WHERE users.status != excluded.status OR users.error_code IS NOT excluded.error_code
"""
# Failed or conflicting before, and nothing to do now: Cognito was changed back.
_SETTLED = """
UPDATE users SET status = 'done', error_code = NULL
WHERE status != 'done' AND sub IN (SELECT sub FROM snap.change WHERE action = 'unchanged')
"""
_GAVE_WAY = """
INSERT INTO users (sub, workos_id, relation, primary_sub, status, run_id, changed_at)
SELECT r.sub, p.workos_id, r.relation, r.primary_sub, 'done', :run, :now
FROM snap.record r JOIN users p ON p.sub = r.primary_sub
WHERE r.primary_sub IS NOT NULL AND p.workos_id IS NOT NULL AND p.status != 'claimed' AND (
    -- Who has a WorkOS user of their own points elsewhere only once the other one has really taken over.
    p.status = 'done' OR NOT EXISTS (
        SELECT 1 FROM users o WHERE o.sub = r.sub AND o.relation = 'primary' AND o.workos_id IS NOT NULL
    )
)
ON CONFLICT (sub) DO UPDATE SET workos_id = excluded.workos_id, relation = excluded.relation,
    primary_sub = excluded.primary_sub, status = 'done', error_code = NULL, left_source = 0,
    fingerprint = NULL, fields = NULL, run_id = excluded.run_id, changed_at = excluded.changed_at
WHERE users.workos_id IS NOT excluded.workos_id OR users.relation != excluded.relation
    OR users.primary_sub IS NOT excluded.primary_sub
"""
_ORPHANED = """
INSERT OR REPLACE INTO orphaned (workos_id, sub, run_id)
SELECT u.workos_id, u.sub, :run FROM snap.record r JOIN users p ON p.sub = r.primary_sub JOIN users u ON u.sub = r.sub
WHERE r.primary_sub IS NOT NULL AND u.relation = 'primary' AND u.workos_id IS NOT NULL AND p.workos_id IS NOT NULL
    AND u.workos_id != p.workos_id AND p.status = 'done'
"""
_CLAIMED_BACK = """
DELETE FROM orphaned WHERE workos_id IN (
    SELECT workos_id FROM users WHERE relation = 'primary' AND workos_id IS NOT NULL
)
"""
# A record that left, and whose WorkOS user another record speaks for now: should it come back, it does not speak for
# that user by itself any more.
_TAKEN_OVER = """
UPDATE users SET relation = 'merged', fingerprint = NULL, fields = NULL, primary_sub = (
    SELECT n.sub FROM users n WHERE n.workos_id = users.workos_id AND n.left_source = 0 AND n.relation = 'primary'
)
WHERE left_source = 1 AND relation = 'primary' AND workos_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM users n WHERE n.workos_id = users.workos_id AND n.left_source = 0 AND n.relation = 'primary'
)
"""
_LEFT_SOURCE = """
UPDATE users SET left_source = 1 WHERE left_source = 0 AND NOT EXISTS (
    SELECT 1 FROM snap.record r WHERE r.sub = users.sub AND r.reason IS NULL
)
"""
_CAME_BACK = """
UPDATE users SET left_source = 0 WHERE left_source = 1 AND EXISTS (
    SELECT 1 FROM snap.record r WHERE r.sub = users.sub AND r.reason IS NULL
)
"""
# Once true it stays: a record that left the pool had one all the same.
_NEEDS_ONE = """
UPDATE users SET password = 1 WHERE password = 0 AND sub IN (
    SELECT sub FROM snap.record WHERE reason IS NULL AND primary_sub IS NULL AND max(password, joins)
)
"""
# Those too whom this run did not decide on, as they left the pool or cannot be mapped: no later look would find them.
_GONE = """
UPDATE users SET status = 'gone', error_code = 'gone'
WHERE relation = 'primary' AND status != 'gone' AND workos_id IN (SELECT workos_id FROM snap.gone)
"""
_ORPHAN_GONE = "DELETE FROM orphaned WHERE workos_id IN (SELECT workos_id FROM snap.gone)"
_LEFT_OUT = "INSERT INTO left_out (sub, reason) SELECT sub, reason FROM snap.record WHERE reason IS NOT NULL"


def reconcile(state: StateFile, snapshot: Path, *, run_id: str, looked_at: float | None = None) -> None:
    """Bring the state in line with the snapshot's records and the changes that needed no call.

    `looked_at` is when the run looked who was deleted in WorkOS, None where it did not.
    """
    state.attach(snapshot, "snap")
    try:
        with state.transaction() as connection:
            named = {"run": run_id, "now": time.time()}
            connection.execute(_NOT_CALLED, named)
            connection.execute(_SETTLED)
            connection.execute(_ORPHANED, named)
            connection.execute(_GAVE_WAY, named)
            connection.execute(_CLAIMED_BACK)
            connection.execute(_NEEDS_ONE)
            connection.execute(_LEFT_SOURCE)
            connection.execute(_CAME_BACK)
            connection.execute(_TAKEN_OVER)
            connection.execute(_GONE)
            connection.execute(_ORPHAN_GONE)
            if looked_at is not None:
                when = ("looked_at", repr(looked_at))  # everything in meta beside the key is text
                connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", when)
            connection.execute("DELETE FROM left_out")
            connection.execute(_LEFT_OUT)
    finally:
        state.detach("snap")


def count_left_source(state: StateFile) -> int:
    """Users in WorkOS whose record vanished, was disabled or no longer passes the filters (rule 10)."""
    # A record that gave way, or whose user another record speaks for now, is no user of WorkOS by itself.
    query = """
    SELECT count(DISTINCT workos_id) FROM users WHERE left_source = 1 AND workos_id IS NOT NULL
        AND status != 'gone' AND workos_id NOT IN (
            SELECT workos_id FROM users WHERE left_source = 0 AND workos_id IS NOT NULL AND relation != 'unverified'
        )
    """
    return int(str(next(state.rows(query))[0]))


def count_orphaned(state: StateFile) -> int:
    """Users of WorkOS whose record was merged into another one's user."""
    return int(str(next(state.rows("SELECT count(*) FROM orphaned"))[0]))
