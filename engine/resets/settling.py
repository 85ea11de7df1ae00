"""Settles open intents: reads WorkOS's events, or the file that was being written, and waits where it must."""

from __future__ import annotations

import math

from engine.model.call_errors import CallFailed, Refused
from engine.model.ports import Clock
from engine.model.resets import CREATED, Ledger, ResetTarget
from engine.quota.metered import MeteredTarget
from engine.resets.history import read_history
from engine.resets.outbox import Outbox
from engine.resets.settlement import CERTAIN_AFTER, KEPT, SKEW, settle
from engine.resets.waiting import wait_or_stop
from engine.run.stopping import Stop


class Settler:
    """Brings every open intent to its end, as far as anybody can know it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        target: ResetTarget,
        metered: MeteredTarget,
        clock: Clock,
        stop: Stop,
        outbox: Outbox | None,
    ) -> None:
        self._ledger = ledger
        self._target = target
        self._metered = metered
        self._clock = clock
        self._stop = stop
        self._outbox = outbox

    async def settle(self) -> list[str]:
        """WorkOS ids of those who turned out not to have been mailed. Returns early when the run is stopped.

        Raises Refused for a key that opens nothing.
        """
        if self._outbox is not None:
            return self._settle_by_file(self._outbox)
        withdrawn: list[str] = []
        while intents := self._ledger.open_intents():
            now = self._clock.now()
            newest, reach = await self._newest(max(min(one.at for one in intents) - SKEW, now - KEPT), now)
            sent: list[tuple[str, float]] = []
            back: list[str] = []
            unknown: list[str] = []
            until = now
            for one in intents:
                event_at = newest.get(one.workos_id)
                match settle(one.at, event_at, now, readable=one.at - SKEW >= reach):
                    case "sent":
                        sent.append((one.workos_id, event_at or one.at))
                    case "not_sent":
                        back.append(one.workos_id)
                    case "unknown":
                        unknown.append(one.workos_id)
                    case "wait":
                        until = max(until, one.at + CERTAIN_AFTER)
            self._ledger.record(sent=sent, withdrawn=back, unknown=unknown)
            withdrawn += back
            if until <= now or not await wait_or_stop(self._clock, until - now, self._stop):
                break
        return withdrawn

    def _settle_by_file(self, outbox: Outbox) -> list[str]:
        # WorkOS sends nothing in such an environment: only who stands in the file will be mailed.
        written = outbox.recover()
        intents = self._ledger.open_intents()
        sent = [(one.workos_id, one.at) for one in intents if one.workos_id in written]
        back = [one.workos_id for one in intents if one.workos_id not in written]
        self._ledger.record(sent=sent, withdrawn=back)
        return back

    async def _newest(self, since: float, now: float) -> tuple[dict[str, float], float]:
        """The newest event of each user, and since when none is missing."""
        try:
            history = await read_history(self._target, self._metered, (CREATED,), since=since, now=now)
        except Refused as error:
            if error.status == 401:
                raise
            return {}, math.inf
        except CallFailed:
            return {}, math.inf
        return {one.user_id: one.at for one in history.events}, history.since
