"""The snapshot's tables: one run's records, the people they make, what WorkOS holds, and the changes between."""

from __future__ import annotations

# Records are appended and indexed afterwards: a million random keys in a growing index cost more than one sort.
TABLES = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,             -- of the user: pool and sub (engine.model.keys)
    username TEXT NOT NULL,
    created REAL NOT NULL,
    modified REAL,
    native INTEGER NOT NULL,
    provider TEXT,
    email TEXT,
    address TEXT,                  -- by which records become one person: the e-mail, or that of whom it is linked to
    linked_to TEXT,                -- key of the native user whom this provider profile is linked to (rule 5)
    verified INTEGER NOT NULL,
    external_id TEXT,
    fields BLOB NOT NULL,          -- JSON, flat names; without defaults until the record is sealed as a person's
    invalid BLOB,                  -- JSON, flat name to fault; null where nothing is
    reason TEXT,                   -- why it is excluded; null for a selected record
    failed TEXT,                   -- JSON: every filter that it does not pass; null where it passes all
    fingerprint BLOB,              -- of the person that it stands for
    email_mark TEXT,               -- fingerprint of the address alone; only where records share it
    primary_key TEXT,              -- of the record that it was merged into; null for a person's first record
    relation TEXT NOT NULL DEFAULT 'primary',
    password INTEGER NOT NULL,     -- the person had a password in Cognito
    passwordless INTEGER NOT NULL DEFAULT 0,  -- known to sign in by passkey or one-time code alone
    status TEXT NOT NULL,          -- Cognito's UserStatus
    enabled INTEGER NOT NULL DEFAULT 1,
    by_name INTEGER NOT NULL DEFAULT 0,  -- native, with a username or preferred_username that is no address
    joins INTEGER NOT NULL DEFAULT 0,  -- federated by a provider that WorkOS lacks: needs a password as well
    identities BLOB,               -- JSON: [[provider, the provider's user id], …]; null without any
    placeholder INTEGER NOT NULL DEFAULT 0,  -- has no address: `email` is the plan's placeholder
    skipped INTEGER NOT NULL DEFAULT 0,  -- a decision of the plan leaves it
    traits BLOB NOT NULL DEFAULT x'',  -- bits of what coverage counts (engine.snapshot.traits)
    sampled INTEGER NOT NULL DEFAULT 1,  -- filters.sample holds it
    cohort INTEGER                 -- number of the first of filters.cohorts that fits; null where none does
);
CREATE VIEW person AS SELECT * FROM record WHERE reason IS NULL AND primary_key IS NULL AND skipped = 0;
CREATE TABLE identity (
    provider TEXT NOT NULL, user_id TEXT NOT NULL,
    record INTEGER NOT NULL        -- id of the very delivery that names it: a later one may no longer do so
);
CREATE TABLE target (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, external_id TEXT, user BLOB NOT NULL
) WITHOUT ROWID;
-- Of people, where the plan has waves.
CREATE TABLE wave (key TEXT PRIMARY KEY, sampled INTEGER NOT NULL, cohort INTEGER) WITHOUT ROWID;
CREATE TABLE waiting (key TEXT PRIMARY KEY, code TEXT NOT NULL) WITHOUT ROWID;  -- whose turn it is not
CREATE TABLE gone (workos_id TEXT PRIMARY KEY) WITHOUT ROWID;  -- known to the state, and deleted in WorkOS since
CREATE TABLE change (
    kind TEXT NOT NULL, key TEXT NOT NULL, action TEXT NOT NULL, workos_id TEXT,
    send BLOB,                                 -- JSON: the fields to write
    code TEXT, created_here INTEGER NOT NULL DEFAULT 0, counts_as TEXT NOT NULL DEFAULT '',
    detail BLOB,                               -- JSON: what only its kind knows; null where nothing is to be done
    phase INTEGER NOT NULL DEFAULT 1,          -- order within a kind; users: 0 gives up an address
    because TEXT,                              -- users: reasons of engine.model.rules, parted by commas
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""

SEALED = """
CREATE UNIQUE INDEX record_key ON record (key);
CREATE INDEX record_address ON record (address) WHERE reason IS NULL;
CREATE INDEX record_external_id ON record (external_id) WHERE reason IS NULL AND primary_key IS NULL;
"""

# A record delivered twice (a restarted chain, two export files): the newest stays.
DEDUPLICATE = """
DELETE FROM record WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY key ORDER BY modified DESC, id DESC) AS place
        FROM record WHERE key IN (SELECT key FROM record GROUP BY key HAVING count(*) > 1)
    ) WHERE place > 1
)
"""

# The key before the kind: nearly all rows are of one kind, and SQLite must never take that kind for a narrow search.
# What the state knows, copied before planning; TEMP beside a snapshot that was kept. `dirty` rows go back into it.
KNOWN = """
CREATE {temp} TABLE known (
    kind TEXT NOT NULL, key TEXT NOT NULL, workos_id TEXT, relation TEXT NOT NULL DEFAULT 'primary', primary_key TEXT,
    status TEXT NOT NULL, operation TEXT, created_here INTEGER NOT NULL DEFAULT 0,
    verified INTEGER NOT NULL DEFAULT 0, flagged INTEGER NOT NULL DEFAULT 0, password INTEGER NOT NULL DEFAULT 0,
    fingerprint BLOB, fields TEXT, stamp TEXT, attempts INTEGER NOT NULL DEFAULT 0, error_code TEXT, run_id TEXT,
    changed_at REAL, left_source INTEGER NOT NULL DEFAULT 0, detail TEXT, dirty INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, kind)
) WITHOUT ROWID;
CREATE {temp} TABLE known_orphaned (workos_id TEXT PRIMARY KEY, key TEXT NOT NULL, run_id TEXT NOT NULL) WITHOUT ROWID;
CREATE {temp} VIEW known_user AS SELECT * FROM known WHERE kind = 'user';
"""
KNOWN_INDEXED = "CREATE INDEX {schema}known_workos_id ON known (workos_id, kind)"
