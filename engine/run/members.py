"""The memberships' part of a plan or apply: whether there is one, what it counts, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model.errors import StateError
from engine.model.keys import split_membership_key, sub_of
from engine.model.store import Store
from engine.run.execution import Execution, Writing
from engine.run.kinds import KindsInMemory
from engine.run.memberships import Memberships, PlannedMemberships
from engine.run.preparation import Prepared
from engine.run.results import Failure
from engine.run.session import Session
from engine.run.target_errors import as_target_error
from engine.snapshot.known import refresh_known
from engine.snapshot.membership_table import MembershipTable, knows_memberships
from engine.snapshot.placements import make_membership_tables

_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Members:
    """What the result says of memberships."""

    counts: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    writes: int = 0
    digest: str = ""
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class MembersPlan:
    """Memberships that are decided on."""

    memberships: Memberships
    planned: PlannedMemberships

    def foreseen(self) -> Members:
        """As `plan` shows them."""
        planned = self.planned
        return Members(planned.shown(), self._conflicts(), planned.writes, planned.digest)

    async def carry_out(
        self, session: Session, run: Execution, prepared: Prepared, state: Store, *, writing: Writing
    ) -> Members:
        """Carry them out, once the users have been; their failures are in what is given back."""
        try:
            # Whom this run has made is a member by the id that it has learnt.
            refresh_known(prepared.connection, state.rows(run_id=run.run_id), state.orphaned())
        except StateError as error:
            run.stop.request(error.code)
        performer = self.memberships.performer()
        tally = await run.carry_out(
            self.memberships.table, performer, progress=writing("writing memberships", self.planned.due)
        )
        if performer.narrowed:
            session.notes.append(
                f"{performer.narrowed:,} members have several roles in Cognito, and this environment allows one: they "
                "got that of the group with the lowest Precedence number"
            )
        failures = tuple(_failure(one.key, one.code or "failed") for one in tally.failures)
        waiting = self.planned.actions["wait"]
        return Members(self.planned.done(tally.counts), (*self._conflicts(), *failures), waiting=waiting)

    def _conflicts(self) -> tuple[Failure, ...]:
        return tuple(_failure(key, code) for key, code in self.memberships.table.conflicts(_LISTED))


async def plan_members(session: Session, prepared: Prepared, kinds: KindsInMemory) -> MembersPlan | None:
    """None where the plan asks for no memberships and the state knows none. Raises MigrateError."""
    if prepared.placing is None:
        if not knows_memberships(prepared.connection):
            return None
        make_membership_tables(prepared.connection)
    memberships = Memberships(session.spec, session.workos, kinds, MembershipTable(prepared.connection))
    with as_target_error(session.spec.destination):
        return MembersPlan(memberships, await memberships.plan())


def _failure(key: str, code: str) -> Failure:
    user, organization = split_membership_key(key)
    return Failure(sub_of(user), code, organization=organization)
