"""The statements of the users' plan, and the rows that they give; `engine.snapshot.plan_table` runs them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from engine.resources.users.changes import UserAction

# Whose state row speaks for a person: their own, else that of the record they were merged with before, once that
# record has left the pool; or that of a record that is merged into theirs now. Never over the line between verified and
# unverified: who signed up with somebody's address does not inherit their account. The other way round it is the
# address that counts: a user whom we made under it, unverified, goes to the record that has verified it, unless the
# planner sees that somebody uses it. Nobody's row speaks for two.
HOLDERS = """
CREATE TEMP TABLE holder (
    key TEXT PRIMARY KEY, known_key TEXT NOT NULL UNIQUE, relation TEXT NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO holder
    SELECT r.key, k.primary_key, 'merged' FROM person r JOIN known_user k ON k.key = r.key
    WHERE k.relation = 'merged' AND k.primary_key IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM record o WHERE o.key = k.primary_key AND o.reason IS NULL AND o.primary_key IS NOT r.key
    ) ORDER BY r.key;
INSERT OR IGNORE INTO holder
    SELECT m.primary_key, k.key, m.relation FROM record m
    JOIN known_user k ON k.key = m.key JOIN record p ON p.key = m.primary_key
    WHERE k.relation = 'primary' AND k.workos_id IS NOT NULL AND (
        m.relation = 'merged'
        OR m.relation = 'unverified' AND k.created_here AND json_extract(k.fields, '$.email') = p.email_mark
    ) AND NOT EXISTS (
        SELECT 1 FROM known_user o WHERE o.key = m.primary_key AND o.relation = 'primary'
            -- A creation that was begun and not recorded may have made a user of their own.
            AND (o.workos_id IS NOT NULL OR o.status = 'claimed' AND o.operation = 'create')
    ) ORDER BY json_extract(k.fields, '$.email') IS NOT p.email_mark, m.relation, k.changed_at, k.key;
"""

UNCHANGED = """
INSERT INTO change (kind, key, action, workos_id, created_here, counts_as, because)
    SELECT 'user', r.key, 'unchanged', k.workos_id, k.created_here, 'unchanged', 'unchanged'
    FROM person r JOIN known_user k ON k.key = r.key
    WHERE r.invalid IS NULL AND k.relation = 'primary' AND k.status = 'done'
      AND k.fingerprint = r.fingerprint AND NOT EXISTS (SELECT 1 FROM gone g WHERE g.workos_id = k.workos_id)
"""
# Everybody else whose turn it is not: nothing is decided about them.
WAIT = """
INSERT INTO change (kind, key, action, workos_id, created_here, code, because)
    SELECT 'user', w.key, 'wait', k.workos_id, coalesce(k.created_here, 0), w.code, w.code
    FROM waiting w LEFT JOIN holder h ON h.key = w.key
    LEFT JOIN known_user k ON k.key = coalesce(h.known_key, w.key) AND k.relation = 'primary'
    WHERE NOT EXISTS (SELECT 1 FROM change c WHERE c.kind = 'user' AND c.key = w.key)
"""
UNLISTED = """
SELECT workos_id FROM (
    SELECT workos_id FROM known_user WHERE workos_id IS NOT NULL AND status != 'gone'
    UNION SELECT workos_id FROM known_orphaned
) k WHERE NOT EXISTS (SELECT 1 FROM target t WHERE t.id = k.workos_id) ORDER BY workos_id
"""

UNDECIDED = """
SELECT r.key, r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins) AS password,
    h.relation, k.stamp, k.key AS known_key, k.workos_id, iif(g.workos_id IS NULL, k.status, 'gone') AS status,
    k.fields AS known_fields, k.verified AS known_verified, k.created_here, k.operation, k.attempts,
    k.detail AS known_detail,
    x.user AS by_external_id, e.user AS by_email, i.user AS by_id,
    CASE WHEN e.external_id IS NOT NULL THEN (
        SELECT json_group_array(m.external_id) FROM record m WHERE m.primary_key = r.key AND m.relation = 'merged'
    ) END AS relatives
FROM person r
LEFT JOIN holder h ON h.key = r.key
LEFT JOIN known_user k ON k.key = coalesce(h.known_key, r.key) AND k.relation = 'primary'
LEFT JOIN gone g ON g.workos_id = k.workos_id
LEFT JOIN target x ON x.id = coalesce(
    (SELECT min(id) FROM target WHERE external_id = r.external_id AND email = r.email),
    (SELECT min(id) FROM target WHERE external_id = r.external_id)
)
LEFT JOIN target e ON e.id = (SELECT min(t.id) FROM target t WHERE t.email = r.email AND NOT EXISTS (
    -- Somebody of ours who gives the address up in this run, before it is taken.
    -- CROSS keeps the order: the other way round all people would be looked through.
    SELECT 1 FROM known_user u CROSS JOIN person o ON o.key = u.key
    WHERE u.workos_id = t.id AND u.relation = 'primary' AND o.key != r.key AND o.email != t.email
        AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.key = o.key)
))
LEFT JOIN adoption a ON a.key = r.key
LEFT JOIN target i ON i.id = coalesce(k.workos_id, a.workos_id)
WHERE NOT EXISTS (SELECT 1 FROM change c WHERE c.kind = 'user' AND c.key = r.key)
ORDER BY r.key
"""

UNPLACED = """
CREATE TEMP VIEW unplaced AS SELECT r.key, r.external_id, r.email FROM person r
LEFT JOIN holder h ON h.key = r.key
LEFT JOIN known_user k ON k.key = coalesce(h.known_key, r.key) AND k.relation = 'primary'
WHERE r.invalid IS NULL AND r.external_id IS NOT NULL AND (k.workos_id IS NULL OR h.key IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.key = r.key)
"""

STORE = """
INSERT INTO change (kind, key, action, workos_id, send, code, created_here, counts_as, detail, phase, because)
VALUES ('user', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

# One bounded read at a time: nothing of a million changes is kept in memory.
_WORK = """
SELECT r.key, r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins) AS password,
    c.action, c.workos_id, c.send, c.created_here, c.counts_as, c.detail, r.fingerprint
FROM change c JOIN record r ON r.key = c.key
WHERE c.kind = 'user' AND c.action IN ('create', 'update', 'adopt')
"""
WORK = _WORK + "AND c.phase = ? ORDER BY c.key"
WORK_OF_ONE = _WORK + "AND c.key = ?"


class DesiredRow(Protocol):
    """The columns of `record` that a person is made of."""

    @property
    def key(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def verified(self) -> int: ...
    @property
    def fields(self) -> bytes: ...
    @property
    def invalid(self) -> bytes | None: ...
    @property
    def password(self) -> int: ...


class WorkRow(NamedTuple):
    key: str
    email: str
    verified: int
    fields: bytes
    invalid: bytes | None
    password: int
    action: UserAction
    workos_id: str | None
    send: bytes | None
    created_here: int
    counts_as: str
    detail: bytes
    fingerprint: bytes


class PersonRow(NamedTuple):
    key: str
    email: str
    verified: int
    fields: bytes
    invalid: bytes | None
    password: int
    relation: str | None
    stamp: str | None
    known_key: str | None
    workos_id: str | None
    status: str
    known_fields: str | None
    known_verified: int
    created_here: int
    operation: str | None
    attempts: int
    known_detail: str | None
    by_external_id: bytes | None
    by_email: bytes | None
    by_id: bytes | None
    relatives: str | None
