"""The house's order, read out of the imports: who may know whom, who may print, how long a module may be."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ENGINE = Path(__file__).parent.parent / "engine"
MODULES = sorted(ENGINE.rglob("*.py"))
OUTSIDE = {"boto3", "botocore", "workos", "sqlite3", "typer", "aiohttp"}


def _name(path: Path) -> str:
    return path.relative_to(ENGINE.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


@cache
def _imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def _knows(path: Path, *names: str) -> list[str]:
    return [one for one in sorted(_imports(path)) if any(one == name or one.startswith(f"{name}.") for name in names)]


def _below(*folders: str) -> list[Path]:
    return [path for path in MODULES if any(_name(path).startswith(f"engine.{folder}") for folder in folders)]


@pytest.mark.parametrize("path", _below("mapping", "planning", "spec", "oauth"), ids=_name)
def test_rules_mapping_and_planning_know_no_service(path: Path) -> None:
    assert _knows(path, *OUTSIDE, "engine.sources", "engine.targets", "engine.state", "engine.sandbox") == []


@pytest.mark.parametrize(
    "path", [ENGINE / name for name in ("errors.py", "users.py", "codes.py", "redaction.py")], ids=_name
)
def test_words_know_nobody(path: Path) -> None:
    assert _knows(path, *OUTSIDE) == [] and set(_knows(path, "engine")) <= {
        "engine.diagnostics", "engine.diagnostics.Diagnostic",
    }  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_command_line_knows_the_command_line(path: Path) -> None:
    if not _name(path).startswith("engine.cli"):
        assert _knows(path, "engine.cli", "typer") == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_each_service_has_its_own_place(path: Path) -> None:
    name = _name(path)
    if not name.startswith("engine.targets"):
        assert _knows(path, "workos") == []
    if not name.startswith("engine.sources"):
        assert _knows(path, "boto3", "botocore") == []
    if not name.startswith(("engine.sandbox", "engine.targets")):
        assert _knows(path, "aiohttp") == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_prints_but_views(path: Path) -> None:
    name = _name(path)
    # The sandbox by itself is a program of its own: it announces its address in one JSON line, or says why it cannot.
    if name.startswith("engine.views") or name in ("engine.sandbox.server", "engine.sandbox.__main__"):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{name}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in ("stdout", "stderr"), f"{name}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_is_one_noun(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350
    assert ast.get_docstring(ast.parse(text)), "a module says first what it owns"
    assert not {"utils", "helpers", "manager", "common"} & {*path.parts, path.stem}
