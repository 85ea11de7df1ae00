"""plans/: the quickstart moves its invented users twice, its data is what the generator makes, every plan is valid."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from tests.support import quickstart
from tests.support.cli import ROOT, Cli

PLANS = sorted((ROOT / "plans").glob("*.yaml"))


def test_every_plan_is_valid(cli: Cli) -> None:
    assert {path.name for path in PLANS} >= {"quickstart.yaml", "minimal.yaml", "production.yaml"}
    ended = cli("validate", *PLANS, "--json")
    assert ended.code == 0, ended.said
    assert ended.json("validate.v1")["valid"] == [str(path) for path in PLANS]
    for path in PLANS:
        assert path.read_text().startswith("# yaml-language-server: $schema=../schemas/plan.v1.schema.json\n")


def test_the_data_is_what_the_generator_makes() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in quickstart.FOLDER.iterdir()}
    assert files == quickstart.pages()


def test_the_people_are_invented() -> None:
    for path in quickstart.FOLDER.iterdir():
        domains = set(re.findall(r"@([A-Za-z.-]+)", path.read_text(encoding="utf-8")))
        assert {one.lower() for one in domains} <= {"example.com", "example.org", "example.net", "localhost"}


def test_every_kind_is_there() -> None:
    users = [one for text in quickstart.pages().values() for one in json.loads(text)["Users"]]
    attributes = [{one["Name"]: one["Value"] for one in user["Attributes"]} for user in users]
    identities = [one for held in attributes for one in json.loads(held.get("identities", "[]"))]
    current = {"UNCONFIRMED", "CONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED", "EXTERNAL_PROVIDER"}
    assert {user["UserStatus"] for user in users} == current | {"ARCHIVED", "COMPROMISED", "UNKNOWN"}
    assert {user["Enabled"] for user in users} == {True, False}
    assert {one["providerType"] for one in identities} == {"Google", "SignInWithApple", "Facebook", "OIDC", "SAML"}
    assert {repr(one["primary"]) for one in identities} == {"True", "False", "'true'", "'false'"}
    assert any("email" not in held for held in attributes)


def test_the_quickstart_moves_everybody_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "plans", tmp_path / "plans", ignore=shutil.ignore_patterns(".migrate"))
    cli = Cli(tmp_path, {})
    first = cli("apply", "plans/quickstart.yaml", "--sandbox", "--json")
    assert first.code == 0, first.said
    result = first.json("result.v1")
    assert result["converged"]
    assert result["users"]["created"] > 250
    assert result["users"]["merged"] > 10
    assert set(result["source"]["filtered"]) == {"status", "disabled", "no_email", "invalid_email"}
    again = cli("apply", "plans/quickstart.yaml", "--sandbox")
    assert again.code == 0
    assert again.err.endswith("nothing to do: everybody is in place\n")
