"""The table `resets`: who was mailed, and `returned`: who needs no e-mail any more. Addresses are never in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.model.resets import Batch, Intent, MailRow
from engine.state.file import StateFile

# sent_at stays over a second intent: where that is withdrawn, the first e-mail still was sent.
_INTEND = """
INSERT INTO resets (workos_id, key, status, intent_at, batch_at, run_id) VALUES (?, ?, 'intended', ?, ?, ?)
ON CONFLICT (workos_id) DO UPDATE SET key = excluded.key, status = 'intended', intent_at = excluded.intent_at,
    batch_at = excluded.batch_at, run_id = excluded.run_id, error_code = NULL
"""
_SENT = "UPDATE resets SET status = 'sent', sent_at = ?, error_code = NULL WHERE workos_id = ?"
_BACK_TO_SENT = "UPDATE resets SET status = 'sent' WHERE workos_id = ? AND sent_at IS NOT NULL"
_WITHDRAWN = "DELETE FROM resets WHERE workos_id = ? AND sent_at IS NULL"
_FAILED = "UPDATE resets SET status = 'failed', error_code = ? WHERE workos_id = ?"
_UNKNOWN = "UPDATE resets SET status = 'unknown' WHERE workos_id = ?"


class ResetLedger:
    """The port `Ledger` on an open state."""

    def __init__(self, state: StateFile) -> None:
        self._state = state

    def intend(self, people: Sequence[tuple[str, str]], *, at: float, batch_at: float, run_id: str) -> None:
        """See the port."""
        with self._state.transaction() as connection:
            connection.executemany(_INTEND, [(workos_id, key, at, batch_at, run_id) for workos_id, key in people])

    def postpone(self, workos_id: str, at: float) -> None:
        """See the port."""
        with self._state.transaction() as connection:
            connection.execute("UPDATE resets SET intent_at = ? WHERE workos_id = ?", (at, workos_id))

    def record(
        self,
        *,
        sent: Iterable[tuple[str, float]] = (),
        withdrawn: Iterable[str] = (),
        failed: Iterable[tuple[str, str]] = (),
        unknown: Iterable[str] = (),
    ) -> None:
        """See the port."""
        back = [(workos_id,) for workos_id in withdrawn]
        with self._state.transaction() as connection:
            connection.executemany(_SENT, [(at, workos_id) for workos_id, at in sent])
            connection.executemany(_BACK_TO_SENT, back)
            connection.executemany(_WITHDRAWN, back)
            connection.executemany(_FAILED, [(code, workos_id) for workos_id, code in failed])
            connection.executemany(_UNKNOWN, [(workos_id,) for workos_id in unknown])

    def adopt_sent(self, people: Iterable[tuple[str, str, float]]) -> None:
        """E-mails (WorkOS id, key, when) that WorkOS's events tell of: a lost or restored state may not know them.

        An open intent stays open: whether its request was made is settled by its own time.
        """
        insert = """
        INSERT INTO resets (workos_id, key, status, intent_at, batch_at, sent_at) VALUES (?, ?, 'sent', ?, 0, ?)
        ON CONFLICT (workos_id) DO UPDATE SET sent_at = excluded.sent_at, error_code = NULL,
            status = CASE status WHEN 'failed' THEN 'sent' ELSE status END
        WHERE coalesce(sent_at, 0) < excluded.sent_at
        """
        with self._state.transaction() as connection:
            connection.executemany(insert, [(workos_id, key, at, at) for workos_id, key, at in people])

    def open_intents(self) -> list[Intent]:
        """See the port."""
        rows = self._state.every(
            "SELECT workos_id, key, intent_at FROM resets WHERE status IN ('intended', 'unknown') ORDER BY key"
        )
        return [Intent(row["workos_id"], row["key"], float(row["intent_at"])) for row in rows]

    def last_batch(self) -> Batch | None:
        """See the port."""
        query = """
        SELECT batch_at, count(*) AS used FROM resets WHERE batch_at = (SELECT max(batch_at) FROM resets) GROUP BY 1
        """
        row = self._state.one(query)
        return Batch(float(row["batch_at"]), row["used"]) if row is not None else None

    def mails(self) -> Iterator[MailRow]:
        """Everybody who was mailed, or was about to be."""
        return self._state.query(MailRow, "SELECT workos_id, status, sent_at FROM resets")

    def returned(self, people: Iterable[tuple[str, str]]) -> None:
        """See the port."""
        with self._state.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO returned VALUES (?, ?)", list(people))

    def who_returned(self) -> dict[str, str]:
        """WorkOS id to how: signed_in or reset."""
        return {row["workos_id"]: row["how"] for row in self._state.every("SELECT workos_id, how FROM returned")}

    def is_empty(self) -> bool:
        """Whether nobody was ever mailed, as far as this state knows."""
        return self._state.one("SELECT 1 FROM resets LIMIT 1") is None

    def counts(self) -> dict[str, int]:
        """Users by the status of their e-mail."""
        rows = self._state.every("SELECT status, count(*) AS number FROM resets GROUP BY status")
        return {row["status"]: row["number"] for row in rows}

    def of_status(self, status: str) -> list[tuple[str, str | None]]:
        """(key, code) of users whose e-mail has this status, in order of key."""
        rows = self._state.every("SELECT key, error_code FROM resets WHERE status = ? ORDER BY key", (status,))
        return [(row["key"], row["error_code"]) for row in rows]
