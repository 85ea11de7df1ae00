"""Who has come back since the migration: signed in, or set a password. `resets status` and `resets sync`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model.call_errors import CallFailed, Refused, Terminal
from engine.model.keys import written_user
from engine.model.paging import every_page
from engine.model.ports import Clock, UserChanges
from engine.model.resets import SUCCEEDED, ResetTarget
from engine.model.retries import Tries, patiently
from engine.model.users import TargetUser
from engine.plan_file.model import Spec
from engine.quota.metered import MeteredTarget
from engine.resets.history import read_history
from engine.resets.results import StatusResult, SyncResult
from engine.resets.settlement import KEPT
from engine.resets.waiting import wait_or_stop
from engine.run.sources import pool_names
from engine.run.stopping import Stop
from engine.state.file import StateFile
from engine.state.queries import who_needs_a_password
from engine.state.resets import ResetLedger

_AT_ONCE = 16


class _StoppedHere(Exception):
    """The run was stopped between two tries."""


@dataclass(frozen=True, slots=True)
class Returns:
    """People who need a password, by WorkOS id: their key; how those who came back did; who still has the flag.

    `held` are those of them whom WorkOS has.
    """

    people: dict[str, str]
    how: dict[str, str]
    flagged: frozenset[str]
    held: frozenset[str]


async def read_returns(state: StateFile, metered: MeteredTarget, target: ResetTarget, *, flag: str) -> Returns:
    """From WorkOS's users and events, and what the state remembers. Raises the errors of `engine.model.call_errors`."""
    people = who_needs_a_password(state)
    how = {one: kind for one, kind in ResetLedger(state).who_returned().items() if one in people}
    flagged: set[str] = set()
    held: set[str] = set()
    async for users in every_page(metered.list_page):
        _look(users, people, how, flagged, held, flag)
    # WorkOS's time, which its events carry.
    now = target.clock.now()
    for event in (await read_history(target, metered, (SUCCEEDED,), since=now - KEPT, now=now)).events:
        if event.user_id in people:
            how[event.user_id] = "reset"
    return Returns(people, how, frozenset(flagged), frozenset(held))


def _look(
    users: Sequence[TargetUser],
    people: dict[str, str],
    how: dict[str, str],
    flagged: set[str],
    held: set[str],
    flag: str,
) -> None:
    for user in users:
        if user.id not in people:
            continue
        held.add(user.id)
        if user.signed_in:
            how.setdefault(user.id, "signed_in")
        if user.metadata.get(flag) == "true":
            flagged.add(user.id)


async def run_status(
    spec: Spec, state: StateFile, metered: MeteredTarget, target: ResetTarget, *, sandbox: bool
) -> StatusResult:
    """Count; changes nothing."""
    began = time.monotonic()
    found = await read_returns(state, metered, target, flag=spec.password_reset.flag)
    kinds = Counter(found.how[one] for one in found.held if one in found.how)
    ledger = ResetLedger(state)
    return StatusResult(
        plan=spec.name,
        sandbox=sandbox,
        users={
            "needed": len(found.people),
            "signed_in": kinds["signed_in"],
            "reset": kinds["reset"],
            "waiting": len(found.held) - kinds.total(),
            "gone": len(found.people) - len(found.held),
        },
        flagged=len(found.flagged),
        mails=ledger.counts(),
        unknown=tuple(written_user(pool_names(spec.pools), key) for key, _ in ledger.of_status("unknown")),
        requests=metered.requests,
        duration_s=time.monotonic() - began,
    )


async def run_sync(
    spec: Spec,
    state: StateFile,
    metered: MeteredTarget,
    target: ResetTarget,
    *,
    sandbox: bool,
    clock: Clock,
    stop: Stop,
) -> SyncResult:
    """Clear the flag of those who came back; it is never set again."""
    began = time.monotonic()
    flag = spec.password_reset.flag
    found = await read_returns(state, metered, target, flag=flag)
    ResetLedger(state).returned(found.how.items())
    due = sorted((found.people[one], one) for one in found.flagged if one in found.how)
    failures: list[tuple[str, str]] = []
    cleared = 0
    for at in range(0, len(due), _AT_ONCE):
        if stop:
            break
        chunk = due[at : at + _AT_ONCE]
        ends = await asyncio.gather(*(_clear(metered, one, flag, clock, stop) for _, one in chunk))
        for (key, _), code in zip(chunk, ends, strict=True):
            if code is None:
                cleared += 1
            elif code:
                failures.append((written_user(pool_names(spec.pools), key), code))
    return SyncResult(
        plan=spec.name,
        sandbox=sandbox,
        cleared=cleared,
        kept=len(found.flagged) - cleared - len(failures),
        failures=tuple(failures),
        stopped=stop.reason,
        requests=metered.requests,
        duration_s=time.monotonic() - began,
    )


async def _clear(metered: MeteredTarget, workos_id: str, flag: str, clock: Clock, stop: Stop) -> str | None:
    """None where it is cleared, else a code; "" where the run was stopped. Done twice, it is done."""

    async def pause(seconds: float) -> None:
        metered.requests.retried += 1
        if not await wait_or_stop(clock, seconds, stop):
            raise _StoppedHere

    changes = UserChanges(metadata={flag: None})
    try:
        await patiently(lambda: metered.update(workos_id, changes), Tries(metered.rng), pause)
        return None
    except _StoppedHere:
        return ""
    except Refused as error:
        stop.request(error.code)
        return ""
    except CallFailed as error:
        # Gone, and the flag with it.
        return None if error.status == 404 and isinstance(error, Terminal) else error.code
