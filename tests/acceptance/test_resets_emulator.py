"""Password resets on the vendor's own emulator: flag, reset, confirm, sign in with the new password, status."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.acceptance.test_resets import email, record
from tests.support.cli import Cli, export_source, plan_text
from tests.support.emulator import KEY, emulator, read_users

PASSWORD = "correct horse battery staple"


def post(url: str, path: str, body: dict[str, Any]) -> Any:
    """One request as an application makes it."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, data=json.dumps(body).encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_from_the_flag_to_the_new_password(tmp_path: Path) -> None:
    people = [record("ann"), record("bob"), record("cyd", status="EXTERNAL_PROVIDER")]
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in people))
    cli = Cli(tmp_path, {"WORKOS_API_KEY": KEY})
    plan = tmp_path / "plan.yaml"
    with emulator(tmp_path) as url:
        plain = plan_text(export_source("users.jsonl"), url)
        none = "password_reset: {strategy: none}"
        plan.write_text(plain.replace(none, "password_reset: {strategy: on_next_sign_in}"))
        assert cli("apply", "plan.yaml").code == 0
        flags = {one["email"]: one["metadata"].get("password_reset_pending") for one in read_users(url)}
        assert flags == {"ann@example.com": "true", "bob@example.com": "true", "cyd@example.com": None}
        before = cli("resets", "status", "plan.yaml", "--json").json("resets-status.v1")
        assert before["users"] == {"needed": 2, "signed_in": 0, "reset": 0, "waiting": 2, "gone": 0}

        reset = post(url, "/user_management/password_reset", {"email": "ann@example.com"})
        token = reset.get("password_reset_token") or reset["token"]
        post(url, "/user_management/password_reset/confirm", {"token": token, "new_password": PASSWORD})
        sign_in = {"client_id": "client_sandbox", "grant_type": "password", "email": "ann@example.com"}
        user = post(url, "/user_management/authenticate", sign_in | {"password": PASSWORD, "client_secret": KEY})
        assert user["user"]["email"] == "ann@example.com"

        after = cli("resets", "status", "plan.yaml", "--json").json("resets-status.v1")
        assert after["users"] == {"needed": 2, "signed_in": 1, "reset": 0, "waiting": 1, "gone": 0}
        synced = cli("resets", "sync", "plan.yaml", "--json").json("resets-sync.v1")
        assert synced["users"] == {"cleared": 1, "kept": 1, "failed": 0}

        plan.write_text(plain.replace(none, email()))
        sent = cli("resets", "send", "plan.yaml", "--json")
        assert sent.code == 0, sent.said
        result = sent.json("resets-send.v1")
        assert (result["users"]["sent"], result["not_mailed"]["returned"]) == (1, 1)
        again = cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")
        assert (again["users"]["due"], again["not_mailed"]["mailed"]) == (0, 1)
