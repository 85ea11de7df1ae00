"""The tables at the end of `verify`, for people: by user, by field, and a list of names without values."""

from __future__ import annotations

from collections.abc import Iterator

from engine.resources.users.verification import shown_name
from engine.run.results import Difference, VerifyResult
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
    yield "differences (cognito sub, workos id, field, verdict)"
    rows = [
        (
            _who(one),
            one.workos_id or "-",
            shown_name(one.field) if one.field else "-",
            one.verdict,
        )
        for one in result.differences[:_SHOWN]
    ]
    yield from table(rows)
    if result.differences_total > len(rows):
        yield f"  and {figure(result.differences_total - len(rows))} more; --json lists the first 1,000"


def _who(one: Difference) -> str:
    if one.source_id is None:
        return f"organization {one.organization}"
    sub = f"{one.pool}/{one.source_id}" if one.pool else one.source_id
    return sub if one.organization is None else f"{sub} in {one.organization}"
