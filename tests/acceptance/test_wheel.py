"""The wheel by itself, in an empty folder: what travels in it, and how little its start-up imports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import ROOT

# One worker makes the wheel, once.
pytestmark = pytest.mark.xdist_group("wheel")
PLAN = ROOT / "plans" / "minimal.yaml"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own; dependencies come from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy: a build must leave nothing in the checkout, nor take anything out of it that is not its own.
    source.mkdir()
    for name in ("engine", "schemas", "plans"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".migrate"))
    # Somebody has tried the plans in the checkout: that holds personal data.
    (source / "plans" / ".migrate").mkdir()
    (source / "plans" / ".migrate" / "quickstart.sandbox.state.db").write_text("private")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source)], check=True, capture_output=True
    )
    (wheel,) = folder.glob("*.whl")
    target = folder / "installed"
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)],
        check=True,
        capture_output=True,
    )
    return target


def run(installed: Path, folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python code with the installed package first on its path, and nothing of the checkout."""
    # The editable install of the checkout stands later on the path.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def migrate(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(installed, folder, "import engine.cli.main as main; main.run()", *arguments)


def test_schema_and_validate_work_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = run(installed, tmp_path, "import engine, schemas; print(engine.__file__, schemas.__file__)")
    assert where.stdout.split() == [f"{installed}/engine/__init__.py", f"{installed}/schemas/__init__.py"]

    schema = migrate(installed, tmp_path, "schema")
    assert (schema.returncode, schema.stderr) == (0, "")
    assert json.loads(schema.stdout) == json.loads((ROOT / "schemas" / "plan.v1.schema.json").read_text())

    shutil.copy(PLAN, tmp_path)
    validated = migrate(installed, tmp_path, "validate", "minimal.yaml")
    assert (validated.returncode, validated.stdout) == (0, "")
    assert validated.stderr.endswith("minimal.yaml: valid\n")
    assert [path.name for path in tmp_path.iterdir()] == ["minimal.yaml"]


def test_the_plans_travel_and_nothing_that_was_made_with_them(installed: Path, tmp_path: Path) -> None:
    travelled = {str(path.relative_to(installed)) for path in (installed / "plans").rglob("*") if path.suffix != ".pyc"}
    wanted = {f"plans/{name}.yaml" for name in ("minimal", "production", "quickstart")} | {"plans/quickstart"}
    wanted |= {f"plans/quickstart/users_{at}.json" for at in range(1, 7)}
    assert {name for name in travelled if "__" not in name} == wanted

    where = run(installed, tmp_path, "import plans; print(plans.__file__)")
    assert where.stdout.strip() == f"{installed}/plans/__init__.py"
    example = migrate(installed, tmp_path, "init", "--example", "--out", "example.yaml")
    assert (example.returncode, example.stdout) == (0, "")
    tried = migrate(installed, tmp_path, "init", "--quickstart", "--out", "quickstart.yaml")
    assert (tried.returncode, tried.stdout) == (0, "")
    assert migrate(installed, tmp_path, "schema", "--out", "plan.json").returncode == 0
    assert migrate(installed, tmp_path, "validate", "example.yaml", "quickstart.yaml").returncode == 0
    assert len(list((tmp_path / "quickstart").iterdir())) == 6


def test_every_schema_travels(installed: Path) -> None:
    names = {path.name for path in (ROOT / "schemas").glob("*.json")}
    assert {path.name for path in (installed / "schemas").glob("*.json")} == names
    assert (installed / "engine" / "py.typed").exists()
    page = {path.name for path in (ROOT / "engine" / "views").iterdir() if path.suffix in (".css", ".jinja")}
    assert page == {"report.css", "report.html.jinja"}
    assert page <= {path.name for path in (installed / "engine" / "views").iterdir()}
    assert not (installed / "tests").exists()


def test_it_has_the_command(installed: Path) -> None:
    script = installed / "bin" / "migrate"
    assert os.access(script, os.X_OK)
    assert "from engine.cli.main import run" in script.read_text()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["apply", "--help"], ["report", "--help"], ["validate", "minimal.yaml"], ["schema"]]
)
def test_start_up_imports_neither_service(installed: Path, tmp_path: Path, arguments: list[str]) -> None:
    shutil.copy(PLAN, tmp_path)
    code = (
        "import atexit, sys, engine.cli.main as main\n"
        "atexit.register(lambda: print('IMPORTED', *sys.modules))\n"
        "main.run()"
    )
    ended = run(installed, tmp_path, code, *arguments)
    assert ended.returncode == 0, ended.stderr
    imported = set(ended.stdout.rpartition("IMPORTED")[2].split())
    assert "engine.cli.main" in imported
    assert not imported & {"boto3", "botocore", "workos", "aiohttp", "moto", "rich", "jinja2", "pygal"}
