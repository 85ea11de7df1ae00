"""The demo's users: those of plans/quickstart, of every kind, and plain ones beside them, so that a run takes a while.

The files are what Cognito would give out on that day; changing a user is changing their record.
"""

from __future__ import annotations

import json
import random
import shutil
import uuid
from pathlib import Path
from typing import Any

PLANS = Path(__file__).resolve().parents[2] / "plans"
PLAN = "quickstart.yaml"
_MORE = "quickstart/users_more.json"
_SEED = 20_261_125


def lay_out(folder: Path, number: int) -> list[str]:
    """The plan and its export files in an empty folder, with so many plain users more; their subs."""
    shutil.copy(PLANS / PLAN, folder / PLAN)
    shutil.copytree(PLANS / "quickstart", folder / "quickstart")
    chance = random.Random(_SEED)
    users = [_user(chance, at) for at in range(number)]
    _write(folder, users)
    return [str(user["Username"]) for user in users]


def change(folder: Path, sub: str, **attributes: str) -> dict[str, str]:
    """Give a user other attributes (`plan` is custom:plan), as if they were changed in Cognito; what they had."""
    users = json.loads((folder / _MORE).read_text(encoding="utf-8"))["Users"]
    record = next(user for user in users if user["Username"] == sub)
    held = {one["Name"]: one for one in record["Attributes"]}
    before = {}
    for name, value in attributes.items():
        one = held["custom:plan" if name == "plan" else name]
        before[name], one["Value"] = one["Value"], value
    _write(folder, users)
    return before


def decide(folder: Path, sub: str, because: str) -> str:
    """Write the decision to leave a user as they are into the plan file; the text."""
    text = f"\ndecisions:\n  - {{sub: {sub}, action: skip, because: {because}}}\n"
    with (folder / PLAN).open("a", encoding="utf-8") as plan:
        plan.write(text)
    return text


def _write(folder: Path, users: list[dict[str, Any]]) -> None:
    (folder / _MORE).write_text(json.dumps({"Users": users}, ensure_ascii=False) + "\n", encoding="utf-8")


def _user(chance: random.Random, at: int) -> dict[str, Any]:
    sub = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    attributes = {
        "sub": sub,
        "email": f"more{at:05d}@example.com",
        "email_verified": "true",
        "given_name": chance.choice(("Ann", "Zoë", "Luís", "Ines", "Liam")),
        "family_name": chance.choice(("Smith", "Müller", "Okafor", "García", "Brown")),
        "custom:plan": "free",
    }
    return {
        "Username": sub,
        "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
        "UserCreateDate": 1_700_000_000 + at,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
    }
