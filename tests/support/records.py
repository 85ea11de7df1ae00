"""Cognito records in few words, as the command reads them: for a file, or for moto."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.cli import export_source


def record(name: str, *, status: str = "CONFIRMED", enabled: bool = True, **attributes: str) -> dict[str, Any]:
    """One user; the sub is the name."""
    values = {"sub": name, **attributes}
    return {
        "Username": name,
        "Attributes": [{"Name": key, "Value": value} for key, value in values.items()],
        "Enabled": enabled,
        "UserStatus": status,
        "UserCreateDate": "2024-01-01T00:00:00Z",
    }


def write_records(folder: Path, users: Iterable[dict[str, Any]], name: str = "users") -> str:
    """The users in a file; gives the text under `source:`."""
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users), encoding="utf-8")
    return export_source(f"{name}.jsonl").replace("Export001", f"Export{name}")
