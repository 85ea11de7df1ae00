from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from engine.model.errors import TargetError
from engine.sandbox.options import Provider, Quotas, Settings
from tests.sandbox.conftest import Api
from tests.support.sandbox_extras import Faults, Options, SandboxProcess, Server


async def test_data_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    own = Options(
        data=path, settings=Settings(providers={"GoogleOAuth": Provider("https://x", "c")}), faults=Faults(latency_ms=1)
    )
    ids = []
    for email in ("ann@example.com", "bob@example.com"):
        with SandboxProcess(own) as process:
            async with aiohttp.ClientSession() as session:
                headers = {"Authorization": f"Bearer {process.api_key}"}
                url = f"{process.url}/user_management/users"
                async with session.post(url, json={"email": email}, headers=headers) as response:
                    assert response.status == 201
                    ids.append((await response.json())["id"])
                async with session.get(url, headers=headers) as response:
                    assert [one["id"] for one in (await response.json())["data"]] == ids[::-1]
        assert process.pid is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["sandbox.db"]


def test_what_keeps_it_from_starting(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    foreign.write_text("not a database, but long enough to be looked at " * 20)
    with pytest.raises(TargetError, match="not a database"):
        SandboxProcess(Options(data=foreign)).start()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(TargetError, match="cannot listen"):
        SandboxProcess(Options(port=taken.getsockname()[1])).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(number: int) -> None:
    process = SandboxProcess(Options(null=True))
    process.start()
    inner = process._process
    assert inner is not None
    inner.send_signal(number)
    assert inner.wait(5) == 0
    process.stop()


def test_a_killed_parent_takes_it_along() -> None:
    code = (
        "import sys, time; from engine.sandbox.process import SandboxProcess; p = SandboxProcess(); p.start();"
        "sys.stdout.write(f'{p.pid}\\n'); sys.stdout.flush(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 5
    while time.monotonic() < until and _lives(pid):
        time.sleep(0.05)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


async def test_null_mode() -> None:
    own = Options(null=True, quotas=Quotas(writes_per_10s=4, retry_after=False))
    async with Server(own) as server, aiohttp.ClientSession() as session:
        api = Api(server, session)
        assert (await api.user(" Ann@Example.com", external_id="1"))["email"] == "ann@example.com"
        user = await api.user("ann@example.com", external_id="1")
        users = "/user_management/users"
        assert (await api("GET", users))[1]["data"] == []
        assert (await api("GET", f"{users}/external_id/1"))[0] == 404
        assert (await api("PUT", f"{users}/{user['id']}", {"first_name": "Ann"}))[1]["id"] == user["id"]
        assert (await api("POST", users, {}))[0] == 422
        assert (await api("POST", users, {"email": "c@d.de"}))[0] == 429
        assert (await api("POST", users, {"email": "c@d.de"}, headers={}))[0] == 401
        assert (await api("PUT", "/_sandbox/faults", {"rates": {"cut_off": 0.1}}))[0] == 422
        _, stats = await api("GET", "/_sandbox/stats")
        assert stats["requests"][f"POST {users}"] == 5
        assert stats["windows"]["writes"]["refused"] == 1
    with pytest.raises(ValueError, match="null mode"):
        Options(null=True, faults=Faults(rates={"cut_off": 0.1}))


def test_its_environment_holds_no_key_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "WORKOS_API_KEY", "GITHUB_TOKEN")
    for name in secrets:
        monkeypatch.setenv(name, "a-secret-of-ours")
    with SandboxProcess() as process:
        held = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"a-secret-of-ours" not in held and b"PATH=" in held
