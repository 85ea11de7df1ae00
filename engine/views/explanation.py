"""One person explained to people, in the order of the way: Cognito, state, WorkOS, what is next and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.model.codes import explain
from engine.model.keys import within_pool
from engine.model.rules import Because
from engine.resources.users.verification import shown_name
from engine.run.explanation import (
    ExplainedMembership,
    ExplainedRecord,
    ExplainedState,
    ExplainedUser,
    Explanation,
    HeldPlace,
    NextStep,
    Value,
    iso_time,
)
from engine.views.diff import field_text, value_text

_RELATIONS = {
    "merged": "merged into",
    "unverified": "merged, as unverified, into",
}
_WILL = {
    "create": "create the user in WorkOS",
    "update": "update",
    "adopt": "adopt",
    "unchanged": "change nothing about",
    "skip": "leave, as the plan says,",
    "conflict": "stop at a conflict",
    "merge": "merge into",
    "exclude": "not migrate",
    "keep": "keep",
    "wait": "leave for a later wave",
}


def render_explanation(found: Explanation, *, values: bool) -> Iterator[str]:
    """All of it, line by line; values only where they are asked for, else their lengths."""
    yield "in Cognito"
    if not found.records:
        yield "  no record any more"
    for record in found.records:
        yield from _record(record, values=values)
    yield from ("", "in the state")
    if not found.state:
        yield "  nothing yet"
    for row in found.state:
        yield from _state(row)
    yield from ("", "in WorkOS")
    if not found.workos:
        yield "  nobody"
    for user in found.workos:
        yield from _user(user, values=values)
    yield from ("", "the next `migrate apply` would")
    for step in found.steps:
        yield from _step(step, values=values)
    for one in found.memberships:
        yield from _membership(one)
    for guard in found.guards:
        yield from ("", f"`migrate apply` would refuse as a whole: {guard['message']}", f"  {guard['remedy']}")


def _record(one: ExplainedRecord, *, values: bool) -> Iterator[str]:
    kind = "native" if one.native else f"federated by {one.provider or 'a provider that is not named'}"
    flag = "address verified" if one.verified else "address not verified"
    enabled = "" if one.enabled else ", disabled"
    made = iso_time(one.created)
    yield f"  record {within_pool(one.pool, one.source_id)}: {kind}, {one.status}{enabled}, {flag}, made {made}"
    if one.reason is not None:
        message, remedy = explain(one.reason)
        failed = f" ({', '.join(f'filters.{label}' for label in one.failed)})" if one.failed else ""
        yield f"    excluded, {one.reason}: {message}{failed}; {remedy}"
    else:
        yield "    passes all filters"
    if one.into is not None:
        yield f"    {_RELATIONS[one.relation]} {one.into}"
    yield f"    fields: {_values(one.personal, values=values)}"
    for name, fault in one.invalid.items():
        yield f"    {shown_name(name)} cannot be written: {fault}"


def _state(one: ExplainedState) -> Iterator[str]:
    words = [one.workos_id or "no WorkOS id", one.status]
    words += [one.code] if one.code is not None else []
    words += [f"{one.relation} of {one.primary}"] if one.primary is not None else []
    words += ["made by this plan"] if one.created_here else []
    words += ["left the source"] if one.left_source else []
    words += [f"since {iso_time(one.changed_at)}"] if one.changed_at is not None else []
    yield f"  {within_pool(one.pool, one.source_id)}: {', '.join(words)}"
    if one.fields:
        yield f"    written last: {', '.join(one.fields)}"


def _user(one: ExplainedUser, *, values: bool) -> Iterator[str]:
    words = [f"external ID {one.external_id}" if one.external_id is not None else "no external ID"]
    words.append("address verified" if one.verified else "address not verified")
    words.append("has signed in" if one.signed_in else "has never signed in")
    words.append("found by " + ", ".join(way.replace("_", " ") for way in one.found_by))
    yield f"  {one.workos_id}: {', '.join(words)}"
    yield f"    fields: {_values(one.personal, values=values)}"
    if one.differs:
        yield f"    unlike Cognito and the plan: {', '.join(one.differs)}"
    yield from (f"    {_place(place)}" for place in one.places)


def _place(one: HeldPlace) -> str:
    name = one.organization or "an organization that the plan does not name"
    return f"member of {name} ({one.organization_id}): {one.status}, {', '.join(one.roles) or 'no role'}"


def _step(one: NextStep, *, values: bool) -> Iterator[str]:
    will = _WILL[one.action]
    if one.action in ("update", "adopt", "keep", "unchanged") and one.workos_id is not None:
        will += f" {one.workos_id}"
    if one.action == "merge":
        will += f" {one.into}"
    if one.code is not None and one.action in ("conflict", "skip", "wait"):
        will += f" ({one.code})"
    yield f"  {within_pool(one.pool, one.source_id)}: {will}"
    for change in one.changes:
        yield f"    {field_text(change, one.action) if values else change.name}"
    yield from _reasons(one.because)
    if one.code is not None:
        yield f"    {explain(one.code, [one.source_id])[1]}"


def _membership(one: ExplainedMembership) -> Iterator[str]:
    code = f" ({one.code})" if one.code is not None else ""
    roles = "nothing asks for it" if one.roles is None else f"roles {', '.join(one.roles) or 'by default'}"
    yield f"  membership of {within_pool(one.pool, one.source_id)} in {one.organization}: {one.action}{code}; {roles}"
    yield from _reasons(one.because)
    if one.code is not None:
        yield f"    {explain(one.code, [one.source_id])[1]}"


def _reasons(reasons: Sequence[Because]) -> Iterator[str]:
    for one in reasons:
        yield f"    because {one.text}" + (f" (rule {one.rule}, {one.title})" if one.rule is not None else "")


def _values(found: Sequence[Value], *, values: bool) -> str:
    if values:
        return ", ".join(f"{one.name}: {value_text(one.value)}" for one in found)
    return ", ".join(f"{one.name} ({len(one.value)})" for one in found)
