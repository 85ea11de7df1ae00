"""What a plan covers, for people: each attribute of a pool with what becomes of it, and whom each filter excludes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from engine.model.users import METADATA
from engine.resources.users.coverage import AttributeCoverage, FieldCoverage, PoolCoverage
from engine.views.report_words import fault, share
from engine.views.text import figure, printable, table

_LISTED = 100
_WIDTH = 118
_RIGHT = frozenset({1, 2})


def render_coverage(pools: Sequence[PoolCoverage]) -> list[str]:
    """A table a pool; attributes of the schema that nobody fills share a line. No pools: no lines."""
    lines: list[str] = []
    for one in pools:
        of_pool = f" of pool {one.pool}" if one.pool is not None else ""
        people = f"{figure(one.selected)} selected user{'s' if one.selected != 1 else ''}"
        lines += ["", f"attributes{of_pool}, filled by how many of {people}"]
        lines += _attributes(one)
        if one.filters:
            lines += ["", f"filters{of_pool}, and how many of {figure(one.seen)} users each excludes"]
            rows = [(f.name, figure(f.excludes), f"{figure(f.alone)} by it alone") for f in one.filters]
            lines += table(rows, right=frozenset({1}))
    return lines


def _attributes(pool: PoolCoverage) -> Iterator[str]:
    fields = {one.name: one for one in pool.fields}
    order = {name: at for at, name in enumerate(fields)}
    mapped = sorted(
        (one for one in pool.attributes if one.mapped_to and (one.in_pool or not pool.schema_read)),
        key=lambda one: min(order.get(name, len(order)) for name in one.mapped_to),
    )
    rest = [one for one in pool.attributes if one not in mapped]
    # Users who are not selected have them: nobody has to look for what the filters keep out.
    others = sorted((one for one in rest if one.in_pool), key=lambda one: (-one.filled, one.name))
    shown = {name for one in mapped for name in one.mapped_to}
    rows = [_row(one, pool, fields) for one in mapped]
    rows += [
        (one.origin, figure(one.filled), share(one.filled, pool.selected), one.name, _faults([one]))
        for one in pool.fields
        if one.name not in shown and one.filled
    ]
    rows += [(one.name, figure(one.filled), share(one.filled, pool.selected), "not mapped", "") for one in others]
    yield from table(rows[:_LISTED], right=_RIGHT)
    if len(rows) > _LISTED or pool.incomplete:
        most = f" and {figure(len(rows) - _LISTED)} more" if len(rows) > _LISTED else " and more"
        yield f" {most}: `migrate plan --json`"
    yield from _unfilled([one for one in rest if not one.in_pool])


def _row(
    one: AttributeCoverage, pool: PoolCoverage, fields: Mapping[str, FieldCoverage]
) -> tuple[str, str, str, str, str]:
    reading = [fields[name] for name in one.mapped_to if name in fields]
    return (
        one.name,
        figure(one.filled),
        share(one.filled, pool.selected),
        ", ".join(one.mapped_to),
        _faults(reading),
    )


def _faults(fields: Sequence[FieldCoverage]) -> str:
    told = []
    for one in fields:
        name = one.name.removeprefix(METADATA)
        told += [f"{name}: {figure(number)} {fault(code)}" for code, number in one.invalid.items()]
        told += [f"{name}: {figure(number)} {fault(code)}, left out" for code, number in one.omitted.items()]
    return "; ".join(told)


def _unfilled(attributes: Sequence[AttributeCoverage]) -> list[str]:
    """Every pool has some twenty of them: a paragraph, with the mapped ones told apart."""
    if not attributes:
        return []
    names = [f"{one.name} (mapped)" if one.mapped_to else one.name for one in attributes]
    text = printable(f"filled by nobody: {', '.join(names)}")
    return textwrap.wrap(
        text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
