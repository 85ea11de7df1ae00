"""The connections that runs have made: WorkOS id and keyed fingerprint by provider.

No secret and nothing of a user is in it (rule 14).
"""

from __future__ import annotations

from engine.model.keys import CONNECTION, connection_key
from engine.model.outcomes import ResourceRow
from engine.model.store import Store
from engine.resources.connections.design import Known
from engine.state.file import StateFile


def read_connections(state: Store) -> dict[str, Known]:
    """What is known of the pool's, by provider name."""
    found: dict[str, Known] = {}
    pool = connection_key(state.identity.pool, "")
    for row in state.rows(CONNECTION):
        if row.key.startswith(pool) and row.workos_id is not None:
            found[row.key.removeprefix(pool)] = Known(row.workos_id, (row.fingerprint or b"").hex())
    return found


def record_connection(state: StateFile, provider: str, known: Known) -> None:
    """Keep what was made or brought up to date; on return it is on disk."""
    key = connection_key(state.identity.pool, provider)
    state.put([ResourceRow(CONNECTION, key, known.connection_id, fingerprint=bytes.fromhex(known.fingerprint))])
