"""The snapshot's tables: one run's records, the people they make, what WorkOS holds, and the changes between."""

from __future__ import annotations

# Records are appended and indexed afterwards: a million random keys in a growing index cost more than one sort.
TABLES = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    sub TEXT NOT NULL,
    username TEXT NOT NULL,
    created REAL NOT NULL,
    modified REAL,
    native INTEGER NOT NULL,
    provider TEXT,
    email TEXT,
    address TEXT,                  -- by which records become one person: the e-mail, or that of whom it is linked to
    linked_to TEXT,                -- sub of the native user whom this provider profile is linked to (rule 5)
    verified INTEGER NOT NULL,
    external_id TEXT,
    fields BLOB NOT NULL,          -- JSON, flat names; without defaults until the record is sealed as a person's
    invalid BLOB,                  -- JSON, flat name to fault; null where nothing is
    reason TEXT,                   -- why it is left out; null for a selected record
    fingerprint BLOB,              -- of the person that it stands for
    email_mark TEXT,               -- fingerprint of the address alone; only where records share it
    primary_sub TEXT,              -- of the record that it gave way to; null for a person's first record
    relation TEXT NOT NULL DEFAULT 'primary',
    password INTEGER NOT NULL,     -- the person had a password in Cognito
    passwordless INTEGER NOT NULL DEFAULT 0,  -- known to sign in by passkey or one-time code alone
    status TEXT NOT NULL,          -- Cognito's UserStatus
    enabled INTEGER NOT NULL DEFAULT 1,
    by_name INTEGER NOT NULL DEFAULT 0,  -- native, with a username or preferred_username that is no address
    joins INTEGER NOT NULL DEFAULT 0,  -- federated by a provider that WorkOS lacks: needs a password as well
    identities BLOB,               -- JSON: [[provider, the provider's user id], …]; null without any
    skipped INTEGER NOT NULL DEFAULT 0  -- a decision of the plan leaves it
);
CREATE VIEW person AS SELECT * FROM record WHERE reason IS NULL AND primary_sub IS NULL AND skipped = 0;
CREATE TABLE identity (
    provider TEXT NOT NULL, user_id TEXT NOT NULL,
    record INTEGER NOT NULL        -- id of the very delivery that names it: a later one may no longer do so
);
CREATE TABLE target (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, external_id TEXT, user BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE gone (workos_id TEXT PRIMARY KEY) WITHOUT ROWID;  -- known to the state, and deleted in WorkOS since
CREATE TABLE change (
    sub TEXT PRIMARY KEY, action TEXT NOT NULL, workos_id TEXT, send BLOB, code TEXT,
    created_here INTEGER NOT NULL DEFAULT 0, verified INTEGER NOT NULL DEFAULT 0, vanished INTEGER NOT NULL DEFAULT 0,
    counts_as TEXT NOT NULL DEFAULT '',
    guard BLOB,                                -- JSON: what a read must show before the write
    stamp TEXT, lineage INTEGER NOT NULL DEFAULT 1,
    frees_address INTEGER NOT NULL DEFAULT 0   -- gives up an address that somebody else may be waiting for
) WITHOUT ROWID;
"""

SEALED = """
CREATE UNIQUE INDEX record_sub ON record (sub);
CREATE INDEX record_address ON record (address) WHERE reason IS NULL;
CREATE INDEX record_external_id ON record (external_id) WHERE reason IS NULL AND primary_sub IS NULL;
"""

# A record delivered twice (a restarted chain, two export files): the newest stays.
DEDUPLICATE = """
DELETE FROM record WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY sub ORDER BY modified DESC, id DESC) AS place
        FROM record WHERE sub IN (SELECT sub FROM record GROUP BY sub HAVING count(*) > 1)
    ) WHERE place > 1
)
"""
