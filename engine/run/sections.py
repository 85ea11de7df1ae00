"""What a result says of the resources that are not users: from the kinds in memory to its sections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.model.call_errors import CallFailed
from engine.model.keys import split_user_key
from engine.model.outcomes import NotDone
from engine.oauth.results import ConnectionItem, SignIn
from engine.resources.connections.directions import read_directions
from engine.resources.kind import ResourceChange
from engine.run.environment import WorkOSPorts
from engine.run.kinds import KindsInMemory
from engine.run.sign_in import SignInPlan
from engine.run.work_in_memory import WorkInMemory

# What was only recorded is no change that anybody could see.
_SHOWN: Mapping[str, str] = {"adopt": "unchanged", "conflict": "conflicts"}
# What needed no call; the rest was not reached.
_UNCALLED: Mapping[str, str] = {"unchanged": "unchanged", "conflict": "conflicts"}


def planned_sections(plan: SignInPlan, kinds: KindsInMemory) -> SignIn:
    """As `plan` shows them."""
    return SignIn(
        providers=plan.uses,
        problems=plan.problems,
        connections=[_item(plan, one, one.action, one.workos_id) for one in kinds.connections.changes],
        organizations=_actions(kinds.organizations),
        redirect_uris=_actions(kinds.redirect_uris),
        roles=_actions(kinds.roles),
    )


async def applied_sections(plan: SignInPlan, kinds: KindsInMemory, workos: WorkOSPorts) -> SignIn:
    """As `apply` shows them, with what the identity providers' administrators have to enter."""
    items = []
    for one in kinds.connections.changes:
        done, counts_as = kinds.connections.outcomes.get(one.key, (None, _UNCALLED.get(one.action, "pending")))
        if counts_as == "pending":
            items.append(_item(plan, one, counts_as, one.workos_id))
            continue
        if isinstance(done, NotDone):
            items.append(_item(plan, one, "failed", one.workos_id, code=done.code))
            continue
        connection_id = done.workos_id if done is not None else one.workos_id
        tell = await _directions(workos, connection_id or "")
        items.append(_item(plan, one, counts_as, connection_id, tell=tell))
    return SignIn(
        True, plan.uses, (), items, _outcomes(kinds.organizations), _outcomes(kinds.redirect_uris),
        _outcomes(kinds.roles), waiting=sum(one.waiting for one in kinds),
    )  # fmt: skip


def _actions(work: WorkInMemory) -> Counter[str]:
    return Counter(_SHOWN.get(one.action, one.action) for one in work.changes)


def _outcomes(work: WorkInMemory) -> Counter[str]:
    counts = Counter[str]()
    for one in work.changes:
        ended = work.outcomes.get(one.key)
        counts[ended[1] if ended is not None else _UNCALLED.get(one.action, "pending")] += 1
    return counts


def _item(
    plan: SignInPlan,
    change: ResourceChange,
    action: str,
    connection_id: str | None,
    *,
    code: str | None = None,
    tell: Mapping[str, str] | None = None,
) -> ConnectionItem:
    key = split_user_key(change.key)
    organization = next(one.organization.organization for one in plan.designs if (one.pool, one.provider) == key)
    return ConnectionItem(plan.label(*key), organization, action, connection_id, tell or {}, code)


async def _directions(workos: WorkOSPorts, connection_id: str) -> dict[str, str]:
    """What to tell the identity provider's administrator; empty where WorkOS does not say."""
    try:
        uris = await workos.redirect_uris.all()
        if not uris:
            return {}
        return read_directions(await workos.sign_in.find(uris[0].uri, connection_id=connection_id))
    except CallFailed:
        return {}
