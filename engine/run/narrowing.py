"""Narrows a computed plan to the people of a canary run, with what they need; everybody else waits."""

from __future__ import annotations

from engine.model.keys import connection_key
from engine.run.canary import Canary
from engine.run.kinds import KindsInMemory
from engine.run.members import MembersPlan
from engine.run.preparation import Prepared
from engine.run.sign_in import SignInPlan
from engine.snapshot.canary import choose, hold_back, needs


def narrow(
    prepared: Prepared, canary: Canary, sign_in: SignInPlan, kinds: KindsInMemory, members: MembersPlan | None
) -> int:
    """Let all wait but whom the canary asks for, and say how many those are; blocking.

    Redirect URIs stay: whoever signs in comes back to one.
    """
    chosen = choose(prepared.connection, prepared.targets if canary.targets else None, canary.limit)
    held = hold_back(prepared.connection)
    if members is not None:
        members.planned.hold_back(held)
    needed = needs(prepared.connection, placed=members is not None)
    kinds.connections.hold_back(needed.connections)
    theirs = {
        one.organization.organization
        for one in sign_in.designs
        if connection_key(one.pool, one.provider) in needed.connections
    }
    kinds.organizations.hold_back(needed.organizations | theirs)
    kinds.roles.hold_back(needed.roles)
    return chosen
