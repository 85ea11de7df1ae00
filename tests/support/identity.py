"""A folder with a plan file, a pool in memory and a fake WorkOS, driven through `engine.apply` as the commands do.

Everything between reading and the state is the engine's own: preparation, runner, reconciliation. WorkOS and the state
are read back as lines of text, so that a table of cases can be written out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from engine.model.resets import ResetTarget
from engine.model.store import StatePlace
from engine.model.users import SourceUser, TargetUser
from engine.plan_file.loader import load
from engine.plan_file.model import Destination, Spec
from engine.probe.provider_probe import HttpsProbe
from engine.run.canary import Canary
from engine.run.explaining import run_explain
from engine.run.explanation import Explanation
from engine.run.identity import state_identity
from engine.run.migration import run_apply, run_plan
from engine.run.preparation import know
from engine.run.reading import Watch, read_people
from engine.run.results import ApplyResult, PlanResult
from engine.run.session import Session
from engine.run.sources import Sources
from engine.run.stopping import Stop
from engine.snapshot import database
from engine.snapshot.identifiers import Identifiers, identifiers
from engine.state.file import StateFile
from engine.state.place import FilePlace
from engine.workspace.folder import Workspace, database_files
from tests.support.fake_source import FakeSource
from tests.support.fake_target import FakeTarget
from tests.support.fake_workos import FakeWorkOS
from tests.support.instant_loop import run_instantly
from tests.support.metered import destination, metered
from tests.support.people import NEW_YEAR, cognito_user
from tests.support.state_rows import user_rows

KEY = b"k" * 32
PLAN = """\
version: 1
name: acme
source: {export: {files: [users.jsonl], user_pool_id: us-east-1_Export001}}
destination: {workos: {api_key: "${WORKOS_API_KEY}", client_id: client_1}}
"""
METADATA = "attributes: {metadata: {plan: 'custom:plan', tier: 'custom:tier'}}\n"
_OPEN = Watch(reading=lambda _: None, listing=lambda _: None, stopping=lambda: False)


def record(
    sub: str,
    email: str | None = "ann@x.co",
    flag: str = "verified",
    *,
    day: int = 0,
    via: str | None = None,
    **more: str | bool,
) -> SourceUser:
    """A Cognito record made `day` days after New Year; `via` names the identity provider of a federated one.

    `first`, `last`, `plan` and `tier` are its names and custom attributes.
    """
    names = {"first": "given_name", "last": "family_name", "plan": "custom__plan", "tier": "custom__tier"}
    attributes = {names.get(name, name): value for name, value in more.items()}
    if email is not None:
        attributes |= {"email": email, "email_verified": "true" if flag == "verified" else "false"}
    if via is not None:
        kind = via if via in ("Google", "SignInWithApple", "Facebook") else "OIDC"
        attributes = {"status": "EXTERNAL_PROVIDER", "provider": (via, kind), **attributes}  # type: ignore[dict-item]
    return cognito_user(sub, created=NEW_YEAR + timedelta(days=day), **attributes)  # type: ignore[arg-type]


class Pages(FakeSource):
    """A source whose pages are given, of any size, empty ones too."""

    def __init__(self, pages: Sequence[Sequence[SourceUser]]) -> None:
        super().__init__(users=[user for page in pages for user in page])
        self.given = pages
        self.warnings: tuple[str, ...] = ()

    def pages(self) -> Iterator[Sequence[SourceUser]]:
        yield from self.given


class IdentityWorld:
    """`apply` and `plan` over records; `workos`, `state` and `ids` say what came of it."""

    def __init__(self, folder: Path, sections: str = "", pools: Sequence[str] = ()) -> None:
        self.folder = folder
        self.pools = list(pools)
        self.target = FakeTarget()
        self.canary: Canary | None = None
        self.as_of = date(2026, 11, 25)
        self.place: StatePlace | None = None  # other than the state file
        self.plan_path = folder / "plan.yaml"
        self._loaded: tuple[str, Spec] | None = None
        self.write_plan(sections)

    def write_plan(self, sections: str) -> None:
        """The plan file with these sections beside the required ones."""
        mapped = any(line.startswith("attributes:") for line in sections.splitlines())
        rest = sections if mapped else sections + METADATA
        plan = PLAN
        if self.pools:
            each = (
                f"  - {{name: {one}, export: {{files: [{one}.jsonl], user_pool_id: us-east-1_{one}}}}}\n"
                for one in self.pools
            )
            plan = "".join(line for line in PLAN.splitlines(True) if not line.startswith("source:"))
            plan += "source:\n" + "".join(each)
        self.plan_path.write_text(plan + rest, encoding="utf-8")

    def add(self, line: str) -> TargetUser:
        """Somebody in WorkOS, as a line of `workos` without its number."""
        email, flag, external_id, *rest = line.split()
        fields = dict(one.split("=") for one in rest)
        names = {f"{name}_name": fields.pop(name) for name in ("first", "last") if name in fields}
        return self.target.add(
            email,
            email_verified=flag == "verified",
            external_id=None if external_id == "-" else external_id,
            metadata=fields,
            **names,
        )

    async def apply(self, *records: SourceUser, pages: Sequence[Sequence[SourceUser]] | None = None) -> ApplyResult:
        """One `apply` over these records."""
        return await self._apply(Pages(pages if pages is not None else _in_twos(records)))

    async def apply_pools(self, **records: Sequence[SourceUser]) -> ApplyResult:
        """One `apply` over these records by pool."""
        return await self._apply(*(Pages(_in_twos(records.get(one, ()))) for one in self.pools))

    async def plan_pools(self, **records: Sequence[SourceUser]) -> PlanResult:
        """One `plan` over them."""
        session = self._session(*(Pages(_in_twos(records.get(one, ()))) for one in self.pools), preview=True)
        try:
            return await run_plan(session, watch=_OPEN)
        finally:
            session.workspace.close()

    async def _apply(self, *sources: FakeSource) -> ApplyResult:
        session = self._session(*sources)
        try:
            return await run_apply(session, watch=_OPEN, writing=lambda *_: lambda _: None, stop=Stop())
        finally:
            session.workspace.close()

    async def plan(self, *records: SourceUser) -> PlanResult:
        """One `plan` over them."""
        session = self._session(Pages(_in_twos(records)), preview=True)
        try:
            return await run_plan(session, watch=_OPEN)
        finally:
            session.workspace.close()

    async def explain(self, who: str, *records: SourceUser) -> Explanation:
        """One `explain` over them."""
        session = self._session(Pages(_in_twos(records)), preview=True)
        try:
            return await run_explain(session, who, watch=_OPEN)
        finally:
            session.workspace.discard()

    def workos(self) -> list[str]:
        """Every user of WorkOS: `number address verified|unverified external-id name=value …`."""
        return [_user_line(user) for user in sorted(self.target.users.values(), key=lambda one: one.id)]

    def state(self) -> list[str]:
        """Every row: `sub number relation[ of primary] status[:code][ made][ left]`."""
        query = """SELECT sub, workos_id, relation, primary_sub, status, error_code, created_here, left_source
            FROM users ORDER BY sub"""
        return [_state_line(*row) for row in user_rows(self.spec().state_path, query)]

    def ids(self, *records: SourceUser) -> list[Identifiers]:
        """What `migrate ids` reads."""
        path = self.folder / "ids.db"
        with closing(database.create(path)) as connection:
            spec = self.spec()
            read_people(spec, Sources.of(spec, FakeSource(users=records)), connection, KEY, _OPEN)
            with StateFile.read(self.spec().state_path, None) or nullcontext() as state:
                know(connection, state)
            return list(identifiers(connection))

    def lose_state(self) -> None:
        """As if `.migrate` had never been."""
        for path in database_files(self.spec().state_path):
            path.unlink(missing_ok=True)

    def spec(self) -> Spec:
        """The plan file, loaded anew only when it has changed."""
        text = self.plan_path.read_text(encoding="utf-8")
        if self._loaded is None or self._loaded[0] != text:
            self._loaded = text, load(self.plan_path, sandbox=True).spec
        spec = self._loaded[1]
        # A world of one or two people may well come to have none.
        pools = tuple(replace(one, filters=replace(one.filters, allow_empty=True)) for one in spec.pools)
        return replace(spec, destination=destination(), filters=pools[0].filters, pools=pools)

    def _session(self, *each: FakeSource, preview: bool = False) -> Session:
        spec = self.spec()
        source = Sources.of(spec, *each)
        workspace = Workspace(spec.state_path, preview=preview)
        workspace.prepare()
        identity = state_identity(spec, sandbox=False)
        place = self.place or FilePlace(spec.state_path)
        state, key = place.read(identity), KEY
        if state is not None:
            with state:
                key = state.key
        target = metered(self.target)
        return Session(
            spec, False, workspace, place, identity, key, source, source.describe(), target, FakeWorkOS(),
            _nobody_mailed, HttpsProbe(()), canary=self.canary, as_of=self.as_of,
        )  # fmt: skip


def cases(number: int) -> settings:
    """So many of a property's, each of which takes its time."""
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def in_two_worlds(compare: Callable[[IdentityWorld, IdentityWorld], Coroutine[Any, Any, None]], plan: str = "") -> None:
    """Run a comparison of two worlds of one plan, both empty at first."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        run_instantly(compare(IdentityWorld(Path(one), plan), IdentityWorld(Path(two), plan)))


def _nobody_mailed(_: Destination) -> AbstractAsyncContextManager[ResetTarget]:
    raise AssertionError("these worlds mail nobody")


def _in_twos(records: Sequence[SourceUser]) -> list[Sequence[SourceUser]]:
    return [records[at : at + 2] for at in range(0, len(records), 2)]


def counted(result: ApplyResult) -> str:
    """The figures of a result that are not nought: `created 1, merged 1, left 1`."""
    known = result.reported
    reported = {"left": known.left_source, "orphaned": known.orphaned, "vanished": known.attribute_vanished}
    figures = {**result.users, **reported}
    assert sum(result.users.values()) == result.source.selected, result
    return ", ".join(f"{name} {number}" for name, number in figures.items() if number)


def _user_line(user: TargetUser) -> str:
    words = [user.id.removeprefix("user_").lstrip("0"), user.email, "verified" if user.email_verified else "unverified"]
    words.append(user.external_id or "-")
    names = {"first": user.first_name, "last": user.last_name, **dict(sorted(user.metadata.items()))}
    return " ".join(words + [f"{name}={value}" for name, value in names.items() if value is not None])


def _state_line(
    sub: str, number: str | None, relation: str, primary: str | None, status: str, code: str | None, *flags: int
) -> str:
    words = [sub, number.removeprefix("user_").lstrip("0") if number else "-", relation]
    words += ["of", primary] if primary else []
    words.append(f"{status}:{code}" if code else status)
    return " ".join(words + [name for name, on in zip(("made", "left"), flags, strict=True) if on])
