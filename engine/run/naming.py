"""Holds the attribute names of a plan against its pools: each one's schema, and what its users have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass

from engine.model.attribute_names import CAMEL_CASE_VERIFIED, OF_AN_IDENTITY, OF_THE_RECORD, STANDARD
from engine.model.diagnostics import Diagnostic
from engine.model.errors import InvalidPlanFile
from engine.model.pool_profile import PoolProfile
from engine.model.ports import Progress
from engine.plan_file.fault import shown
from engine.plan_file.model import Spec
from engine.plan_file.suggestions import closest
from engine.plan_file.written_attribute import NamedIn, WrittenAttribute
from engine.resources.users.coverage import attributes_had
from engine.run.sources import Sources

# Every pool's schema has the standard ones, whether or not it can be read.
_KNOWN = frozenset((*STANDARD, CAMEL_CASE_VERIFIED))
_RIGHT = "cognito-idp:DescribeUserPool"


@dataclass(frozen=True, slots=True)
class PoolNames:
    """What one pool says of attributes: its schema, None where that cannot be read, and what some user has."""

    pool: str
    schema: frozenset[str] | None
    filled: Collection[str]
    seen: int
    live: bool

    def verdict(self, name: str) -> str:
        """`filled`, `empty` (in the schema alone), `missing` (in neither) or `unknown` (nobody can tell)."""
        if name in self.filled or name == "sub":
            return "filled"
        if name in _KNOWN or (self.schema is not None and name in self.schema):
            return "empty"
        # For files there is no schema, and what users have decides; without users nobody can tell.
        decided = self.schema is not None or (self.seen and not self.live)
        return "missing" if decided else "unknown"


def schema_names(profile: PoolProfile | None) -> frozenset[str] | None:
    """The attributes of a pool's schema; None where it cannot be read."""
    return None if profile is None else frozenset(one.name for one in profile.schema)


def check_names(spec: Spec, pools: Sequence[PoolNames]) -> list[Diagnostic]:
    """Warnings of names that nobody fills; raises InvalidPlanFile for those that no pool can have.

    A name that the plan writes for several pools is an error where none of them has it. `pools` are all of the plan's,
    in its order.
    """
    faults: list[Diagnostic] = []
    warnings: list[Diagnostic] = []
    for one in spec.written_attributes:
        held = [pools[at] for at in one.pools]
        if one.optional or not held:
            continue
        verdicts = {pool.pool: pool.verdict(one.name) for pool in held}
        if set(verdicts.values()) == {"missing"}:
            faults.append(_unknown(spec, one, held))
            continue
        # A pool without users fills nothing: that is no fault of the plan.
        lacking = [pool for pool in held if pool.seen and verdicts[pool.pool] != "filled"]
        if lacking:
            unread = any(verdicts[pool.pool] == "unknown" for pool in lacking)
            warnings.append(_unfilled(spec, one, lacking, several=len(pools) > 1, unread=unread))
    if faults:
        raise InvalidPlanFile(list(dict.fromkeys(faults)))
    return list(dict.fromkeys(warnings))


def check_names_in_pools(spec: Spec, sources: Sources, progress: Progress) -> list[Diagnostic]:
    """The same for a plan by itself, where nothing else is read. Blocking; raises SourceError.

    Users are read until every name is found with one, so all of them where a name is wrong.
    """
    described, profiles = sources.describe_each(), sources.profiles()
    wanted = {
        pool.key: {one.name for one in spec.written_attributes if at in one.pools and not one.optional} - {"sub"}
        for at, pool in enumerate(spec.pools)
    }
    filled: dict[str, set[str]] = {key: set() for key in wanted}
    seen = dict.fromkeys(wanted, 0)
    with closing(sources.pages()) as pages:
        for one, page in pages if any(wanted.values()) else ():
            key = one.pool.key
            seen[key] += len(page)
            for user in page:
                filled[key].update(attributes_had(user))
            progress(sum(seen.values()))
            if all(names <= filled[key] for key, names in wanted.items()):
                break
    return check_names(
        spec,
        [
            PoolNames(
                one.name, schema_names(profiles[one.key]), filled[one.key], seen[one.key], described[one.key].live
            )
            for one in spec.pools
        ],
    )


def _unfilled(
    spec: Spec, one: WrittenAttribute, lacking: Sequence[PoolNames], *, several: bool, unread: bool
) -> Diagnostic:
    which = f"of pool {' or '.join(pool.pool for pool in lacking)}" if several else "of the pool"
    wrong = f"{one.where} names the attribute {shown(one.name)}, which no user {which} has"
    if unread:
        wrong += f"; whether the pool's schema has it cannot be read ({_RIGHT})"
    return Diagnostic("unfilled_attribute", wrong, "", str(spec.path), one.line, one.column)


def _unknown(spec: Spec, one: WrittenAttribute, held: Sequence[PoolNames]) -> Diagnostic:
    if all(pool.schema is None for pool in held):
        wrong = "which no user in the export files has"
    elif len(held) > 1:
        wrong = f"which neither the schema nor any user of pools {', '.join(pool.pool for pool in held)} has"
    else:
        wrong = "which neither the pool's schema nor any user has"
    wrong = f"{one.where} names the attribute {shown(one.name)}, {wrong}"
    known = {*_KNOWN, *OF_AN_IDENTITY, *OF_THE_RECORD}.union(*(pool.schema or () for pool in held))
    guess = _closest(one.name, known.union(*(pool.filled for pool in held)))
    right = _way_out(one.named_in, f"did you mean {guess}?" if guess else "correct the name")
    return Diagnostic("unknown_attribute", wrong, right, str(spec.path), one.line, one.column)


def _way_out(named_in: NamedIn, right: str) -> str:
    # A filter on what nobody can have selects everybody, or nobody; organizations would come from nowhere.
    if named_in == "mapping":
        joint = " " if right.endswith("?") else ", "
        return f"{right}{joint}or write optional: true in the mapping if no user needs to have it"
    return right if right.endswith("?") or named_in != "filter" else f"{right}, or take the filter out"


def _closest(name: str, known: Collection[str]) -> str | None:
    """By the names without their prefixes, in which all custom attributes are alike."""
    prefix = name.rpartition(":")[0]
    bare: dict[str, str] = {}
    for one in sorted(known, key=lambda one: (one.rpartition(":")[0] != prefix, one)):
        bare.setdefault(one.rpartition(":")[2], one)
    guess = closest(name.rpartition(":")[2], bare)
    return bare[guess] if guess is not None else None
