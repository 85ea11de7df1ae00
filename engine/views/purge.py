"""What a purge removed, for people."""

from __future__ import annotations

from engine.run.purging import PurgeResult
from engine.views.text import counted, table


def render_purge(result: PurgeResult) -> list[str]:
    """Files with what became of them, what stays and why, and for a person what is not done here."""
    lines = []
    if result.erased:
        lines.append(
            f"taken out of the state: {counted(result.users, 'user')}, {counted(result.memberships, 'membership')}; "
            "a keyed mark stays, so that they are never made or adopted again"
        )
    for head, files in (("removed", result.removed), ("rewritten without them", result.rewritten)):
        if files:
            lines += [head, *table(files)]
    if result.kept:
        lines += ["left as it is", *table(result.kept)]
    if not (result.removed or result.rewritten or result.erased):
        lines.append("nothing to remove")
    if result.workos_ids:
        lines.append(f"in WorkOS: {', '.join(result.workos_ids)}")
    return [*lines, *result.warnings]
