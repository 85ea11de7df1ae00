"""Plays a case step by step, and holds each write and each run against the invariants."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from pathlib import Path

from engine.model.users import TargetUser
from engine.run.results import ApplyResult
from tests.model.expectation import Person, Record, persons
from tests.model.steps import CaseOfSteps, Step
from tests.model.workos import Broken
from tests.model.world import ModelWorld
from tests.support.instant_loop import run_instantly

_MAILBOXES = {
    "ann@x.co": "ann", "ann@y.co": "ann", "bob@x.co": "bob", "bob@y.co": "bob", "kim@x.co": "kim",
    "eve@x.co": "eve", "eve@y.co": "eve",
}  # fmt: skip
_PEOPLE = ("ann", "bob", "kim", "eve")
# Mailboxes of eve's: they look like kim's, and a server that normalises them makes them kim's.
_LOOK_ALIKES = ("\u212aim@x.co", "\ufeffkim@x.co", "\uff4bim@x.co", "k\u0131m@x.co")
_PROVIDERS = (None, None, None, None, "Google", "Okta", "TrustedOkta", "link:Google", "link:Okta")
_ALL = frozenset({"email", "email_verified", "first_name", "metadata"})
_SETTLING = 4
# Each commit of a state waits for the disk: where there is a file system in memory, it need not.
_IN_MEMORY = Path("/dev/shm")


def play(case: CaseOfSteps) -> None:
    """The whole case, in a folder of its own. Raises Broken, or whatever the engine raises and should not."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
        run_instantly(Play(case, Path(folder)).play())


class Play:
    """One case being played."""

    def __init__(self, case: CaseOfSteps, folder: Path) -> None:
        self.case = case
        self.world = ModelWorld(folder, "adopt" if case.honest or case.seed % 4 else "update")
        self.target = self.world.target
        self.target.judge = self._judge
        self.mailboxes = dict(_MAILBOXES)
        self.count = 0
        # What only somebody who saw everything knows:
        self.ids: set[str] = set()  # every WorkOS id that ever was
        self.made: set[str] = set()  # users that this plan made, as long as its state can know it
        self.changed: dict[str, set[str]] = defaultdict(set)  # fields changed in WorkOS since they were written
        self.buried: set[str] = set()  # first subs whose user was erased in WorkOS, as long as the state can know it
        self.doubts: dict[str, str] = {}  # creations that may not outlive their run, and why

    async def play(self) -> None:
        for step in self.case.steps:
            await getattr(self, f"_{step.kind}")(step)
        await self._settle()

    # Cognito

    async def _sign_up(self, step: Step) -> None:
        sub = f"r{len(self.world.pool) + self._next()}"
        person = sub if self.case.honest else _PEOPLE[step.who % len(_PEOPLE)]
        provider = None if self.case.honest else _PROVIDERS[step.what % len(_PROVIDERS)]
        linked = None
        if provider is not None and provider.startswith("link:"):
            provider, linked = None, provider.removeprefix("link:")
        one = Record(sub, person, "", False, age=step.who % 7, provider=provider, linked=linked)
        self.world.pool[sub] = one
        self._address(one, step)
        one.given = f"{sub}.{self._next()}" if step.who % 3 else None
        one.plan = f"{sub}.{self._next()}" if step.what % 3 else None

    async def _move(self, step: Step) -> None:
        if one := self._record(step):
            self._address(one, step)

    async def _verify(self, step: Step) -> None:
        if one := self._record(step):
            one.flag = self._may_verify(one) or one.flag

    async def _unverify(self, step: Step) -> None:
        if one := self._record(step):
            one.flag = False

    async def _disable(self, step: Step) -> None:
        if one := self._record(step):
            one.enabled = False

    async def _enable(self, step: Step) -> None:
        away = [one for one in self.world.pool.values() if not one.enabled]
        if away:
            away[step.who % len(away)].enabled = True

    async def _delete(self, step: Step) -> None:
        if one := self._record(step):
            del self.world.pool[one.sub]

    async def _edit(self, step: Step) -> None:
        if one := self._record(step):
            value = f"{one.sub}.{self._next()}" if step.what % 4 else None
            if step.what % 2:
                one.given = value
            else:
                one.plan = value

    # WorkOS

    async def _open_account(self, step: Step) -> None:
        """Somebody signs up there by themselves; whose address it is not, they cannot verify it."""
        person = _PEOPLE[step.who % len(_PEOPLE)]
        address = list(_MAILBOXES)[step.what % len(_MAILBOXES)]
        if all(user.email != address for user in self.target.users.values()):
            user = self.target.add(address, email_verified=self.mailboxes[address] == person, signed_in=True)
            self.target.stakes[user.id].users.add(person)

    async def _use(self, step: Step) -> None:
        """The mailbox's owner signs in, which verifies the address, and locks out whoever else had a password."""
        if user := self._user(step):
            self._touch(user, {"email_verified"}, email_verified=True, signed_in=bool(step.what % 3))
            self.target.stakes[user.id].users = {self.mailboxes[user.email]}

    async def _reset(self, step: Step) -> None:
        if user := self._user(step):
            self.target.resets.append(user.id)
            self.target.stakes[user.id].users = {self.mailboxes[user.email]}

    async def _link_identity(self, step: Step) -> None:
        if user := self._user(step):
            self.target.identities[user.id] = 1
            self.target.stakes[user.id].users = {self.mailboxes[user.email]}

    async def _give_password(self, step: Step) -> None:
        """An application lets the record's person in without asking whose address it is."""
        if (user := self._user(step)) and (record := self.world.pool.get(user.external_id or "")):
            self._touch(user, set(), signed_in=True)
            self.target.stakes[user.id].users.add(record.person)

    async def _change_address(self, step: Step) -> None:
        """Somebody who uses an account gives it another address; one that is not theirs stays unverified."""
        user = self._user(step)
        users = sorted(self.target.stakes[user.id].users) if user else []
        address = list(self.mailboxes)[step.what % len(self.mailboxes)]
        if user and users and all(one.email != address for one in self.target.users.values()):
            verified = [self.mailboxes[address]] == users
            self._touch(user, {"email", "email_verified"}, email=address, email_verified=verified)

    async def _rename(self, step: Step) -> None:
        if user := self._user(step):
            self._touch(user, {"first_name"}, first_name="Renamed")

    async def _erase(self, step: Step) -> None:
        if user := self._user(step):
            del self.target.users[user.id]
            self.buried |= {sub for sub, row in self.world.rows().items() if row[:2] == (user.id, "primary")}

    # Runs

    async def _run(self, step: Step) -> None:
        del step
        foreseen = await self.world.foresee()
        people = persons(self.world.pool.values())
        refused = {one.source_id for one in foreseen.failures}
        open_ones = sum(not one.verified and one.first.sub not in refused for one in people)
        counted = foreseen.reported.unverified_address
        self._hold(counted == open_ones, f"plan counts {counted} under an unverified address, not {open_ones}")
        await self._clean_run()

    async def _storm(self, step: Step) -> None:
        self._check(await self.world.run(storm=random.Random(step.what)))
        await self._excused()

    async def _kill(self, step: Step) -> None:
        storm = random.Random(step.what) if step.what % 2 else None
        self._check(await self.world.run(storm=storm, kill_at=1 + step.who % 25))
        await self._excused()

    async def _excused(self) -> None:
        """Who moves between a creation that was cut off and the next run is a conflict (rule 6)."""
        if self.case.honest:
            await self._clean_run()

    async def _copy_state(self, step: Step) -> None:
        del step
        self.world.copy_state()

    async def _restore_state(self, step: Step) -> None:
        del step
        if self.world.restore_state():
            self._forgotten()
            for user_id in self.target.users:
                self.changed[user_id] |= _ALL

    async def _lose_state(self, step: Step) -> None:
        del step
        self.world.lose_state()
        self._forgotten()

    def _forgotten(self) -> None:
        self.made.clear()
        self.buried.clear()

    # What a write may do

    def _judge(self, before: TargetUser | None, after: TargetUser, fields: frozenset[str]) -> None:
        self.ids.add(after.id)
        stakes = self.target.stakes[after.id]
        person = self._person_of(after.external_id)
        owner = self.mailboxes[after.email]
        moved = before is not None and before.email != after.email
        staked = stakes.users | stakes.proved
        if moved:
            self._hold(staked <= {owner}, f"{after.id} of {sorted(staked)} was handed to {owner} with its address")
        if before is not None and before.external_id != after.external_id:
            linked = self.world.pool[after.external_id or ""].person
            self._hold(staked <= {linked}, f"{after.id} of {sorted(staked)} was linked to a record of {linked}")
        raised = after.email_verified and (before is None or moved or not before.email_verified)
        if raised:
            proven = person is not None and person.verified and person.address == after.email
            unproven = f"{after.email} of {after.id} became verified, and no record of theirs has verified it"
            if before is None and not proven:
                # Once the answer shows whose address stands there, the engine deletes its creation again.
                self.doubts[after.id] = unproven
                return
            self._hold(proven, unproven)
            self._hold(stakes.users <= {owner}, f"{after.email} became verified for {sorted(stakes.users)}")
        self._hold(person is not None, f"{after.id} was written, and its external ID is nobody's in the pool")
        assert person is not None
        if raised:
            stakes.proved.add(person.first.person)
        elif not after.email_verified and "email_verified" in fields:
            # Cognito has taken it back: the address may not be theirs after all.
            stakes.proved.clear()
        if before is None:
            self.made.add(after.id)
            self._hold(after.external_id not in self.buried, f"{after.external_id} was erased, and made again")
        givers = {one.sub for one in person.givers()}
        written = {after.first_name} if "first_name" in fields else set()
        written |= {after.metadata.get("plan")} if "metadata" in fields else set()
        for value in written - {None}:
            self._hold(str(value).split(".")[0] in givers, f"{after.id} was given {value}, of none of {sorted(givers)}")
        self.changed[after.id] -= fields

    # What a run may say

    async def _clean_run(self) -> ApplyResult:
        result = await self.world.run()
        self._check(result)
        assert result is not None
        self._hold(result.users["failed"] == 0 and result.stopped is None, f"failed in good weather: {result.users}")
        if self.case.honest:
            self._hold(result.converged, f"nothing was in the way: {result.users} {result.failures}")
        return result

    def _check(self, result: ApplyResult | None) -> None:
        if self.target.broken is not None:
            raise self.target.broken
        for user_id, why in self.doubts.items():
            self._hold(user_id not in self.target.users, why)
        rows = self.world.rows()
        held = {row[0] for row in rows.values() if row[0] is not None}
        self._hold(held <= self.ids | self.target.users.keys(), f"the state holds ids that never were: {held}")
        people = persons(self.world.pool.values())
        firsts = [rows[one.first.sub] for one in people if one.first.sub in rows]
        own = [row[0] for row in firsts if row[0] is not None and row[1:] == ("primary", "done")]
        self._hold(len(own) == len(set(own)), f"two people, one WorkOS user: {rows}")
        if result is None:
            return
        selected = sum(len(one.records) for one in people)
        self._hold(result.source.selected == selected, f"selected {result.source}, not {selected}")
        self._hold(sum(result.users.values()) == selected, f"somebody is lost: {result.users}")
        self._hold(result.users["pending"] == 0, f"pending, though nothing stopped it: {result.users}")
        listed = {one.source_id for one in result.failures}
        wrong = result.users["conflicts"] + result.users["failed"]
        self._hold(len(listed) == wrong == result.failures_total, f"{wrong} wrong, listed {listed}")
        self._hold((result.exit_code == 0) == (wrong == 0), f"exit {result.exit_code} with {result.users}")
        for one in people:
            if one.first.sub not in listed:
                self._in_place(one, rows)

    def _in_place(self, person: Person, rows: dict[str, tuple[str | None, str, str]]) -> None:
        """Whoever is not named as a failure is in WorkOS as Cognito has them, but for what was changed there since."""
        sub = person.first.sub
        user_id, relation, status = rows.get(sub, (None, "", ""))
        self._hold(user_id is not None and (relation, status) == ("primary", "done"), f"{sub} is not in place: {rows}")
        user = self.target.users.get(user_id or "")
        if user is None:
            self._hold(sub in self.buried or not self.made, f"{sub} points to {user_id}, who is not there")
            return
        changed = self.changed[user.id]
        self._hold(user.external_id == sub, f"{sub} points to {user}")
        self._hold("email" in changed or user.email == person.address, f"{sub}: {user}, wanted {person.address}")
        for other, wanted in person.relations.items():
            known = rows.get(other, (None, "", ""))
            self._hold(known[:2] == (user_id, wanted), f"{other} is {wanted} of {sub}, the state says {known}")
        if user.id in self.made:
            if "email_verified" not in changed:
                self._hold(user.email_verified == person.verified, f"{sub}: {user}, wanted {person.verified}")
            given, plan = person.value("given"), person.value("plan")
            if "first_name" not in changed:
                self._hold(given is None or user.first_name == given, f"{sub}: {user}, wanted {given}")
            if "metadata" not in changed:
                self._hold(user.metadata.get("plan") == plan, f"{sub}: {user}, wanted {plan}")

    async def _settle(self) -> None:
        """Runs in good weather come to rest: the next one writes nothing."""
        for _ in range(_SETTLING):
            result = await self._clean_run()
            if result.converged:
                break
        before = dict(self.target.users)
        again = await self._clean_run()
        self._hold(self.target.users == before, "one more run, and WorkOS is not as it was")
        self._hold(again.converged == result.converged, f"one more run, and it says {again.users}")
        if result.converged:
            self._hold(again.requests.writes == 0, f"one more run, and it wrote: {again.requests}")

    # Who and what

    def _address(self, one: Record, step: Step) -> None:
        """Mostly an address of theirs, verified or not; else somebody's, or one that only looks like it."""
        n = self._next()
        if self.case.honest:
            one.address, one.flag = f"{one.sub}-{n}@x.co", True
            self.mailboxes[one.address] = one.person
            return
        own = [address for address, person in _MAILBOXES.items() if person == one.person]
        kind = step.what // 7 % 10
        if kind < 5:
            one.address = own[step.what % len(own)]
        elif kind < 9 or one.person != "eve":
            one.address = list(_MAILBOXES)[step.what % len(_MAILBOXES)]
        else:
            one.address = _LOOK_ALIKES[step.what % len(_LOOK_ALIKES)]
        one.flag = self._may_verify(one) and step.who // 3 % 4 > 0
        if step.who // 5 % 4 == 0 and one.address in _MAILBOXES:
            one.address = f" {one.address.upper()} "

    def _may_verify(self, one: Record) -> bool:
        """Whether Cognito could come to say so: by a code to the mailbox, or by the word of a provider of theirs."""
        owner = "eve" if one.address in _LOOK_ALIKES else self.mailboxes[one.written]
        return owner == one.person or "Okta" in (one.provider, one.linked)

    def _record(self, step: Step) -> Record | None:
        there = list(self.world.pool.values())
        return there[step.who % len(there)] if there else None

    def _user(self, step: Step) -> TargetUser | None:
        there = list(self.target.users.values())
        return there[step.who % len(there)] if there else None

    def _touch(self, user: TargetUser, names: set[str], **fields: object) -> None:
        self.target.touch(user, **fields)
        if all(row[0] != user.id for row in self.world.rows().values()):
            # Of a user whom no run has recorded nobody can say which names were given there: they are left (rule 8).
            names = names | {"first_name"}
        self.changed[user.id] |= names

    def _person_of(self, external_id: str | None) -> Person | None:
        return next((one for one in persons(self.world.pool.values()) if external_id in one.relations), None)

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _hold(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Broken(otherwise)
