"""A plan file as read: its plain data, and the place of every key and value in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.model.diagnostics import Diagnostic
from engine.model.errors import InvalidPlanFile
from engine.plan_file.composer import Composer, Node
from engine.plan_file.fault import Fault, Key, found
from engine.plan_file.suggestions import closest

MAX_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping at the top, and what the YAML itself had wrong without being unreadable."""

    file: str
    root: Node
    found: tuple[Diagnostic, ...] = ()

    def data(self) -> dict[str, Any]:
        """The content as dicts, lists and scalars; keys are always text."""
        plain: dict[str, Any] = _plain(self.root)
        return plain

    def diagnose(self, fault: Fault) -> Diagnostic:
        """A fault with its place; the nearest mapping above it where the key itself is not there."""
        line, column = self.place(fault.key, at_key=fault.at_key)
        return Diagnostic(fault.code, fault.wrong, fault.right, self.file, line, column)

    def place(self, key: Key, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column of what stands under `key`, or of the nearest mapping above it."""
        node, place = self.root, (1, 1)
        for at, step in enumerate(key):
            if isinstance(node.value, dict) and step in node.value:
                entry = node.value[str(step)]
                last = at == len(key) - 1
                node = entry.node
                # A mapping's own place is its first key, which says little; its name says more.
                named = (at_key or isinstance(node.value, dict | list) or node.value is None) if last else True
                place = (entry.line, entry.column) if named else (node.line, node.column)
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                place = (node.line, node.column)
            else:
                break
        return place


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(one) for one in node.value]
    return node.value


def read_document(path: Path) -> Document:
    """Read and compose a plan file; raises `InvalidPlanFile` where no mapping comes out of it."""
    file = str(path)
    text = _read(path)
    composer = Composer(file)
    composer.compose(text)
    root = composer.root
    if root is None or (root.value is None and not composer.found):
        empty = Diagnostic("empty", "the plan file is empty", "begin with: version: 1", file, 1, 1)
        raise InvalidPlanFile(composer.found or [empty])
    if not isinstance(root.value, dict):
        wrong = f"the plan file must be a mapping, found {found(_plain(root), ())}"
        not_mapping = Diagnostic("not_a_mapping", wrong, "begin with: version: 1", file, root.line, root.column)
        raise InvalidPlanFile([*composer.found, not_mapping])
    if any(one.code in _FATAL for one in composer.found):
        raise InvalidPlanFile(sorted(composer.found, key=lambda one: (one.line, one.column)))
    return Document(file, root, tuple(composer.found))


# What comes after these was not read, so complaints about the rest would be false.
_FATAL = frozenset({"not_yaml", "many_documents", "alias", "alias_bomb", "too_deep", "complex_key"})


def _read(path: Path) -> str:
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidPlanFile([_no_file(path)]) from None
    except IsADirectoryError:
        raise InvalidPlanFile(
            [Diagnostic("unreadable", "this is a folder", "name the plan file in it", file)]
        ) from None
    except PermissionError:
        raise InvalidPlanFile(
            [Diagnostic("unreadable", "the file may not be read", "give yourself the right to read it", file)]
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise InvalidPlanFile([Diagnostic("unreadable", f"the file cannot be read: {reason}", "", file)]) from None
    if len(raw) > MAX_BYTES:
        wrong = f"the file is larger than {MAX_BYTES // 1_000_000} MB"
        raise InvalidPlanFile([Diagnostic("too_large", wrong, "this is hardly a plan file", file)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = len(raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")) + 1
        raise InvalidPlanFile(
            [Diagnostic("not_utf8", "the file is not UTF-8 text", "save it as UTF-8", file, line, column)]
        ) from None


def _no_file(path: Path) -> Diagnostic:
    try:
        near = [one.name for one in path.parent.iterdir() if one.suffix in {".yaml", ".yml"}]
    except OSError:
        near = []
    guess = closest(path.name, near)
    right = f"did you mean {path.parent / guess}?" if guess else "check the path"
    return Diagnostic("unreadable", "there is no such file", right, str(path))
