"""The files for CI elsewhere: valid under the services' schemas, clean under zizmor, and the hook does its work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ACTION, WORKFLOW = ROOT / "action.yml", ROOT / "plans" / "github" / "migrate.yml"


def gitlab(folder: Path) -> Path:
    """The file that docs/gitlab.md shows."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "gitlab.md").read_text(), re.DOTALL | re.MULTILINE)
    path = folder / ".gitlab-ci.yml"
    path.write_text(text)
    return path


def run(*arguments: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(one) for one in arguments], cwd=folder, capture_output=True, text=True, check=False)


def check_schema(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", path)


def audit(*paths: Path) -> subprocess.CompletedProcess[str]:
    # The strictest persona; offline, so that the test says the same everywhere.
    return run(BIN / "zizmor", "--offline", "--no-progress", "--persona", "pedantic", *paths)


def test_the_services_schemas_take_them(tmp_path: Path) -> None:
    for schema, path in (
        ("github-actions", ACTION), ("github-workflows", WORKFLOW), ("gitlab-ci", gitlab(tmp_path)),
    ):  # fmt: skip
        checked = check_schema(schema, path)
        assert checked.returncode == 0, checked.stdout


def test_a_wrong_one_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "action.yml"
    wrong.write_text(ACTION.read_text().replace("using: composite", "using: bash"))
    assert check_schema("github-actions", wrong).returncode == 1


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    audited = audit(ACTION, WORKFLOW)
    assert audited.returncode == 0, audited.stdout
    leaky = tmp_path / "action.yml"
    leaky.write_text(ACTION.read_text().replace('validate "$PLAN"', 'validate "${{ inputs.plan }}"'))
    assert "template-injection" in audit(leaky).stdout


def test_actions_of_others_are_pinned() -> None:
    uses = re.findall(r"uses: (\S+)(?: # (\S+))?", WORKFLOW.read_text())
    assert len(uses) > 6
    for name, comment in uses:
        assert name == "./" or (re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name) and re.fullmatch(r"v[\d.]+", comment))


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    action: dict[str, Any] = yaml.safe_load(ACTION.read_text())
    workflow: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    given = [step["with"] for job in workflow["jobs"].values() for step in job["steps"] if step.get("uses") == "./"]
    assert len(given) == 2
    for one in given:
        assert one.keys() <= action["inputs"].keys()
    limit = workflow["jobs"]["apply"]["timeout-minutes"]
    # Time to install before, and to keep the state after.
    assert int(given[1]["minutes"]) <= limit - 15


@pytest.mark.parametrize("right", [True, False])
def test_the_hook_of_pre_commit(right: bool, tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language", "files"} <= hook.keys()
    plans = tmp_path / "plans"
    plans.mkdir()
    text = (ROOT / "plans" / "minimal.yaml").read_text()
    (plans / "acme.yaml").write_text(text if right else text.replace("version: 1", "wersion: 1"))
    (plans / "other.yaml").write_text(text.replace("name: minimal", "name: other"))
    chosen = [one for one in ("plans/acme.yaml", "plans/other.yaml", "README.md") if re.search(hook["files"], one)]
    assert len(chosen) == 2
    program, *rest = shlex.split(hook["entry"])
    ended = run(BIN / program, *rest, *chosen, folder=tmp_path)
    assert ended.returncode == (0 if right else 1), ended.stderr
