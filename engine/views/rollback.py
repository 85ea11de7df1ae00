"""What a rollback would do or has done, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.model.codes import explain, explain_stop
from engine.run.rollback_results import (
    SECTIONS,
    UNDONE_COUNTS,
    LeftBehind,
    RollbackResult,
    UndoFailure,
    explain_undo,
)
from engine.views.text import duration, figure, printable, sent, table

_NAMES = {
    "users": "users", "orphaned": "users who were merged", "memberships": "memberships", "connections": "connections",
    "organizations": "organizations", "redirect_uris": "redirect URIs",
}  # fmt: skip
_FORESEEN = {
    "removed": "remove", "restored": "restore", "forgotten": "let go of", "kept": "keep", "gone": "gone",
    "pending": "hold back",
}  # fmt: skip
_NO_MORE = 5


def render_rollback(result: RollbackResult, again: str = "migrate rollback") -> list[str]:
    """The table, what stays and why, what cannot be taken back, and what to do next.

    `again` is the command with the options that it was given, but for `--yes`.
    """
    heads = UNDONE_COUNTS if result.applied else tuple(_FORESEEN)
    used = [name for name in heads if any(counts[name] for counts in result.counts.values())]
    lines = ["done" if result.applied else "rollback would"]
    rows = [
        (_NAMES[section], *(figure(result.counts[kind][name]) for name in used))
        for kind, section in SECTIONS.items()
        if any(result.counts[kind].values())
    ]
    if rows:
        head = ("", *(name if result.applied else _FORESEEN[name] for name in used))
        lines += table([head, *rows], right=frozenset(range(1, len(head))))
    else:
        lines += ["  nothing: the state knows of nothing that this plan made"]
    lines += _kept(result.kept)
    lines += _left(result.left)
    lines += _failures(result.failures, result.failures_total)
    lines += ["", _end(result, again, nothing=not rows)]
    return lines


def _kept(kept: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    rows = [
        (_NAMES[section], figure(number), code, explain(code)[0])
        for kind, section in SECTIONS.items()
        for code, number in sorted(kept[kind].items())
    ]
    if rows:
        yield from ("", "kept")
        yield from table(rows, right=frozenset({1}))
        for remedy in dict.fromkeys(explain(code)[1] for _, _, code, _ in rows):
            yield f"  {remedy}"


def _left(left: LeftBehind) -> Iterator[str]:
    told = []
    if left.roles:
        shown = ", ".join(printable(one) for one in left.roles[:_NO_MORE])
        more = f" and {figure(len(left.roles) - _NO_MORE)} more" if len(left.roles) > _NO_MORE else ""
        told.append(f"environment roles, with their permissions: {shown}{more} (the API cannot delete roles)")
    for name, number in left.users.items():
        told.append(f"{name} of {figure(number)} users who were there before")
    for name, number in left.organizations.items():
        told.append(f"{name} of {figure(number)} organizations that were there before")
    if left.connections:
        told.append(f"options of {figure(left.connections)} connections that were there before")
    if told:
        yield from ("", "cannot be taken back: the API does not clear it, or what was there before is not known")
        yield from (f"  {one}" for one in told)


def _failures(failures: tuple[UndoFailure, ...], total: int) -> Iterator[str]:
    if not total:
        return
    yield from ("", "not taken back")
    by_code: dict[str, list[str]] = {}
    for one in failures:
        by_code.setdefault(one.code, []).append(one.name)
    for code, names in sorted(by_code.items()):
        message, remedy = explain_undo(code, names)
        more = f" and {figure(len(names) - _NO_MORE)} more" if len(names) > _NO_MORE else ""
        yield f"  {code}: {message}"
        yield f"    {remedy}"
        yield f"    {', '.join(printable(name) for name in names[:_NO_MORE])}{more}"


def _end(result: RollbackResult, again: str, *, nothing: bool) -> str:
    if not result.applied:
        return "nothing to do" if nothing else f"nothing was changed: `{again} --yes` does it"
    took = sent(result.requests.writes, result.requests.reads)
    took += f" in {duration(result.duration_s)}"
    if result.stopped == "interrupted":
        return f"interrupted; the state is saved, and `{again} --yes` goes on from here ({took})"
    if result.stopped is not None:
        why = f"{explain_stop(result.stopped)[0]} ({result.stopped})"
        return f"stopped: {why}; run `{again} --yes` again: it takes up what is left ({took})"
    if not result.complete:
        return f"not done: see above; run `{again} --yes` again once that is settled ({took})"
    if nothing:
        return f"nothing to do ({took})"
    waiting = sum(counts["pending"] for counts in result.counts.values())
    if waiting:
        return f"done so far: {figure(waiting)} were not asked for; `migrate rollback` shows what is left ({took})"
    return f"done: `migrate apply` would begin again ({took})"
