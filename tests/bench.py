"""`make bench`: the README's figures, measured on this machine; takes about half an hour.

Each line says what was measured and what it should be. `python -m tests.bench quota speed …` runs single parts.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.sandbox.clock import iso
from engine.sandbox.database import Database
from engine.sandbox.identifiers import IdMaker
from engine.sandbox.options import Quotas
from engine.views.report_html import render_html
from tests.support.cli import ROOT
from tests.support.migration import MIGRATE, Project, expected, invent_pool, with_duplicates, with_profiles
from tests.support.organized_pool import expected_memberships, held_memberships, organize, organized_pool
from tests.support.own_memory import measured
from tests.support.report import report_of
from tests.support.sandbox_extras import Faults, Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader

NO_QUOTAS = Quotas(writes_per_10s=None, reads_per_10s=None, requests_per_60s=None)
QUOTAS = {"writes_per_10s": 500, "reads_per_10s": 1000, "requests_per_60s": 6000}
AWS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished process, by the operating system's own accounting."""

    code: int
    out: str
    wall_s: float
    cpu_s: float
    peak_mb: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def measure(command: list[str], folder: Path, *, out: IO[str] | None = None, **environment: str) -> Measured:
    """Run a command to its end; its output goes into `out`, or into the result."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"API_KEY": "sk_test_sandbox"} | environment
    began = time.perf_counter()
    with (folder / "out").open("w+") as own:
        process = subprocess.run(
            measured(command, "peak.txt"), cwd=folder, env=env, stdout=out or own, stderr=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
        wall = time.perf_counter() - began
        peak, cpu = (folder / "peak.txt").read_text().split()
        own.seek(0)
        text = own.read()
    return Measured(process.returncode, text, wall, float(cpu), int(peak) / 1024)


def say(what: str, found: str, wanted: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<68} {found:<34} {wanted}\n")
    sys.stdout.flush()


def bench_quota(folder: Path) -> None:
    """3,000 users under WorkOS's own quota, answers after 100 ms."""
    count = 3000
    options = Options(data=folder / "workos.db", quotas=Quotas(**QUOTAS), faults=Faults(latency_ms=100))
    with SandboxProcess(options) as sandbox:
        project = Project(folder, sandbox.url, quotas=QUOTAS)
        project.write_pool(invent_pool(count))
        run = measure([*MIGRATE, "apply", "plan.yaml", "--json"], folder)
        stats = WorkOSReader(sandbox.url).stats()
    result, windows = run.json, stats["windows"]
    refused = result["requests"]["throttled"] / count
    say("3,000 users, 500 writes/10 s, 100 ms answers", f"{run.wall_s:.1f} s", f"<= {1.05 * count / 50:.1f} s")
    say("  lost, refused with 429", f"{count - stats['data']['users']}, {refused:.2%}", "0, <= 0.5 %")
    say("  most writes that the server saw in any 10 s", str(windows["writes"]["max_arrived"]), "<= 500")


def bench_memberships(folder: Path) -> None:
    """1,000 users with organizations and memberships under WorkOS's own quota, answers after 100 ms."""
    users = organized_pool(1000)
    options = Options(data=folder / "workos.db", quotas=Quotas(**QUOTAS), faults=Faults(latency_ms=100))
    with SandboxProcess(options) as sandbox:
        WorkOSReader(sandbox.url).call("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
        project = Project(folder, sandbox.url, quotas=QUOTAS)
        organize(project)
        project.write_pool(users)
        run = measure([*MIGRATE, "apply", "plan.yaml", "--json"], folder)
        workos = WorkOSReader(sandbox.url)
        stats = workos.stats()
        workos.quiet()
        assert sorted(held_memberships(workos)) == sorted(expected_memberships(users, {})), run.out[:2000]
    data = stats["data"]
    whole = data["users"] + data["memberships"] + data["organizations"]
    what = f"{data['users']:,} users, {data['memberships']:,} memberships, {data['organizations']} organizations"
    say(f"{what}, 500 writes/10 s", f"{run.wall_s:.1f} s", f"<= {1.05 * whole / 50:.1f} s")
    say(
        "  requests, refused with 429", f"{stats['reads']} + {stats['writes']}, {run.json['requests']['throttled']}", ""
    )


def bench_groups(folder: Path) -> None:
    """Planning 50 groups of 10,000 members each over a live pool of 100,000."""
    count, groups, members = 100_000, 50, 10_000
    options = Options(data=folder / "workos.db", quotas=NO_QUOTAS)
    more = ("--groups", str(groups), "--members", str(members))
    with cognito(count, *more) as url, SandboxProcess(options) as sandbox:
        project = pool_project(folder, sandbox.url, url, None)
        section = {"from": "group", "map": {"tenant-*": {"organization": "t-{1}"}}, "unmapped": "skip"}
        project.plan.write_text(json.dumps(json.loads(project.plan.read_text()) | {"organizations": section}))
        run = measure([*MIGRATE, "plan", "plan.yaml", "--json"], folder, **AWS)
        assert run.code in (0, 2, 3), run.out[:2000]
        with urllib.request.urlopen(f"{url}/_log") as answer:
            read = Counter(one[1] for one in json.load(answer))
    found = run.json["memberships"]
    say(
        f"{groups} groups x {members:,} members planned",
        f"{run.peak_mb:.0f} MB resident, {run.wall_s:.0f} s",
        "<= 200 MB",
    )
    say("  memberships decided on", f"{sum(found.values()):,}, {found['create']:,} to create", "")
    pages = groups * -(-members // 60)
    say("  pages of members read", f"{read['ListUsersInGroup']:,}", f"{pages:,}")
    say("  all other requests to Cognito", f"{read.total() - read['ListUsersInGroup']:,}", "none a user")


def bench_speed(folder: Path) -> None:
    """No quota, loopback, the durable state on."""
    count = 50_000
    with SandboxProcess(Options(null=True, quotas=NO_QUOTAS)) as sandbox:
        project = Project(folder, sandbox.url)
        project.write_pool(invent_pool(count))
        run = measure([*MIGRATE, "apply", "plan.yaml", "--json"], folder)
    assert run.json["users"]["created"] == count
    say(f"{count:,} users, no quota, loopback", f"{count / run.wall_s:,.0f} users/s", ">= 2,500 users/s")
    say("  processor time, the server's apart", f"{run.cpu_s / count * 1000:.3f} s per 1,000", "<= 0.45 s per 1,000")


def bench_memory(folder: Path) -> None:
    """Resident memory, at 100,000 and at 1,000,000 users."""
    peaks = {}
    for count in (100_000, 1_000_000):
        inner = folder / str(count)
        inner.mkdir()
        with SandboxProcess(Options(null=True, quotas=NO_QUOTAS)) as sandbox:
            project = Project(inner, sandbox.url)
            with (inner / "users.jsonl").open("w") as out:
                for begin in range(0, count, 10_000):
                    out.writelines(json.dumps(user) + "\n" for user in invent_pool(10_000, begin, first=begin))
            assert project.plan.exists()
            run = measure([*MIGRATE, "apply", "plan.yaml", "--json"], inner)
        assert run.json["users"]["created"] == count
        peaks[count] = run.peak_mb
        what = f"{count:,} users, export file to null sandbox"
        say(what, f"{run.peak_mb:.0f} MB resident, {run.wall_s:.0f} s", "<= 200 MB")
    say("  at 1,000,000 against 100,000", f"{peaks[1_000_000] / peaks[100_000]:.2f}", "<= 1.20")


def bench_identity(folder: Path) -> None:
    """Planning and listing 1,000,000 users of whom every tenth shares the address of the one before."""
    count = 1_000_000
    with SandboxProcess(Options(null=True, quotas=NO_QUOTAS)) as sandbox:
        project = Project(folder, sandbox.url)
        project.plan.write_text(json.dumps(json.loads(project.plan.read_text()) | {"keep_snapshot": True}))
        with (folder / "users.jsonl").open("w") as out:
            for begin in range(0, count, 10_000):
                out.writelines(
                    json.dumps(user) + "\n" for user in with_duplicates(invent_pool(10_000, begin, first=begin))
                )
        run = measure([*MIGRATE, "plan", "plan.yaml", "--json"], folder)
        assert (run.json["users"]["create"], run.json["users"]["merge"]) == (count * 9 // 10, count // 10)
        say(
            f"{count:,} users with 10 % duplicates planned",
            f"{run.peak_mb:.0f} MB resident, {run.wall_s:.0f} s",
            "<= 200 MB",
        )
        run = measure([*MIGRATE, "apply", "plan.yaml", "--json"], folder)
        assert (run.json["users"]["created"], run.json["users"]["merged"]) == (count * 9 // 10, count // 10)
        say("  applied, null sandbox", f"{run.peak_mb:.0f} MB resident, {run.wall_s:.0f} s", "<= 200 MB")
    for form in ("csv", "jsonl", "sql"):
        with (folder / "ids").open("w") as out:
            run = measure([*MIGRATE, "ids", "plan.yaml", "--format", form], folder, out=out)
        assert run.code == 0
        say(f"  ids as {form}, {count:,} rows", f"{run.peak_mb:.0f} MB resident, {run.wall_s:.0f} s", "<= 200 MB")


def bench_verify(folder: Path) -> None:
    """Comparing 200,000 users with a WorkOS that holds them and as many others."""
    count = 200_000
    pool = invent_pool(count)
    others = [{"email": f"other{at}@example.org", "email_verified": True} for at in range(count)]
    fill(folder / "workos.db", [*map(expected, pool), *others])
    with SandboxProcess(Options(data=folder / "workos.db", quotas=NO_QUOTAS)) as sandbox:
        Project(folder, sandbox.url).write_pool(pool)
        run = measure([*MIGRATE, "verify", "plan.yaml", "--json"], folder)
    assert (run.code, run.json["users"]["equal"], run.json["users"]["extra"]) == (0, count, count), run.out[:2000]
    pages = run.json["requests"]["reads"]
    say(f"verify of {count:,} users beside {count:,} others", f"{run.wall_s:.1f} s", "")
    say(f"  its own processor time, {pages:,} pages read", f"{run.cpu_s:.1f} s", "<= 20 s")


def bench_linking(folder: Path) -> None:
    """Planning 100,000 natives and the 100,000 profiles that are linked to them, under addresses of their own."""
    count = 100_000
    with SandboxProcess(Options(null=True, quotas=NO_QUOTAS)) as sandbox:
        Project(folder, sandbox.url).write_pool(with_profiles(invent_pool(2 * count), every=2))
        run = measure([*MIGRATE, "plan", "plan.yaml", "--json"], folder)
    assert (run.json["users"]["create"], run.json["users"]["merge"]) == (count, count), run.out[:2000]
    say(f"{count:,} profiles linked to natives, planned", f"{run.wall_s:.1f} s, {run.cpu_s:.1f} CPU-s", "")


def bench_identities(folder: Path) -> None:
    """Planning 1,000,000 users of whom every tenth is a profile that is linked to the one before."""
    count = 1_000_000
    with SandboxProcess(Options(null=True, quotas=NO_QUOTAS)) as sandbox:
        Project(folder, sandbox.url)
        with (folder / "users.jsonl").open("w") as out:
            for begin in range(0, count, 10_000):
                users = with_profiles(invent_pool(10_000, begin, first=begin), every=10)
                out.writelines(json.dumps(user) + "\n" for user in users)
        run = measure([*MIGRATE, "plan", "plan.yaml", "--json"], folder)
    assert (run.json["users"]["create"], run.json["users"]["merge"]) == (count * 9 // 10, count // 10)
    what = f"{count:,} users with identities, planned"
    found = f"{run.peak_mb:.0f} MB resident, {run.wall_s:.0f} s, {run.cpu_s:.0f} CPU-s"
    say(what, found, "<= 200 MB")


def fill(path: Path, users: list[dict[str, Any]]) -> None:
    """A sandbox's data with these users, without the requests that would make them."""
    Database(path).close()
    ids, now = IdMaker(time.time), iso(time.time())
    rows = (
        (ids.new("user_"), one["email"], one["email_verified"], one.get("first_name"), one.get("last_name"),
         one.get("external_id"), json.dumps(one.get("metadata", {})), now, now)
        for one in users
    )  # fmt: skip
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO users (id, email, email_verified, first_name, last_name, external_id, metadata, created_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    connection.close()


def bench_report(folder: Path) -> None:
    """The report of the quickstart, and of 1,000,000 users before their first `apply`, one in ten a duplicate."""
    shutil.copytree(ROOT / "plans", folder / "plans", ignore=shutil.ignore_patterns(".migrate"))
    assert measure([*MIGRATE, "apply", "plans/quickstart.yaml", "--sandbox"], folder).code == 0
    _report(folder, "report of the quickstart, 335 users", "plans/quickstart.yaml", "--sandbox")
    count = 1_000_000
    with SandboxProcess(Options(null=True, quotas=NO_QUOTAS)) as sandbox:
        project = Project(folder, sandbox.url)
        with (folder / "users.jsonl").open("w") as out:
            for begin in range(0, count, 10_000):
                out.writelines(
                    json.dumps(user) + "\n" for user in with_duplicates(invent_pool(10_000, begin, first=begin))
                )
        assert project.plan.exists()
        _report(folder, f"report of {count:,} users, one in ten a duplicate", "plan.yaml")
    # The null sandbox keeps nobody, so runs, resets, conflicts and waves are invented: of the page, not of gathering.
    began = time.perf_counter()
    size = len(render_html(report_of()).encode())
    say(
        f"  the page of {count:,} users with every part",
        f"{size / 1000:.0f} kB, {time.perf_counter() - began:.1f} s",
        "",
    )


def _report(folder: Path, what: str, *arguments: str) -> None:
    run = measure([*MIGRATE, "report", *arguments, "--out", "report.html", "--overwrite", "--json"], folder)
    size = run.json["bytes"] / 1000
    say(what, f"{size:.0f} kB, {run.wall_s:.0f} s, {run.peak_mb:.0f} MB resident", "<= 1,500 kB, <= 200 MB")


def bench_demo(folder: Path) -> None:
    """`make demo` on an environment that is there."""
    began, before = time.perf_counter(), os.times()
    run = subprocess.run(
        [sys.executable, "-m", "tests.demo", str(folder / "demo")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    spent = os.times()
    cpu = spent.children_user + spent.children_system - before.children_user - before.children_system
    say("make demo, without building .venv", f"{time.perf_counter() - began:.0f} s, {cpu:.0f} CPU-s", "<= 60 s")


def bench_nothing(folder: Path) -> None:
    """A run with nothing to do over 100,000 users, against boto3 merely listing them."""
    count = 100_000
    with cognito(count) as url, SandboxProcess(Options(data=folder / "workos.db", quotas=NO_QUOTAS)) as sandbox:
        project = pool_project(folder, sandbox.url, url, None)
        first = project.migrate("apply", "plan.yaml", "--json", **AWS)
        assert first.json["users"]["created"] > 0.5 * count, first.err
        ours, listed = [], []
        for _ in range(3):
            run = measure([*MIGRATE, "apply", "plan.yaml", "--json"], folder, **AWS)
            assert run.json["requests"]["writes"] == 0
            ours.append(run.wall_s)
            listed.append(
                measure(
                    [sys.executable, "-m", "tests.bench", "list", url], folder, PYTHONPATH=str(Path.cwd()), **AWS
                ).wall_s
            )
    mine, theirs = sorted(ours)[1], sorted(listed)[1]
    say(f"apply with nothing to do, {count:,} users", f"{mine:.1f} s", "")
    say("  against boto3 listing them in the same 16 chains", f"{theirs:.1f} s, ratio {mine / theirs:.2f}", "<= 1.50")


def bench_reading(folder: Path) -> None:
    """Reading at Cognito's quota: 30 requests/s, answers after 80 ms."""
    count = 100_000
    with cognito(count, "--latency-ms", "80") as url:
        pool_project(folder, "http://127.0.0.1:9", url, 30)
        run = measure([*MIGRATE, "export", "plan.yaml", "--out", "out.jsonl", "--json"], folder, **AWS)
        assert run.json["users"] == count
        with urllib.request.urlopen(f"{url}/_log") as answer:
            sent = [one[0] for one in json.load(answer)]
    rate = (len(sent) - 1) / (sent[-1] - sent[0])
    fullest = max(bisect(sent, at + 1.0) - index for index, at in enumerate(sent))
    say("pool read at 30 requests/s, 80 ms answers", f"{rate:.1f} requests/s, {rate / 30:.1%}", ">= 95 %")
    say("  most requests in any second, as the server saw them", str(fullest), "<= 30")


def bench_start(folder: Path) -> None:
    """Start-up."""
    source = {"export": {"files": ["x"]}}
    metadata = {f"key{at}": {"from": [f"custom:{at}", f"custom:b{at}"], "default": "x"} for at in range(9)}
    filters = [{"name": f"custom:{at}", "exists": False} for at in range(130)]
    plan = {"version": 1, "name": "p", "source": source,
            "destination": {"workos": {"api_key": "${API_KEY}", "client_id": "client_x"}},
            "attributes": {"metadata": metadata}, "filters": {"attributes": filters}}  # fmt: skip
    import yaml

    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    lines = len((folder / "plan.yaml").read_text().splitlines())
    commands = (("migrate --help", ["--help"], 0.2), (f"validate, {lines} lines", ["validate", "plan.yaml"], 0.3))
    for name, command, most in commands:
        runs = sorted(measure([*MIGRATE, *command], folder).wall_s for _ in range(7))
        say(name, f"{runs[3]:.2f} s", f"<= {most} s")


@contextmanager
def cognito(count: int, *more: str) -> Iterator[str]:
    """A stand-in for Cognito as a process of its own; its address."""
    command = [sys.executable, "-m", "tests.support.cognito", "--users", str(count), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def pool_project(folder: Path, workos: str, cognito_url: str, per_second: int | None) -> Project:
    """A plan over a live pool."""
    project = Project(folder, workos)
    plan = json.loads(project.plan.read_text())
    plan["source"] = {
        "cognito": {
            "user_pool_id": "us-east-1_StandIn01",
            "endpoint_url": cognito_url,
            "requests_per_second": per_second,
        }
    }
    project.plan.write_text(json.dumps(plan))
    return project


def list_with_boto3(url: str) -> None:
    """The whole pool in the same sixteen chains, nothing done with it."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "cognito-idp", endpoint_url=url, region_name="us-east-1", config=Config(max_pool_connections=16)
    )
    pages = client.get_paginator("list_users")
    seen = threading.Lock()
    total = [0]

    def chain(prefix: str) -> None:
        for page in pages.paginate(UserPoolId="us-east-1_StandIn01", Filter=f'sub ^= "{prefix}"'):
            with seen:
                total[0] += len(page["Users"])

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(chain, "0123456789abcdef"))
    assert total[0] >= 100_000, total


PARTS = {
    "start": bench_start,
    "quota": bench_quota,
    "memberships": bench_memberships,
    "groups": bench_groups,
    "speed": bench_speed,
    "nothing": bench_nothing,
    "reading": bench_reading,
    "memory": bench_memory,
    "identity": bench_identity,
    "verify": bench_verify,
    "linking": bench_linking,
    "identities": bench_identities,
    "report": bench_report,
    "demo": bench_demo,
}


def main() -> None:
    """All parts, or those named."""
    if sys.argv[1:2] == ["list"]:
        list_with_boto3(sys.argv[2])
        return
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main()
