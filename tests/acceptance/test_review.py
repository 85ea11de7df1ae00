"""Reviewed is applied: `--expect` with a digest and with a file, and what moves a digest."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cognito import StandIn, invent_users, serving
from tests.support.migration import Project, Run, invent_pool
from tests.support.organized_pool import change, organize, organized_pool
from tests.support.sandbox_extras import SandboxProcess
from tests.support.workos_reader import WorkOSReader

User = dict[str, Any]
ATTRIBUTES = ("sub", "email", "email_verified", "given_name", "family_name", "custom:plan", "custom:tenant")
NOT_AS_REVIEWED = "what would be done is not what was reviewed: "
AGAIN = "; review it again: `migrate plan plan.yaml --out FILE`"


@pytest.fixture
def workos(sandbox: SandboxProcess) -> WorkOSReader:
    reader = WorkOSReader(sandbox.url, sandbox.api_key)
    reader.call("POST", "/_sandbox/reset")
    reader.call("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
    return reader


@pytest.fixture
def project(tmp_path: Path, sandbox: SandboxProcess, workos: WorkOSReader) -> Project:
    """An empty WorkOS, and a plan without pacing."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, sandbox.url)


@pytest.fixture
def refuses(project: Project, workos: WorkOSReader) -> Callable[..., str]:
    """`apply` that ends with 1 and writes nothing anywhere; gives its message."""

    def run(*arguments: str) -> str:
        before, state = workos.stats()["writes"], project.state.exists()
        ended = project.migrate("apply", "plan.yaml", "--json", *arguments)
        assert ended.code == 1, ended.out + ended.err
        assert (workos.stats()["writes"], project.state.exists()) == (before, state)
        (error,) = ended.json["errors"]
        return str(error["message"])

    return run


def plan(project: Project, *more: str) -> Any:
    ended = project.migrate("plan", "plan.yaml", "--json", *more)
    assert ended.code == 0, ended.out + ended.err
    return ended.json


def apply(project: Project, *more: str) -> Any:
    ended = project.migrate("apply", "plan.yaml", "--json", *more)
    assert ended.code == 0, ended.out + ended.err
    return ended.json


def edit(project: Project, **sections: Any) -> None:
    project.plan.write_text(json.dumps(json.loads(project.plan.read_text()) | sections))


def give(user: User, name: str, value: str) -> None:
    next(one for one in user["Attributes"] if one["Name"] == name)["Value"] = value


def value_of(user: User, name: str) -> str:
    return str(next(one["Value"] for one in user["Attributes"] if one["Name"] == name))


# The digest


def test_the_same_on_two_machines_and_in_any_order(project: Project, tmp_path: Path) -> None:
    """Two folders and processes with other hash seeds and time zones, and the export's lines in another order."""
    users = organized_pool(120)
    digests = []
    for number, (seed, zone) in enumerate((("1", "UTC"), ("77", "Pacific/Chatham"))):
        folder = tmp_path / f"machine {number}"
        shutil.copytree(project.folder, folder)
        other = Project(folder, json.loads(project.plan.read_text())["destination"]["workos"]["base_url"])
        organize(other)
        random.Random(seed).shuffle(users)
        other.write_pool(users)
        process = other.start("plan", "plan.yaml", "--json", PYTHONHASHSEED=seed, TZ=zone)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        found = json.loads(out)
        assert found["memberships"]["create"] > 100 and found["organizations"]["create"] > 30
        digests.append(found["digest"])
    assert digests[0] == digests[1]


def test_the_same_over_chains_and_pages(project: Project) -> None:
    """A live pool that is read in sixteen chains, in one, and in pages of any length."""
    digests, read, requests = set(), list[int](), list[int]()
    for prefix, short in (("works", 0), ("unsupported", 0), ("works", 2)):
        with serving(StandIn(invent_users(2000))) as pool:
            pool.faults.prefix, pool.faults.short_every = prefix, short
            cognito = {"user_pool_id": "us-east-1_AbCdEf123", "endpoint_url": pool.url, "requests_per_second": None}
            edit(project, source={"cognito": cognito})
            ended = project.migrate("plan", "plan.yaml", "--json", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
            assert ended.code == 0, ended.out + ended.err
            digests.add(ended.json["digest"])
            read.append(len({asked for _, _, asked, _ in pool.operations("ListUsers") if "^=" in asked}))
            requests.append(len(pool.operations("ListUsers")))
    assert len(digests) == 1
    assert read[0] == read[2] >= 16 > read[1] and requests[2] > requests[0]


def test_any_mapped_field_of_any_user_changes_it(project: Project) -> None:
    organize(project)
    users = organized_pool(40)
    project.write_pool(users)
    before = plan(project)["digest"]
    rng, seen = random.Random(5), {before}
    for name in ATTRIBUTES:
        for at in rng.sample([at for at, user in enumerate(users) if user["Enabled"]], 2):
            moved = json.loads(json.dumps(users))
            old = value_of(moved[at], name)
            new = {"email_verified": "false" if old == "true" else "true", "custom:tenant": "tenant-99"}
            give(moved[at], name, new.get(name, f"x{old.strip()}"))
            project.write_pool(moved)
            digest = plan(project)["digest"]
            assert digest not in seen, (name, at)
            seen.add(digest)
    project.write_pool(users)
    assert plan(project)["digest"] == before


def test_a_digest_holds_until_something_is_done(project: Project) -> None:
    project.write_pool(invent_pool(30))
    fresh = plan(project)["digest"]
    # Without a state the fingerprints of each run have a secret of their own.
    assert plan(project)["digest"] == fresh
    assert apply(project, "--expect", fresh[:16])["reviewed"] == {"exact": True, "done_since": 0, "sign_ups_since": {}}
    nothing = plan(project)["digest"]
    assert nothing != fresh
    assert apply(project, "--expect", nothing)["users"]["unchanged"] == 30


def test_another_digest_is_refused_before_anything_is_written(project: Project, refuses: Callable[..., str]) -> None:
    users = invent_pool(30)
    project.write_pool(users)
    digest = plan(project)["digest"]
    project.write_pool(users[:29])
    now = plan(project)["digest"]
    assert refuses("--expect", digest) == (
        f"{NOT_AS_REVIEWED}its digest is {now}, and {digest} was expected; look at `migrate plan plan.yaml`; with its "
        "--out FILE, and --expect FILE here, what moved is named"
    )


# The file


def test_it_says_what_moved(project: Project, refuses: Callable[..., str]) -> None:
    users = invent_pool(30)
    project.write_pool(users)
    apply(project)
    for user in users[:4]:
        give(user, "given_name", "Ann")
    project.write_pool(users)
    plan(project, "--out", "reviewed")
    assert (project.folder / "reviewed").stat().st_mode & 0o777 == 0o600
    give(users[9], "custom:plan", "platinum")
    give(users[0], "given_name", "Anna")
    users[1] = users[1] | {"Enabled": False}
    project.write_pool(users + invent_pool(3, 5, first=100))
    assert refuses("--expect", "reviewed") == (
        f"{NOT_AS_REVIEWED}1 more update of metadata.plan, 1 fewer update of first_name, 1 update with other "
        f"first_name, 3 creates by sign-up since{AGAIN}"
    )


def test_sign_ups_pass_where_they_may(project: Project, refuses: Callable[..., str], workos: WorkOSReader) -> None:
    organize(project)
    edit(project, disabled="skip")
    users = [user | {"Enabled": True} for user in organized_pool(60)]
    project.write_pool(users[:50])
    plan(project, "--out", "reviewed")
    more = users[50:53]
    for user in more:
        give(user, "custom:tenant", "tenant-1,acme-users")
    project.write_pool(users[:50] + more)
    remedy = "; --allow-growth lets sign-ups pass; or review it again: `migrate plan plan.yaml --out FILE`"
    told = refuses("--expect", "reviewed")
    assert told.startswith(NOT_AS_REVIEWED) and told.endswith(remedy), told
    assert "3 creates by sign-up since" in told and "creates (membership) by sign-up since" in told
    found = project.migrate("apply", "plan.yaml", "--json", "--expect", "reviewed", "--allow-growth").json
    came = found["reviewed"].pop("sign_ups_since")
    assert found["reviewed"] == {"exact": False, "done_since": 0}
    assert came["user"] == {"create": 3} and sum(came["membership"].values()) == 6
    assert found["users"]["created"] == 53
    # Whoever was there when it was reviewed is no sign-up, and neither is an organization.
    plan(project, "--out", "again")
    give(users[2], "custom:plan", "platinum")
    give(users[53], "custom:tenant", "tenant-77")
    project.write_pool([*users[:50], *more, users[53]])
    told = refuses("--expect", "again", "--allow-growth")
    assert told == f"{NOT_AS_REVIEWED}1 more create (organization), 1 more update of metadata.plan{AGAIN}"


@pytest.mark.parametrize("how", ["disabled", "filtered", "merged"])
def test_who_was_there_but_was_not_to_be_created_is_no_sign_up(
    project: Project, refuses: Callable[..., str], how: str
) -> None:
    """Somebody who was shut out and is let in, or who had another's address, has not signed up since."""
    users = [user | {"Enabled": True} for user in invent_pool(6)]
    edit(project, filters={"attributes": [{"name": "custom:plan", "in": ["gold", "silver"]}]})
    for user in users:
        give(user, "custom:plan", "gold")
    give(users[0], "email_verified", "true")
    before = dict(users[5], Attributes=[dict(one) for one in users[5]["Attributes"]])
    if how == "disabled":
        before["Enabled"] = False
    elif how == "filtered":
        give(before, "custom:plan", "none")
    else:
        give(before, "email", value_of(users[0], "email"))
        give(before, "email_verified", "false")
    project.write_pool([*users[:5], before])
    assert plan(project, "--out", "reviewed")["users"]["create"] == 5
    project.write_pool(users)
    told = refuses("--expect", "reviewed", "--allow-growth")
    assert told == f"{NOT_AS_REVIEWED}1 more create{AGAIN}"


def test_who_was_about_to_sign_up_may_end_it(project: Project) -> None:
    users = invent_pool(6)
    project.write_pool([*users[:5], users[5] | {"UserStatus": "UNCONFIRMED"}])
    assert plan(project, "--out", "reviewed")["users"]["create"] == 5
    project.write_pool([*users[:5], users[5] | {"UserStatus": "CONFIRMED"}])
    assert apply(project, "--expect", "reviewed", "--allow-growth")["users"]["created"] == 6


def test_somebody_forgotten_is_no_sign_up(project: Project, refuses: Callable[..., str], workos: WorkOSReader) -> None:
    """Whoever was erased in WorkOS, and then from the state, would be made again."""
    users = invent_pool(5)
    project.write_pool(users)
    apply(project)
    plan(project, "--out", "reviewed")
    sub = value_of(users[0], "sub")
    (erased,) = [one["id"] for one in workos.users() if one["external_id"] == sub]
    workos.call("DELETE", f"/user_management/users/{erased}")
    assert project.migrate("state", "forget", "plan.yaml", sub).code == 0
    assert refuses("--expect", "reviewed", "--allow-growth") == f"{NOT_AS_REVIEWED}1 more create{AGAIN}"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"existing_users": "skip"}, "the plan has other existing_users"),
        (
            {"attributes": {"email": "email", "metadata": {"tier": "custom:plan"}}},
            "the plan has other attributes.metadata.plan, attributes.metadata.tier, "
            "6 creates with other metadata.plan, 6 creates with other metadata.tier",
        ),
        ({"safety": {"max_failures": 3}}, ""),
    ],
)
def test_the_plan_file_moved(section: dict[str, Any], told: str, project: Project, refuses: Callable[..., str]) -> None:
    project.write_pool([user for user in invent_pool(9) if value_of(user, "custom:plan")])
    plan(project, "--out", "reviewed")
    edit(project, **section)
    if not told:
        assert apply(project, "--expect", "reviewed")["reviewed"]["exact"]
        return
    message = refuses("--expect", "reviewed")
    assert message.startswith(f"{NOT_AS_REVIEWED}the plan has other"), message
    for part in told.split(", "):
        assert part in message


def test_the_destination_moved(project: Project, refuses: Callable[..., str]) -> None:
    project.write_pool(invent_pool(9))
    plan(project, "--out", "reviewed")
    workos = json.loads(project.plan.read_text())["destination"]["workos"]
    edit(project, destination={"workos": workos | {"client_id": "client_other"}})
    assert refuses("--expect", "reviewed") == f"{NOT_AS_REVIEWED}the plan has other destination{AGAIN}"


def test_the_state_moved(project: Project, refuses: Callable[..., str]) -> None:
    users = invent_pool(9)
    project.write_pool(users[:5])
    apply(project)
    project.write_pool(users)
    plan(project, "--out", "reviewed")
    shutil.move(project.folder / ".migrate", project.folder / "lost")
    assert refuses("--expect", "reviewed") == f"{NOT_AS_REVIEWED}the state is another one{AGAIN}"
    shutil.rmtree(project.folder / ".migrate", ignore_errors=True)
    shutil.move(project.folder / "lost", project.folder / ".migrate")
    assert apply(project, "--expect", "reviewed")["reviewed"]["exact"]


def test_somebody_in_workos_moved(project: Project, refuses: Callable[..., str], workos: WorkOSReader) -> None:
    project.write_pool(invent_pool(9))
    plan(project, "--out", "reviewed")
    body = {"email": "person1@example.com", "email_verified": True}
    workos.call("POST", "/user_management/users", body)
    assert refuses("--expect", "reviewed", "--allow-growth") == f"{NOT_AS_REVIEWED}1 create now adoption{AGAIN}"


@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.long)])
def test_an_interrupted_run_goes_on(kills: int, project: Project, workos: WorkOSReader) -> None:
    """Killed over and over, with writes that were done and never recorded: what is left was reviewed."""
    users = organized_pool(90)
    project.write_pool(users)
    organize(project)
    plan(project, "--out", "reviewed")
    left = []
    workos.call("PUT", "/_sandbox/faults", {"rates": {"hang_after": 0.1}, "only": "writes", "latency_ms": 20})
    for _ in range(kills):
        before = workos.stats()["writes"]
        process = project.fork("apply", "plan.yaml", "--expect", "reviewed", WORKOS_REQUEST_TIMEOUT="3")
        deadline = time.monotonic() + 20
        while workos.stats()["writes"] < before + 40 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=30)
        assert "not what was reviewed" not in err, err
        left.append(workos.stats()["data"]["users"])
    workos.call("PUT", "/_sandbox/faults", {"rates": {}})
    assert any(0 < one < len(users) for one in left), left
    ended = project.migrate("apply", "plan.yaml", "--json", "--expect", "reviewed")
    assert ended.code in (0, 3), ended.out
    assert not ended.json["reviewed"]["exact"] and ended.json["reviewed"]["done_since"] > 40
    assert len(workos.users()) == len(users)
    # The whole of it is done, and still nothing else may be.
    assert project.migrate("apply", "plan.yaml", "--json", "--expect", "reviewed").json["requests"]["writes"] == 0
    change(users)
    project.write_pool(users)
    assert project.migrate("apply", "plan.yaml", "--json", "--expect", "reviewed").code == 1


def test_a_person_has_looked_at_who_left(project: Project, refuses: Callable[..., str]) -> None:
    users = invent_pool(40)
    project.write_pool(users)
    apply(project)
    project.write_pool(users[:30])
    (guard,) = plan(project, "--out", "reviewed")["guards"]
    assert (guard["code"], guard["found"]) == ("max_left_source", 10)
    digest = plan(project)["digest"]
    assert "are no longer selected from Cognito" in refuses()
    project.write_pool(users[:29])
    assert refuses("--expect", "reviewed") == f"{NOT_AS_REVIEWED}1 more user that left the source{AGAIN}"
    assert refuses("--expect", digest).startswith(NOT_AS_REVIEWED)
    project.write_pool([*users[1:30], users[35]])
    assert refuses("--expect", "reviewed").startswith(NOT_AS_REVIEWED)
    project.write_pool(users[:30])
    assert apply(project, "--expect", digest)["reported"]["left_source"] == 10


def test_no_other_guard_is_lifted(project: Project, refuses: Callable[..., str]) -> None:
    project.write_pool(invent_pool(30))
    edit(project, safety={"max_changes": 5})
    digest = plan(project, "--out", "reviewed")["digest"]
    for expected in (digest, "reviewed"):
        assert "safety.max_changes allows 5" in refuses("--expect", expected)


@pytest.mark.parametrize("state", [False, True])
def test_a_file_names_nobody(state: bool, project: Project) -> None:
    users = organized_pool(30)
    organize(project)
    project.write_pool(users)
    if state:
        project.migrate("apply", "plan.yaml")
        change(users)
        project.write_pool(users)
    plan(project, "--out", "reviewed")
    text = gzip.decompress((project.folder / "reviewed").read_bytes()).decode()
    secrets = [value_of(user, name) for user in users for name in ("sub", "email", "given_name", "family_name")]
    assert not [one for one in secrets if one.strip() and one.strip() in text]
    head, *rows = [json.loads(line) for line in text.splitlines()]
    # Under a state the secret is the state's; the file could tell nobody anything.
    assert (head["secret"] is None) == state
    marks = [mark for row in rows[:-1] if len(row) == 6 for mark in (row[1], row[3])]
    assert len(set(marks)) == len(marks) and rows[-1] == {"entries": len(rows) - 1}


def test_without_a_state_the_file_serves_another_machine(project: Project, tmp_path: Path) -> None:
    project.write_pool(invent_pool(12))
    plan(project, "--out", "reviewed")
    other = tmp_path / "merge job"
    shutil.copytree(project.folder, other)
    project.write_pool([])
    moved = Project(other, json.loads(project.plan.read_text())["destination"]["workos"]["base_url"])
    moved.plan.write_text(project.plan.read_text())
    assert moved.migrate("apply", "plan.yaml", "--json", "--expect", "reviewed").json["reviewed"]["exact"]


@pytest.mark.parametrize("how", ["cut", "text", "line", "missing", "folder", "number", "twice", "digest", "empty"])
def test_a_damaged_file_is_refused(how: str, project: Project, refuses: Callable[..., str]) -> None:
    users = invent_pool(12)
    project.write_pool(users)
    plan(project, "--out", "reviewed")
    path = project.folder / "reviewed"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    project.write_pool(users[:11])
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif how == "text":
        path.write_text("3 creates\n")
    elif how == "line":
        path.write_bytes(gzip.compress(b"".join(lines[:4] + lines[5:])))
    elif how == "twice":
        path.write_bytes(gzip.compress(b"".join([*lines[:-1], lines[4], b'{"entries":13}\n'])))
    elif how == "digest":
        # It would be the beginning of any.
        head = json.loads(lines[0]) | {"digest": ""}
        path.write_bytes(gzip.compress(json.dumps(head).encode() + b"\n" + b"".join(lines[1:])))
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "number":
        path.write_bytes(gzip.compress(b"".join([*lines[:4], b'["user","AAAA","create","AAAA",0,""]\n', *lines[4:]])))
    else:
        path.unlink()
        if how == "folder":
            path.mkdir()
    assert "reviewed" in refuses("--expect", "reviewed")


def test_options_that_make_no_sense_together(project: Project, refuses: Callable[..., str]) -> None:
    project.write_pool(invent_pool(3))
    assert "--allow-growth goes with --expect FILE" in refuses("--allow-growth")
    assert "--allow-growth needs a review in a file" in refuses("--expect", "ab12" * 16, "--allow-growth")
    plan(project, "--out", "reviewed")
    ended = project.migrate("plan", "plan.yaml", "--json", "--out", "reviewed")
    assert ended.code == 1 and "reviewed exists already" in ended.json["errors"][0]["message"]
    plan(project, "--out", "reviewed", "--overwrite")


def test_people_are_told(project: Project) -> None:
    project.write_pool(invent_pool(3))
    ended: Run = project.migrate("plan", "plan.yaml", "--out", "reviewed")
    assert "review of 3 changes written to reviewed (" in ended.err
    ended = project.migrate("apply", "plan.yaml", "--expect", "reviewed")
    assert "as reviewed\n" in ended.err
    ended = project.migrate("apply", "plan.yaml", "--expect", "reviewed")
    assert "as reviewed, 3 of it done since\n" in ended.err
