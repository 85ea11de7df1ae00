"""A plan, an apply or a refusal as Markdown: one comment of a pull request, or the summary of a CI step.

Counts alone: no person, no sub and no value is in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from engine.model.codes import explain, explain_stop
from engine.model.diagnostics import Diagnostic
from engine.model.round_counts import RoundCounts
from engine.oauth.results import SignIn
from engine.run.results import ApplyResult, Failure, PlanResult, SourceCounts
from engine.views.markdown import (
    LEFT,
    RIGHT,
    Wording,
    code,
    counts_table,
    details,
    escaped,
    page,
    run_name,
    table,
    telling,
)
from engine.views.results import estimate_sentence, refreshed_sentence, so_far
from engine.views.text import duration, figure, sent

_LISTED = 40
_REFUSES = "\n**`apply` would refuse:**"
# As results call it, and as a table of all kinds does.
_COLUMNS = {
    PlanResult: ("create", "update", "adopt", "unchanged", "skip", "conflicts"),
    ApplyResult: ("created", "updated", "adopted", "unchanged", "skipped", "conflicts", "failed", "pending"),
}
_OTHERS = ("merge", "merged", "deactivate", "deactivated", "reactivate", "reactivated", "remove", "removed")
_REPORTED = {
    "left_source": "users of WorkOS who are no longer selected from Cognito; kept",
    "orphaned": "users of WorkOS who are nobody's since their records share another's address",
    "attribute_vanished": "names that are gone in Cognito and kept in WorkOS",
    "unverified_address": "users under an address that Cognito has not verified",
    "placeholder": "users without an address, who come under a placeholder and are never mailed",
}


def marker(path: str) -> str:
    """The first line: by it a comment of this plan file is found again, and updated in place."""
    return f"<!-- migrate {quote(path)} -->"


def render_plan_markdown(result: PlanResult, path: str, sentence: Wording = str) -> str:
    """What `apply` would do. `sentence` completes and masks each message."""
    changes = sum(result.users[name] for name in ("create", "update", "adopt"))
    head = f"{figure(changes)} users to change" if changes else "other changes than users'" if result.changes else None
    if result.guards or result.sign_in.problems:
        head = "apply would refuse"
    elif head is None:
        head = "conflicts, and nothing to do" if result.users["conflicts"] else "nothing to do"
        head += " now: users wait for their turn" if result.waiting else ""
        if result.refreshed == "failed":
            head += ", but not everybody is known to be in place"
    told = telling(sentence)
    return _page(
        path, f"{run_name(result.plan, sandbox=result.sandbox)}: {head}",
        _kinds(result.users, result.sign_in, _COLUMNS[PlanResult]),
        (f"{_REFUSES} {told(one.message)} ({code(one.code)}); {told(one.remedy)}" for one in result.guards),
        (f"{_REFUSES} {told(one.message)}; {told(one.remedy)}" for one in result.sign_in.problems),
        _writes(result),
        _waiting(result.waiting, told),
        _failures(result.failures, result.failures_total, told),
        _excluded(result.source, told),
        _notes(result, told),
        ["", f"Digest {code(result.digest)}.", "",
         told(f"To do exactly this: `migrate apply --expect {result.digest[:16]}`. To look again: `migrate plan`.")],
    )  # fmt: skip


def render_apply_markdown(result: ApplyResult, path: str, sentence: Wording = str) -> str:
    """What was done, and what is left."""
    told = telling(sentence)
    head = "done, everybody is in place" if result.converged else "not everybody is in place"
    lines = []
    if result.in_place and not result.converged:
        head = "done so far"
        lines += ["", told(so_far(result))]
    if result.stopped == "interrupted":
        head = "interrupted, the next run goes on"
    elif result.stopped is not None:
        head = "stopped"
        message, remedy = explain_stop(result.stopped)
        lines += ["", f"Stopped: {told(message)} ({code(result.stopped)}); {told(remedy)}"]
    if result.agreement is not None:
        lines += ["", f"Run {escaped(result.agreement.sentence())}."]
    return _page(
        path, f"{run_name(result.plan, sandbox=result.sandbox)}: {head}",
        _kinds(result.users, result.sign_in, _COLUMNS[ApplyResult]),
        lines,
        ["", f"{sent(result.requests.writes, result.requests.reads)} in {duration(result.duration_s)}."],
        _waiting(result.waiting, told),
        _rounds(result.rounds, told),
        _failures(result.failures, result.failures_total, told),
        _excluded(result.source, told),
        _notes(result, told),
        ["", told("To go on: `migrate apply`. To see who: `migrate status --users conflicts,failed`.")],
    )  # fmt: skip


def render_refusal_markdown(found: Sequence[Diagnostic], path: str, sentence: Wording = str) -> str:
    """What was wrong, where nothing was attempted."""
    told = telling(sentence)
    hidden = len(found) - _LISTED
    return _page(
        path, f"{path}: nothing was attempted",
        [""], (f"- {told(str(one))} ({code(one.code)})" for one in found[:_LISTED]),
        [f"- and {figure(hidden)} more"] if hidden > 0 else [],
        ["", told("To look again: `migrate validate`, then `migrate plan`.")],
    )  # fmt: skip


def _page(path: str, title: str, *parts: Iterable[str]) -> str:
    return f"{marker(path)}\n{page(title, *parts)}"


def _kinds(users: Mapping[str, int], sign_in: SignIn, names: Sequence[str]) -> Iterator[str]:
    connections = Counter(one.action for one in sign_in.connections)
    rows: list[tuple[str, Mapping[str, int]]] = [
        ("users", users), ("organizations", sign_in.organizations), ("memberships", sign_in.memberships),
        ("roles", sign_in.roles), ("connections", connections), ("redirect URIs", sign_in.redirect_uris),
    ]  # fmt: skip
    there = [(kind, counts) for kind, counts in rows if kind == "users" or any(counts.values())]
    more = [name for name in _OTHERS if any(counts.get(name) for _, counts in there)]
    yield from counts_table((*names, *more), there)


def _writes(result: PlanResult) -> Iterator[str]:
    if result.writes:
        yield ""
        yield f"{estimate_sentence(result)}."


def _rounds(rounds: RoundCounts | None, told: Wording) -> Iterator[str]:
    if rounds is None:
        return
    ended = f"{figure(rounds.completed)} rounds completed"
    if rounds.failed:
        last = f", the last for {code(rounds.last_error)}" if rounds.last_error is not None else ""
        ended += f", {figure(rounds.failed)} given up{last}"
    yield ""
    yield f"{ended}: {sent(rounds.writes, rounds.reads)} in all. The counts above are those of the last one."
    if rounds.verdict is not None:
        yield ""
        yield f"{told('`migrate ready`')} says **{escaped(rounds.verdict)}**."


def _waiting(waiting: Mapping[str, int], told: Wording) -> Iterator[str]:
    rows = [(code(reason), figure(number), told(explain(reason)[0])) for reason, number in sorted(waiting.items())]
    if rows:
        heads = [("reason", LEFT), ("users", RIGHT), ("meaning", LEFT)]
        yield from details(f"Waiting: {figure(sum(waiting.values()))}", table(heads, rows))


def _failures(failures: Sequence[Failure], total: int, told: Wording) -> Iterator[str]:
    if not total:
        return
    counts = Counter(one.code for one in failures)
    rows = []
    for name, number in sorted(counts.items()):
        message, remedy = explain(name)
        rows.append((code(name), figure(number), told(message), told(remedy)))
    heads = [("code", LEFT), ("number", RIGHT), ("meaning", LEFT), ("to do", LEFT)]
    yield from details(f"Not migrated: {figure(total)}", table(heads, rows[:_LISTED], len(rows) - _LISTED))
    if total > len(failures):
        yield f"\nOf {figure(total)} the first {figure(len(failures))} were counted by code."


def _excluded(source: SourceCounts, told: Wording) -> Iterator[str]:
    left = source.seen - source.selected
    rows = [
        (code(reason), figure(number), told(explain(reason)[0])) for reason, number in sorted(source.filtered.items())
    ]
    if rows:
        heads = [("reason", LEFT), ("users", RIGHT), ("meaning", LEFT)]
        title = f"{figure(source.seen)} users read, {figure(source.selected)} selected, {figure(left)} excluded"
        yield from details(title, table(heads, rows))
    else:
        yield ""
        yield f"{figure(source.seen)} users read, all of them selected."


def _notes(result: PlanResult | ApplyResult, told: Wording) -> Iterator[str]:
    reported = {name: getattr(result.reported, name) for name in _REPORTED}
    lines = [f"- {words}: {figure(reported[name])}" for name, words in _REPORTED.items() if reported[name]]
    lines += [f"- {told(one)}" for one in (refreshed_sentence(result.refreshed), *result.warnings[:_LISTED]) if one]
    if lines:
        yield from details("To know", ["", *lines])
