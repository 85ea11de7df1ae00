"""The connections that runs have made: WorkOS id and keyed fingerprint by provider, in the state's table `meta`.

No secret and nothing of a user is in it (rule 14); the table needs no new version of the file.
"""

from __future__ import annotations

from engine.resources.connections.design import Known
from engine.state.file import StateFile

_PREFIX = "connection:"


def read_connections(state: StateFile) -> dict[str, Known]:
    """What is known, by provider name."""
    found: dict[str, Known] = {}
    for key, value in state.rows("SELECT key, value FROM meta WHERE key LIKE 'connection:%'"):
        connection_id, _, fingerprint = str(value).partition(" ")
        found[str(key).removeprefix(_PREFIX)] = Known(connection_id, fingerprint)
    return found


def record_connection(state: StateFile, provider: str, known: Known) -> None:
    """Keep what was made or brought up to date; on return it is on disk."""
    with state.transaction() as connection:
        connection.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_PREFIX + provider, f"{known.connection_id} {known.fingerprint}"),
        )
