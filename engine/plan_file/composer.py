"""YAML text to a tree of nodes with places, refusing what a plan file has no use for.

It works on the parser's events, not on PyYAML's objects: no constructor ever runs, aliases are counted before they
are followed, and every key and value keeps its line and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from engine.model.diagnostics import Diagnostic
from engine.plan_file import scalars
from engine.plan_file.fault import quoted
from engine.plan_file.syntax import MAX_DEPTH, syntax_fault, too_deep

# libyaml where it is there: ten times faster.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_ALIASED = 5_000
"""How many values aliases may stand for, all together."""


@dataclass(slots=True)
class Node:
    """A value and where it begins. `size` counts the values in it, those behind aliases each time anew."""

    line: int
    column: int
    value: scalars.Scalar | list[Node] | dict[str, Entry]
    text: str = ""
    size: int = 1


@dataclass(slots=True)
class Entry:
    """A mapping's key, by its place, and its value."""

    line: int
    column: int
    node: Node


@dataclass(slots=True)
class _Open:
    node: Node
    anchor: str | None
    key: Node | None = None


class _Unreadable(Exception):
    """Nothing more can be read; the fault is already recorded."""


class Composer:
    """Composes one document; `found` collects the faults, `root` stays None where there is nothing."""

    def __init__(self, file: str) -> None:
        self.found: list[Diagnostic] = []
        self.root: Node | None = None
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._aliased = 0
        self._documents = 0

    def compose(self, text: str) -> None:
        """Read the text to its end or to the first fault that leaves no way on."""
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._take(event)
        except _Unreadable:
            pass
        except (yaml.YAMLError, ValueError) as error:
            self.found.append(syntax_fault(error, text, self._file))

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop("many_documents", event, "a second document begins here", "one plan a file: remove the ---")
        elif isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._alias(event), event)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = self._open.pop()
            self._add(done.node, event, done.anchor)

    def _begin(self, event: Any) -> None:
        if event.tag is not None:
            self._fault("tag", event, f"the tag {quoted(event.tag)} is not allowed", "remove it: plain values only")
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            value = scalars.resolve(event.value) if not event.style else event.value
            self._add(Node(line, column, value, text=event.value), event, event.anchor)
            return
        if len(self._open) >= MAX_DEPTH:
            self._stop("too_deep", event, *too_deep())
        top = self._open[-1] if self._open else None
        if top and isinstance(top.node.value, dict) and top.key is None:
            self._stop("complex_key", event, "a list or mapping stands as a key", "keys are plain words")
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # still open: an alias in here would contain itself
        made: list[Node] | dict[str, Entry] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self._open.append(_Open(Node(line, column, made), event.anchor))

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        name = quoted(f"*{event.anchor}")
        if node is None:
            wrong = "contains itself" if event.anchor in self._anchors else "stands for nothing"
            self._stop("alias", event, f"the alias {name} {wrong}", "write the value out")
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            self._stop(
                "alias_bomb",
                event,
                f"aliases stand for more than {MAX_ALIASED:,} values",
                "write the values out instead of nesting aliases",
            )
        return node

    def _add(self, node: Node, event: Any, anchor: str | None = None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        if isinstance(top.node.value, list):
            top.node.value.append(node)
            top.node.size += node.size
        elif isinstance(top.node.value, dict):
            if top.key is None:
                top.key = self._checked_key(node, event)
            else:
                self._enter(top.node, top.node.value, top.key, node)
                top.key = None

    def _checked_key(self, node: Node, event: Any) -> Node:
        if isinstance(node.value, list | dict):
            self._stop("complex_key", event, "a list or mapping stands as a key", "keys are plain words")
        mark = event.start_mark
        if node.text == "<<" and not getattr(event, "style", None):
            self._fault("merge_key", event, "the merge key << is not supported", "write the keys out")
            return Node(mark.line + 1, mark.column + 1, None, text=node.text)
        return Node(mark.line + 1, mark.column + 1, node.value, text=node.text)

    def _enter(self, parent: Node, entries: dict[str, Entry], key: Node, node: Node) -> None:
        parent.size += node.size
        first = entries.get(key.text)
        if first is not None:
            wrong = f"the key {quoted(key.text)} stands twice in one mapping, first in line {first.line}"
            self.found.append(
                Diagnostic("duplicate_key", wrong, "keep one of the two", self._file, key.line, key.column)
            )
        # A merge key is said to be one already; in quotes it is a name like any other.
        elif key.text != "<<" or key.value is not None:
            entries[key.text] = Entry(key.line, key.column, node)

    def _fault(self, code: str, event: Any, wrong: str, right: str) -> None:
        mark = event.start_mark
        self.found.append(Diagnostic(code, wrong, right, self._file, mark.line + 1, mark.column + 1))

    def _stop(self, code: str, event: Any, wrong: str, right: str) -> NoReturn:
        self._fault(code, event, wrong, right)
        raise _Unreadable
