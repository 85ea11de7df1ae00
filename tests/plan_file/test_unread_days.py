"""A window's days that variables name, for the commands that read no variable and for those that do."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.errors import MigrateError
from engine.plan_file.loader import load

PLAN = """\
version: 1
name: acme
source: {export: {files: [users.jsonl], user_pool_id: us-east-1_Export001}}
destination: {workos: {api_key: "${WORKOS_API_KEY}", client_id: client_1}}
password_reset:
  strategy: email
  email:
    send: manual
    window: {from: "08:00", to: "18:00", days: ["${DAY}"]}
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKOS_API_KEY", "sk_test_x")
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def test_without_the_variable(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAY", raising=False)
    assert load(plan, resolve=False).spec.name == "acme"


def test_with_a_day(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAY", "tue")
    load(plan)


def test_with_no_day(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAY", "someday")
    with pytest.raises(MigrateError):
        load(plan)
