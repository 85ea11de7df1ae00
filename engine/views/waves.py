"""The table of a plan's waves, for people."""

from __future__ import annotations

from engine.run.wave_figures import WaveFigures, WavesFigures
from engine.views.text import figure, printable, table


def render_waves(waves: WavesFigures | None) -> list[str]:
    """A row a wave: when it begins, its people, those of them who are migrated; empty for a plan without waves."""
    if waves is None:
        return []
    rows = [("", "begins", "users", "migrated", "")]
    rows += [
        (printable(one.name), starts(one), figure(one.people), figure(one.migrated), "" if one.due else "not due")
        for one in waves.every
    ]
    return ["", f"waves as of {waves.as_of}", *table(rows, right=frozenset({2, 3}))]


def starts(one: WaveFigures) -> str:
    """When a wave begins: a day, or in words."""
    if one.starts is None:
        return "at once" if one.due else "never"
    # As in the model: the day of a variable that was not read.
    return "?" if one.starts == one.starts.max else f"{one.starts}"
