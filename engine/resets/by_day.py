"""On which days people set a new password, for a report: counts out of WorkOS's events, nobody's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from engine.model.call_errors import CallFailed, Refused
from engine.model.resets import SUCCEEDED
from engine.resets.history import walk_history
from engine.run.session import Session
from engine.run.target_errors import as_target_error
from engine.state.file import StateFile
from engine.state.queries import needs_a_password


async def passwords_set_by_day(session: Session) -> Mapping[str, int] | None:
    """Day in UTC, YYYY-MM-DD, to passwords set by people who had one in Cognito, up to 90 days back.

    None where the key may not read events. Raises MigrateError.
    """
    state = StateFile.read(session.workspace.state_path, session.identity, checked=True)
    if state is None:
        return None
    found: Counter[str] = Counter()
    with state, as_target_error(session.spec.destination):
        async with session.resets(session.spec.destination) as target:
            try:
                async for events in walk_history(target, session.target, (SUCCEEDED,), now=target.clock.now()):
                    for one in events:
                        if needs_a_password(state, one.user_id):
                            found[f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d}"] += 1
            except CallFailed as error:
                if isinstance(error, Refused) and error.status == 403:
                    return None
                raise
    return found
