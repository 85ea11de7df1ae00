"""The charts of a report's page: static SVG by pygal, bare of scripts, styles and addresses.

The page's own style sheet colours them, so that they follow it into the dark and onto paper. Each carries a title and
a description; the figures stand in a table beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from engine.views.text import printable

_WIDTH = 620
_LABEL = 15
_ROW = 34
# What of pygal's output only serves its scripts, or repeats what the page says once.
_DROPPED = frozenset({"script", "style", "defs", "title", "desc"})
_UNSEEN = frozenset({"background", "tooltip-overlay", "text-overlay"})
_KEPT = frozenset({"class", "d", "x", "y", "width", "height", "transform", "viewBox", "cx", "cy", "r", "rx", "ry"})


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart. `tone` is a class of the style sheet; a value of None draws nothing."""

    name: str
    tone: str
    values: Sequence[float | None]


def bars(name: str, title: str, description: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Lying bars, a row a label, from top to bottom. The labels carry the figures: a small bar has no room for one."""
    chart = _pygal().HorizontalStackedBar(
        **_settings(height=_ROW * len(labels) + 12, labels=reversed(labels)), show_x_labels=False,
        show_y_guides=False, show_x_guides=False, spacing=0,
    )  # fmt: skip
    for one in series:
        chart.add(one.name, list(reversed(one.values)))
    return _drawn(chart, name, title, description, series)


def columns(
    name: str, title: str, description: str, labels: Sequence[str], series: Sequence[Series], *, stacked: bool = True
) -> Markup:
    """Standing columns, from left to right: for time. Not `stacked`, the series stand beside each other."""
    pygal = _pygal()
    chart = (pygal.StackedBar if stacked else pygal.Bar)(
        **_settings(height=280, labels=labels),
        margin_right=44,  # half of the last date stands beyond its column
        x_labels_major_count=min(5, len(labels)), show_minor_x_labels=False, show_x_guides=False, show_y_guides=True,
        value_formatter=lambda value: f"{value:,.0f}", spacing=4, min_scale=2, max_scale=6,
    )  # fmt: skip
    for one in series:
        chart.add(one.name, list(one.values))
    return _drawn(chart, name, title, description, series)


def _pygal() -> Any:
    """The library. Its import is a good part of a second, so only who draws pays for it."""
    import pygal

    # It leaves a finder for map plugins behind, of a kind that Python 3.10 warns of at every import (Kozea/pygal, 532).
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]
    return pygal


def _settings(*, height: int, labels: Any) -> dict[str, Any]:
    from pygal.style import Style

    # The fonts only tell pygal how much room a label takes.
    style = Style(label_font_size=_LABEL, major_label_font_size=_LABEL, value_font_size=_LABEL)
    return {
        "width": _WIDTH, "height": height, "margin": 6, "style": style, "js": (), "css": (), "show_legend": False,
        "x_labels": [_label(one) for one in labels], "truncate_label": -1, "no_prefix": True, "include_x_axis": True,
    }  # fmt: skip


def _label(text: str) -> str:
    clean = printable(text)
    return clean if len(clean) <= 34 else clean[:33] + "…"


def _drawn(chart: Any, name: str, title: str, description: str, series: Sequence[Series]) -> Markup:
    root = chart.render_tree()
    tones = {f"serie-{at}": one.tone for at, one in enumerate(series)}
    inner = Markup("").join(piece for child in root for piece in _written(child, tones))
    return Markup(
        '<svg class="chart" role="img" viewBox="{box}" aria-labelledby="{name}-title {name}-desc">'
        '<title id="{name}-title">{title}</title><desc id="{name}-desc">{description}</desc>{inner}</svg>'
    ).format(
        box=root.get("viewBox"), name=name, title=printable(title), description=printable(description), inner=inner
    )


def _written(node: Any, tones: dict[str, str]) -> Iterator[Markup]:
    """An element with what a picture needs, and nothing else; comments fall away."""
    tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
    if not tag or tag in _DROPPED:
        return
    attributes = {key: value for key, value in node.attrib.items() if key in _KEPT}
    classes = attributes.get("class", "").split()
    classes += [tones[one] for one in classes if one in tones]
    if not _UNSEEN.isdisjoint(classes):
        return
    attributes["class"] = " ".join(one for one in classes if one not in ("reactive", "tooltip-trigger"))
    shown = Markup("").join(
        Markup(' {}="{}"').format(key, _short(key, value)) for key, value in attributes.items() if value
    )
    inner = Markup("").join(piece for child in node for piece in _written(child, tones))
    text = escape(node.text or "")
    if tag == "g" and not inner:
        return
    yield Markup("<{tag}{shown}>{text}{inner}</{tag}>").format(tag=tag, shown=shown, text=text, inner=inner)


def _short(key: str, value: str) -> str:
    """Numbers to a tenth of a unit: nobody sees more, and it is half of the size."""
    if key in ("x", "y", "width", "height", "cx", "cy", "r", "rx", "ry"):
        return f"{float(value):.1f}".removesuffix(".0")
    return value
