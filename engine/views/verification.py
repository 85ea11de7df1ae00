"""The tables at the end of `verify`, for people: by user, by field, and a list of names without values."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from engine.model.remedies import group_of, remedy_of
from engine.resources.users.verification import shown_name
from engine.run.verify_result import Difference, VerifyResult
from engine.views.diff import value_text
from engine.views.text import duration, figure, table
from engine.views.waves import render_waves

_SHOWN = 20
_MEANING = {
    "equal": "every mapped field is as in Cognito",
    "different": "external ID, e-mail or mapped metadata differ, or verification was lost",
    "missing": "not in WorkOS",
    "drift": "names or a higher verification, as sign-ins leave them",
    "pending": "not as in Cognito, and not their turn yet",
}
_OF_MEMBERS = {
    "equal": "as the plan says",
    "different": "roles, status or domains differ of what this plan made",
    "missing": "not in WorkOS",
    "drift": "changed in WorkOS, and left so",
}


def render_verify(result: VerifyResult) -> list[str]:
    """What was compared and what was found."""
    lines = [f"{figure(result.checked)} of {figure(result.source.selected)} selected users compared", "", "users"]
    rows = [(name, figure(number), _MEANING[name]) for name, number in result.users.items()]
    if result.extra is not None:
        rows.append(("extra", figure(result.extra), "in WorkOS, and nobody's in the pool"))
    lines += table(rows, right=frozenset({1}))
    for name, found in result.members.items():
        of_kind = [(verdict, figure(number), _OF_MEMBERS[verdict]) for verdict, number in found.items()]
        lines += ["", name, *table(of_kind, right=frozenset({1}))]
    if result.fields:
        lines += ["", "fields"]
        names = [("", "equal", "different", "drift")]
        counts = [
            (shown_name(name), *(figure(one[v]) for v in ("equal", "different", "drift")))
            for name, one in result.fields.items()
        ]
        lines += table([*names, *counts], right=frozenset({1, 2, 3}))
    lines += render_waves(result.waves)
    lines += list(_differences(result))
    lines += ["", f"{figure(result.requests.reads)} reads in {duration(result.duration_s)}"]
    lines.append("verified" if result.ok else "not as in Cognito: see above")
    return lines


def _differences(result: VerifyResult) -> Iterator[str]:
    if not result.differences:
        return
    yield ""
    both = ", in Cognito, in WorkOS" if result.values else ""
    yield f"differences (cognito sub, workos id, field, verdict{both})"
    rows = [
        (
            _who(one),
            one.workos_id or "-",
            shown_name(one.field) if one.field else "-",
            one.verdict,
            *((value_text(one.wanted), value_text(one.held)) if result.values and one.field else ()),
            *(("-", "-") if result.values and not one.field else ()),
        )
        for one in result.differences[:_SHOWN]
    ]
    yield from table(rows)
    if result.differences_total > len(rows):
        yield f"  and {figure(result.differences_total - len(rows))} more; --json lists the first 1,000"
    yield from ("", "what to do")
    yield from _remedies(result.differences)


def _remedies(found: Sequence[Difference]) -> Iterator[str]:
    """One a kind of difference, with the first of those that it is for."""
    told: dict[tuple[str, str, str], Difference] = {}
    for one in found:
        told.setdefault((one.kind, one.verdict, group_of(one.field)), one)
    for (kind, verdict, _), one in told.items():
        what = f"{shown_name(one.field)} {verdict}" if one.field else verdict
        of = "" if kind == "user" else f" of {'an' if kind == 'organization' else 'a'} {kind}"
        yield f"  {what}{of}: {remedy_of(one.kind, verdict, one.field, shlex.quote(one.who))}"


def _who(one: Difference) -> str:
    if one.source_id is None:
        return f"organization {one.organization}"
    return one.who if one.organization is None else f"{one.who} in {one.organization}"
