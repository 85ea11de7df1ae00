"""Carries out one kind after another in one run: each through the runner, none once the run is being stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from engine.model.call_errors import Refused
from engine.model.errors import MigrateError
from engine.model.ports import Progress, shown_to_nobody
from engine.model.store import Journal
from engine.quota.metered import MeteredTarget
from engine.run.runner import Performs, Runner, Tally, Work, WorkList
from engine.run.stopping import FailureGuard, Stop

_W = TypeVar("_W", bound=Work)


class Writing(Protocol):
    """Shows how writing goes, once it is known how much there is; a total of 0 is one that nobody knows."""

    def __call__(self, label: str, total: int) -> Progress: ...


@dataclass(frozen=True, slots=True)
class Execution:
    """One run: what carrying out the changes of any kind takes."""

    target: MeteredTarget
    state: Journal
    run_id: str
    stop: Stop

    async def carry_out(
        self,
        work: WorkList[_W],
        performer: Performs[_W],
        *,
        progress: Progress = shown_to_nobody,
        guard: FailureGuard | None = None,
    ) -> Tally:
        """One kind, unless the run is being stopped already."""
        runner = Runner(
            work=work,
            state=self.state,
            performer=performer,
            target=self.target,
            run_id=self.run_id,
            stop=self.stop,
            guard=guard or FailureGuard(None),
            progress=progress,
        )
        if self.stop:
            return runner.tally
        try:
            return await runner.run()
        except Refused as error:
            self.stop.request(error.code)
        except MigrateError as error:
            self.stop.request(error.code)
        return runner.tally
