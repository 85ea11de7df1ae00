"""Runs `migrate` over the quickstart and over a pool of every kind, and gives what its JSON says, by name.

What differs from run to run (ids of WorkOS and of runs, times, addresses, the keyed digest) is replaced by a name. A
user of WorkOS is named by the sub that they came from, so that who points to whom stays visible.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.sandbox.options import UNPACED
from tests.support.cli import ROOT, Cli
from tests.support.cognito import moto_server
from tests.support.pool_of_every_kind import Pool, pool_of
from tests.support.sandbox_extras import Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader
from tests.upgrades.world import ALL, IN_CONFLICT, give_subs, restore_pool, write_plan

Documents = dict[str, Any]

LISTS = "failed,conflicts,skipped,merged,pending,migrated,left_source,orphaned,left_out"
_BY_NAME = {"duration_s": "<seconds>", "digest": "<digest>"}
_WORKOS_ID = re.compile(r"\b([a-z_]+)_[0-9A-HJKMNP-TV-Z]{26}\b")
_PATTERNS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), "<address>"),
    (re.compile(r"(?<=/sso/oauth/oidc/)[0-9a-f]+"), "<connection>"),
)


def quickstart(folder: Path) -> Documents:
    """plans/quickstart.yaml into the sandbox, twice, as its first lines say."""
    shutil.copytree(ROOT / "plans", folder / "plans", ignore=shutil.ignore_patterns(".migrate"))
    run = _Runs(Cli(folder, {}), "plans/quickstart.yaml", "--sandbox")
    run("plan", "plan")
    run("apply", "apply")
    run("plan_again", "plan")
    run("apply_again", "apply")
    run("verify", "verify", "--strict")
    run("status", "status")
    run("status_users", "status", "--users", LISTS)
    return run.normalised()


def pool_of_every_kind(folder: Path) -> Documents:
    """A pool with identity providers into a WorkOS that has users already; then both change, and again."""
    pool = pool_of(ALL)
    give_subs(pool.records)
    options = Options(quotas=UNPACED)
    with moto_server() as endpoint, SandboxProcess(options) as sandbox:
        workos = WorkOSReader(sandbox.url, sandbox.api_key)
        for address, external_id in zip(IN_CONFLICT, ("somebody-elses", None), strict=True):
            user = {"email": address, "email_verified": False}
            workos.call("POST", "/user_management/users", user | ({"external_id": external_id} if external_id else {}))
        # Ours by external ID and address: adopted.
        for record in pool.records[:2]:
            given = _attributes(record)
            workos.call("POST", "/user_management/users", {"email": given["email"], "external_id": given["sub"]})
        section = "{strategy: on_next_sign_in}"
        write_plan(folder / "plan.yaml", endpoint, base_url=sandbox.url, password_reset=section)
        restore_pool(endpoint, pool.records, pool.groups)
        run = _Runs(Cli(folder), "plan.yaml")
        run("plan", "plan")
        run("apply", "apply")
        run("verify", "verify", "--strict")
        run("status", "status")
        run("status_users", "status", "--users", LISTS)

        _change_pool(pool)
        _change_workos(workos)
        restore_pool(endpoint, pool.records, pool.groups)
        run("changed_plan", "plan")
        run("changed_verify", "verify")
        run("changed_apply", "apply")
        run("changed_apply_again", "apply")
        run("changed_verify_again", "verify", "--strict")
        run("changed_status", "status", "--users", LISTS)
        return run.normalised()


SCENARIOS: dict[str, Callable[[Path], Documents]] = {"quickstart": quickstart, "pool_of_every_kind": pool_of_every_kind}


class _Runs:
    """The commands of one scenario and what they said."""

    def __init__(self, cli: Cli, plan: str, *options: str) -> None:
        self._cli = cli
        self._plan = plan
        self._options = options
        self._said: Documents = {}
        self._names: dict[str, str] = {}

    def __call__(self, name: str, command: str, *options: str) -> None:
        ended = self._cli(command, self._plan, *self._options, *options, "--json")
        document = json.loads(ended.out)
        self._said[name] = {"exit": ended.code, "json": document}
        for row in document.get("listed", ()):
            # Of a merged record it is the one whom it was merged into: the record that speaks was listed as migrated.
            if row["workos_id"] is not None and row["status"] != "orphaned":
                self._learn(row["workos_id"], row["source_id"])

    def _learn(self, workos_id: str, sub: str) -> None:
        self._names[workos_id] = min(sub, self._names.get(workos_id, sub))

    def normalised(self) -> Documents:
        return {name: self._normal(one) for name, one in self._said.items()}

    def _normal(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._normal(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self._normal(one) for one in value]
        if name == "run_id":
            return "<run>"
        if name in _BY_NAME and value is not None:
            return _BY_NAME[name]
        if isinstance(value, str):
            value = value.replace(str(self._cli.folder), "<folder>")
            for pattern, replacement in _PATTERNS:
                value = pattern.sub(replacement, value)
            return _WORKOS_ID.sub(self._name_of, value)
        return value

    def _name_of(self, found: re.Match[str]) -> str:
        known = self._names.get(found.group())
        return f"<{found.group(1)} of {known}>" if known else f"<{found.group(1)}>"


def _attributes(record: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in record["Attributes"]}


def _change_pool(pool: Pool) -> None:
    """Cognito's side: an address, names, metadata; one vanishes, one is disabled, two people turn out to be one."""
    at = {address: int(username.removeprefix("user-")) for address, username in pool.usernames.items()}

    def change(address: str, **attributes: str) -> None:
        record = pool.records[at[address]]
        values = _attributes(record) | {name.replace("__", ":"): value for name, value in attributes.items()}
        record["Attributes"] = [{"Name": name, "Value": value} for name, value in values.items()]

    change("plain.0@example.com", email="moved.0@example.com")
    change("force.0@example.com", given_name="Changed", custom__plan="team")
    change("custom.0@example.com", custom__company="", custom__tier="2")
    change("unverified.0@example.com", email="elsewhere.0@example.com")  # and still nobody has verified it
    change("lang.0@example.com", email="nomatch.0@example.com")  # the newer one would take the other's address
    change("yes.0@example.com", email="spaced.0@example.com")  # the older one gives its own up
    change("reset.0@example.com", email_verified="false")
    pool.records[at["staff.0@example.com"]]["Enabled"] = False
    gone = pool.records[at["foreign.0@example.com"]]
    pool.records.remove(gone)


def _change_workos(workos: WorkOSReader) -> None:
    """WorkOS's side: one user deleted, one renamed, one moved to another address, one nobody knows."""
    held = {user["email"]: user["id"] for user in workos.users()}
    workos.call("DELETE", f"/user_management/users/{held['long.0@example.com']}")
    workos.call("PUT", f"/user_management/users/{held['both.0@example.com']}", {"first_name": "Renamed"})
    workos.call("PUT", f"/user_management/users/{held['google.0@example.com']}", {"email": "by.hand@example.com"})
    workos.call("POST", "/user_management/users", {"email": "nobody.knows@example.com"})
