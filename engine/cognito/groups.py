"""The groups of a live user pool with their Precedence: ListGroups. Who is in them is `listing`'s."""

from __future__ import annotations

from engine.cognito.settings import PoolSettings
from engine.model.exchanges import Trace, untraced
from engine.model.groups import Group
from engine.plan_file.model import CognitoSource

_ACTION = "cognito-idp:ListGroups"


def read_groups(source: CognitoSource, *, trace: Trace = untraced) -> list[Group]:
    """Every group of the pool, by name; blocking. Raises SourceError."""
    with PoolSettings(source, _ACTION, trace=trace) as settings:
        found = settings.listed(_ACTION, settings.client.list_groups, under="Groups", limit="Limit")
    groups = {one["GroupName"]: Group(one["GroupName"], one.get("Precedence")) for one in found if one.get("GroupName")}
    return [groups[name] for name in sorted(groups)]
