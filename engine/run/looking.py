"""What `ready` and `report` see beside a computed plan, while its snapshot is there: WorkOS, the pool, the state."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.model.call_errors import CallFailed, Refused, Terminal
from engine.model.webhooks import WebhookEndpoint
from engine.oauth.checks import Check, count_bound
from engine.run.kinds import KindsInMemory
from engine.run.preparation import Prepared
from engine.run.reading import Watch
from engine.run.report_data import Proof, ProviderProof
from engine.run.session import Session
from engine.run.sign_in import SignInPlan, SignInStage
from engine.run.target_errors import as_target_error
from engine.snapshot import report_figures as figures
from engine.snapshot.departures import leavers
from engine.snapshot.passwordless import count_native, native_users

EXAMPLES = 20
# One call to Cognito a user, 100 a second: more than that is a command of its own.
FACTORS_ASKED = 2_000
# One call to WorkOS a user. More than that have left only where something is wrong with the source.
_LEAVERS_ASKED = 1_000
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Leavers:
    """Users whom the plan no longer selects: `active` of the `asked` are still in WorkOS, `left` there are in all."""

    left: int = 0
    asked: int = 0
    active: int = 0


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """`setting` is what the pool allows: off, on, or unknown. People are None where they were not asked for.

    `asking` are the calls that it takes to count them; `texts` are those who had codes by SMS.
    """

    setting: str = "unknown"
    asking: int = 0
    people: int | None = None
    texts: int = 0


@dataclass(slots=True)
class Looked:
    """What was seen before the snapshot went. None: it could not be read, or there is nothing to be read."""

    conflicts: list[tuple[str, int]] = field(default_factory=list)
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    duties: Counter[frozenset[str]] = field(default_factory=Counter)
    people: int = 0
    waiting_migrated: int = 0
    checks: list[Check] | None = None
    leavers: Leavers = field(default_factory=Leavers)
    factors: SecondFactors = field(default_factory=SecondFactors)
    bound: int | None = None  # people whom a domain policy can send to SSO; None where there is no connection
    redirect_uris: frozenset[str] | None = None
    webhooks: list[WebhookEndpoint] | None = None


async def look_around(
    session: Session, looked: Looked, watch: Watch, prepared: Prepared, stage: SignInStage, plan: SignInPlan,
    kinds: KindsInMemory,
) -> None:  # fmt: skip
    """Fill `looked`. Changes nothing. Raises MigrateError."""
    facts = session.sign_in_facts(plan, kinds)
    # A stand-in has no providers of anybody's, so nothing could be proven on it.
    if session.spec.providers is not None and not session.sandbox:
        with as_target_error(session.spec.destination):
            looked.checks = await stage.check(plan, facts, session.probe)
    if plan.connections:
        looked.bound = count_bound(facts.organizations.values(), plan.addresses)
    with as_target_error(session.spec.destination):
        looked.redirect_uris = await _redirect_uris(session)
        looked.webhooks = await _webhooks(session)
        looked.leavers = await _leavers(session, prepared)
    looked.factors, holders = await asyncio.to_thread(_factors, session, prepared, watch)
    await asyncio.to_thread(_count, prepared, looked, unproven(plan, looked.checks), holders)


def unproven(plan: SignInPlan, checks: Sequence[Check] | None) -> frozenset[str]:
    """Providers that nobody has proven to work in WorkOS; a plan without the section proves none."""
    found = {one.name for one in plan.uses if one.handling != "password_reset"}
    return frozenset(one for one in found if ProviderProof(one, None, "", 0, 0, proofs(one, checks)).verdict != "pass")


def proofs(name: str, checks: Sequence[Check] | None) -> list[Proof]:
    """What was found of one provider."""
    return [Proof(one.check, one.verdict, one.message, one.remedy) for one in checks or () if one.provider == name]


async def _redirect_uris(session: Session) -> frozenset[str] | None:
    try:
        return frozenset(one.uri for one in await session.workos.redirect_uris.all())
    except CallFailed as error:
        _raise_unless_unreadable(error)
        return None


async def _webhooks(session: Session) -> list[WebhookEndpoint] | None:
    try:
        return await session.workos.webhooks.all()
    except CallFailed as error:
        _raise_unless_unreadable(error)
        return None


def _raise_unless_unreadable(error: CallFailed) -> None:
    # A key with fewer rights reads less, and somebody has to look by hand. Anything else ends the command.
    if not (isinstance(error, Refused) and error.status == 403) and not isinstance(error, Terminal):
        raise error


async def _leavers(session: Session, prepared: Prepared) -> Leavers:
    first, left = await asyncio.to_thread(leavers, prepared.connection, _LEAVERS_ASKED)
    active = 0
    for at in range(0, len(first), _AT_ONCE):
        held = await asyncio.gather(*(session.target.get(one) for one in first[at : at + _AT_ONCE]))
        active += sum(one is not None for one in held)
    return Leavers(left, len(first), active)


def _factors(session: Session, prepared: Prepared, watch: Watch) -> tuple[SecondFactors, frozenset[str]]:
    """Who has to enrol a second factor again, and the keys of their records. Blocking; raises SourceError."""
    settings = [profile.mfa for one in session.source.pools if (profile := one.source.profile()) is not None]
    if len(settings) == len(session.source.pools) and set(settings) == {"OFF"}:
        return SecondFactors("off", people=0), frozenset()
    setting = "on" if {"ON", "OPTIONAL"}.intersection(settings) else "unknown"
    reader = session.source.factors()
    if reader is None:
        return SecondFactors(setting), frozenset()
    asking = count_native(prepared.connection)
    if session.spec.mfa != "report" or asking > FACTORS_ASKED:
        return SecondFactors(setting, asking), frozenset()

    def users() -> list[tuple[str, str]]:
        watch.check("asking for second factors")
        return [(key, username) for key, username, _ in native_users(prepared.connection)]

    kinds = {key: {"SOFTWARE_TOKEN_MFA", "SMS_MFA"}.intersection(found) for key, found in reader.read(users())}
    holders = frozenset(key for key, found in kinds.items() if found)
    people = figures.persons_of(prepared.connection, holders)
    texts = figures.persons_of(prepared.connection, {key for key, found in kinds.items() if "SMS_MFA" in found})
    return SecondFactors(setting, asking, len(people), len(texts)), holders


def _count(prepared: Prepared, looked: Looked, unproven: frozenset[str], holders: frozenset[str]) -> None:
    connection = prepared.connection
    looked.conflicts = figures.conflicts_by_code(connection)
    looked.examples = {code: figures.conflict_examples(connection, code, EXAMPLES) for code, _ in looked.conflicts}
    looked.duties = figures.count_duties(connection, unproven, holders)
    looked.people = figures.count_people(connection)
    looked.waiting_migrated = figures.count_waiting_migrated(connection)
