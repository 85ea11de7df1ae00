"""The house's order, read out of the imports: which room knows which, who may print, how long a module may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ENGINE = Path(__file__).parent.parent / "engine"
MODULES = sorted(path for path in ENGINE.rglob("*.py") if path.parent != ENGINE)
# From the ground up: a room knows those before it, and none after it.
ROOMS = (
    "model", "plan_file", "network", "quota", "resources", "oauth", "draft", "workspace", "state", "snapshot",
    "cognito", "exports", "workos", "probe", "run", "resets", "sandbox", "views", "cli",
)  # fmt: skip
# One service or format each: known to wiring alone.
ADAPTERS = {"cognito", "exports", "workos", "probe", "sandbox"}
# Neighbours that must not know each other: who uses both hands rows from one to the other.
APART = {("snapshot", "state"), ("state", "snapshot")}
OUTSIDE = {
    "workos": {"workos"},
    "boto3": {"cognito"},
    "botocore": {"cognito"},
    "mypy_boto3_cognito_idp": {"cognito"},
    "aiohttp": {"workos", "probe", "sandbox"},
    "typer": {"cli"},
    "jinja2": {"views"},
    "markupsafe": {"views"},
    "pygal": {"views"},
    "sqlite3": {"snapshot", "state", "sandbox", "workspace"},
}
# Names of a type, and what stands in a hint alone, is no knowledge of SQL.
TYPES_ALONE = {"sqlite3": {"run", "resets", "cli"}}


def room(module: str) -> str:
    """The room of a dotted name of ours."""
    return module.split(".")[1]


def name_of(path: Path) -> str:
    return path.relative_to(ENGINE.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def imports(text: str) -> Iterator[tuple[str, int]]:
    """Dotted names that a module imports, and the line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            if node.module == "engine":
                yield from ((f"engine.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module or "", node.lineno


def violations(name: str, text: str) -> list[str]:
    """What a module of the house knows and must not know."""
    here = room(name)
    found = []
    for imported, line in imports(text):
        top = imported.split(".")[0]
        if top == "engine":
            there = room(imported)
            if there == here:
                continue
            upward = ROOMS.index(there) > ROOMS.index(here)
            if upward or (here, there) in APART or (there in ADAPTERS and here != "cli"):
                found.append(f"{name}:{line} knows {imported}")
        elif top in OUTSIDE and here not in OUTSIDE[top] | TYPES_ALONE.get(top, set()):
            found.append(f"{name}:{line} knows {top}")
    return found


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in MODULES:
        yield name_of(path), ast.parse(_text(path))


def test_every_room_has_its_place() -> None:
    assert {path.relative_to(ENGINE).parts[0] for path in MODULES} == set(ROOMS)


def test_a_room_knows_only_rooms_below() -> None:
    found = {name_of(path): violations(name_of(path), _text(path)) for path in MODULES}
    assert {name: known for name, known in found.items() if known} == {}


@pytest.mark.parametrize(
    ("name", "text", "known"),
    [
        ("engine.model.users", "from engine.plan_file.model import Spec", "engine.plan_file.model"),
        ("engine.resources.users.planner", "from engine.snapshot import database", "engine.snapshot"),
        ("engine.resources.users.planner", "def f():\n    import engine.state.file", "engine.state.file"),
        ("engine.run.migration", "from engine.workos.users import WorkOSTarget", "engine.workos.users"),
        ("engine.run.migration", "from workos import AsyncWorkOSClient", "workos"),
        ("engine.resources.users.planner", "import sqlite3", "sqlite3"),
        ("engine.views.text", "from engine.cli.main import app", "engine.cli.main"),
        ("engine.state.file", "from engine import views", "engine.views"),
        ("engine.snapshot.database", "from engine.state.file import StateFile", "engine.state.file"),
    ],
)
def test_a_violation_is_found(name: str, text: str, known: str) -> None:
    assert [one.partition(" knows ")[2] for one in violations(name, text)] == [known]


def test_sql_stands_in_its_rooms_alone() -> None:
    for name, tree in _trees():
        if room(name) in OUTSIDE["sqlite3"]:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("execute", "executemany", "executescript", "fetchone"), f"{name}:{node.lineno}"


def test_nothing_prints_but_views() -> None:
    for name, tree in _trees():
        # The sandbox by itself is a program of its own: it announces its address in a JSON line, or says why it cannot.
        if room(name) == "views" or name in ("engine.sandbox.server", "engine.sandbox.__main__"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{name}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
                assert node.attr not in ("stdout", "stderr"), f"{name}:{node.lineno}"


def class_names(text: str) -> Iterator[str]:
    """Names of classes and of types that a module defines; a leading underscore makes no other word."""
    for node in ast.parse(text).body:
        names = []
        if isinstance(node, ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        words = (name.lstrip("_") for name in names)
        yield from (word for word in words if word[:1].isupper() and not word.isupper())


def shared_names(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Class names that several modules define, and which."""
    owners: dict[str, list[str]] = {}
    for name, text in texts.items():
        for word in class_names(text):
            owners.setdefault(word, []).append(name)
    return {word: names for word, names in owners.items() if len(names) > 1}


def test_a_class_name_means_one_thing() -> None:
    assert shared_names({name_of(path): _text(path) for path in MODULES}) == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("class Refused(Exception): ...", "class Refused: ..."),
        ("class Row: ...", "class _Row: ..."),
        ("class Verdict: ...", 'Verdict = Literal["pass", "fail"]'),
        ("Known = dict[str, str]", "Known: TypeAlias = dict[str, int]"),
    ],
)
def test_a_second_meaning_is_found(first: str, second: str) -> None:
    assert list(shared_names({"one": first, "two": second}).values()) == [["one", "two"]]


def test_a_module_is_one_noun() -> None:
    for path in MODULES:
        assert len(_text(path).splitlines()) <= 350, path
        assert ast.get_docstring(ast.parse(_text(path))), f"{path}: a module says first what it owns"
        assert not {"utils", "helpers", "manager", "common"} & {*path.parts, path.stem}
