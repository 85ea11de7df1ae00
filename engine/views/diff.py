"""The changes of a plan for people, one a line as Terraform prints them, and for programs as JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import orjson

from engine.model.keys import MEMBERSHIP, within_pool
from engine.run.diff import Diff, FieldChange, ShownChange
from engine.views.text import figure, json_safe, printable, table

_SYMBOLS = {
    "create": "+", "update": "~", "adopt": ">", "merge": "=", "skip": ".", "conflict": "!",
    "deactivate": "~", "reactivate": "~", "remove": "-", "wait": ":",
}  # fmt: skip


def render_diff(diff: Diff) -> list[str]:
    """The first changes of each kind, and how many users change which field; nothing where there is nothing."""
    lines: list[str] = []
    if diff.shown:
        what = "the first change" if diff.limit == 1 else f"the first {figure(diff.limit)} changes"
        lines += ["", f"changes, {what} of each kind" if diff.cut else "changes"]
        lines += [f"  {change_line(one, values=diff.values)}" for one in diff.shown]
    if diff.totals:
        lines += ["", "changed fields of users that WorkOS has"]
        rows = sorted(diff.totals.items(), key=lambda one: (-sum(one[1].values()), one[0]))
        lines += table([(name, _counts(counts.items())) for name, counts in rows])
    if diff.cut:
        lines += ["", "all of them: --changes FILE writes them, --users create,update,… lists users'"]
    if diff.shown and not diff.values and any(one.fields for one in diff.shown):
        lines += ["values are personal data: --values shows them"]
    return lines


def change_line(one: ShownChange, *, values: bool) -> str:
    """One change on one line that no terminal obeys."""
    words = [_SYMBOLS[one.action], one.kind.replace("_", " "), _name(one)]
    if one.kind == MEMBERSHIP:
        words.append(f"in {one.organization}")
    what = _what(one)
    fields = ", ".join(field_text(each, one.action) if values else each.name for each in one.fields)
    # A tab would part columns that nobody asked for.
    return printable("  ".join(part for part in (" ".join(words), what, fields) if part))


def change_lines(changes: Iterable[ShownChange], *, values: bool) -> Iterator[str]:
    """The same, each with its end."""
    return (change_line(one, values=values) + "\n" for one in changes)


def change_records(changes: Sequence[ShownChange], *, values: bool) -> str:
    """JSON Lines of change.v1: programs read the same values as ever, terminals obey none."""
    return "".join(
        json_safe(orjson.dumps({"schema": "change.v1", **one.to_json(values=values)}).decode()) + "\n"
        for one in changes
    )


def _name(one: ShownChange) -> str:
    return within_pool(one.pool, one.name)


def _what(one: ShownChange) -> str:
    where = f" ({one.workos_id})" if one.workos_id is not None else ""
    match one.action:
        case "create" | "update":
            return ""
        case "merge":
            return f"merge into {one.into}"
        case "adopt":
            return f"adopt {one.workos_id}"
        case "skip" | "conflict" | "wait":
            return f"{one.action} {one.code}{where}"
        case _:
            return one.action


def field_text(one: FieldChange, action: str) -> str:
    """A field with what WorkOS holds and what it would hold."""
    if action == "create":
        return f"{one.name}: {value_text(one.new)}"
    return f"{one.name}: {value_text(one.old)} → {value_text(one.new)}"


def value_text(value: object) -> str:
    """A value as JSON, with what no terminal should see escaped; `none` where there is none."""
    return "none" if value is None else printable(json.dumps(value, ensure_ascii=False))


def _counts(counts: Iterable[tuple[str, int]]) -> str:
    words = {"update": ("update", "updates"), "adopt": ("adoption", "adoptions")}
    return ", ".join(
        f"{figure(number)} {words[action][number != 1]}" for action, number in sorted(counts, reverse=True)
    )
