"""One run of a campaign on a clock that tests move: ambiguous ends, hours, waiting, unknowns, files, restarts."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.model.call_errors import Refused, Terminal, Transient
from engine.model.errors import MigrateError, StateError
from engine.plan_file.model import Hours, ResetEmail
from engine.run.stopping import Stop
from engine.sandbox.options import Quotas
from engine.state.resets import ResetLedger
from tests.resets.world import UNLIMITED, Killed, World, world
from tests.support.people import cognito_user
from tests.support.sandbox_extras import Faults, ScriptedFault

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2023, 11, 20, 12, tzinfo=BERLIN).timestamp()
PATH = "/password_reset$"


def people(number: int) -> list[Any]:
    return [cognito_user(f"sub-{at:03}", email=f"p{at}@example.com", email_verified="true") for at in range(number)]


def once(here: World, number: int) -> None:
    assert Counter(address for address, _ in here.mails()) == {f"p{at}@example.com": 1 for at in range(number)}


@pytest.mark.parametrize("fault", ["reset_after", "cut_off", "timeout_after", "error_after", "hang_after"])
async def test_done_and_not_told_is_not_done_again(tmp_path: Path, fault: str) -> None:
    faults = Faults(next=(ScriptedFault("POST", PATH, fault, 3),))
    async with world(tmp_path, people(6), at=NOON, faults=faults) as here:
        here.adapter._opts["timeout"] = 0.3
        result = await here.send(ResetEmail())
        assert (result.sent, result.unknown, result.failures, result.exit_code) == (6, (), (), 0)
        once(here, 6)


@pytest.mark.parametrize("fault", ["reset_before", "error_before", "throttled", "throttled_bare"])
async def test_not_done_and_not_told_is_done_after_a_minute(tmp_path: Path, fault: str) -> None:
    faults = Faults(next=(ScriptedFault("POST", PATH, fault, 3),))
    async with world(tmp_path, people(6), at=NOON, faults=faults) as here:
        began = here.clock.now()
        result = await here.send(ResetEmail())
        assert (result.sent, result.unknown, result.failures, result.exit_code) == (6, (), (), 0)
        once(here, 6)
        assert (here.clock.now() - began >= 60) is (not fault.startswith("throttled"))


async def test_a_service_that_stays_down_is_left_alone(tmp_path: Path) -> None:
    faults = Faults(next=(ScriptedFault("POST", PATH, "error_before", 1000),))
    async with world(tmp_path, people(2), at=NOON, faults=faults) as here:
        result = await here.send(ResetEmail())
        assert (result.sent, result.exit_code) == (0, 3)
        assert {code for _, code in result.failures} == {"unsettled"}
        here.server.faults.replace(Faults())
        assert (await here.send(ResetEmail())).sent == 2
        once(here, 2)


async def test_the_hours_end_within_a_batch(tmp_path: Path) -> None:
    email = ResetEmail(batch=100, hours=Hours(8 * 60, 18 * 60), timezone="Europe/Berlin")
    evening = datetime(2023, 11, 20, 17, 59, 30, tzinfo=BERLIN).timestamp()
    async with world(tmp_path, people(40), at=evening) as here:
        plain = here.adapter.request
        asked: list[float] = []

        async def slowly(address: str, locale: str | None) -> Any:
            asked.append(here.clock.now())
            # Before the answer, whose date tells the time: many are asked for at once.
            here.clock.time += 2
            return await plain(address, locale)

        here.adapter.request = slowly  # type: ignore[method-assign]
        result = await here.send(email)
        assert 0 < result.sent < 40 and result.sent + result.left == 40
        assert datetime.fromtimestamp(result.next_at or 0, BERLIN).isoformat() == "2023-11-21T08:00:00+01:00"
        assert here.ledger() == {"sent": result.sent}
        waited = await here.send(email, wait=True)
        assert waited.sent == result.left
        once(here, 40)
        assert all(8 <= datetime.fromtimestamp(at, BERLIN).hour < 18 for at in asked)


async def test_waiting_sends_all_batches_in_their_time(tmp_path: Path) -> None:
    async with world(tmp_path, people(7), at=NOON, quotas=Quotas(None, None, None, resets_per_day=6)) as here:
        result = await here.send(ResetEmail(batch=2, every=600), wait=True)
        assert (result.sent, result.left, result.exit_code, result.stopped) == (7, 0, 0, None)
        once(here, 7)
        assert len({stamp for _, stamp in here.mails()}) == 4


async def test_who_comes_back_during_the_wait_is_not_mailed(tmp_path: Path) -> None:
    async with world(tmp_path, people(6), at=NOON) as here:
        plain = here.adapter.request

        async def then_p4_signs_in(address: str, locale: str | None) -> Any:
            here.server.service.environment.database.write(
                "UPDATE users SET last_sign_in_at = '2023-11-20T12:00:00.000Z' WHERE email = ?", ("p4@example.com",)
            )
            return await plain(address, locale)

        here.adapter.request = then_p4_signs_in  # type: ignore[method-assign]
        result = await here.send(ResetEmail(batch=2, every=600), wait=True)
        assert (result.sent, result.left, result.exit_code) == (5, 0, 0)
        assert "p4@example.com" not in [address for address, _ in here.mails()]


async def test_a_kill_between_claim_and_answer_is_settled_by_the_next_run(tmp_path: Path) -> None:
    async with world(tmp_path, people(5), at=NOON) as here:
        here.mortal.left = 12
        with pytest.raises(Killed):
            await here.send(ResetEmail())
        held = here.ledger()
        assert held == {"intended": 5}
        began = here.clock.now()
        result = await here.send(ResetEmail())
        once(here, 5)
        assert result.exit_code == 0 and here.ledger() == {"sent": 5}
        assert here.clock.now() - began >= 59 or result.sent == 0


async def test_unknown_is_listed_and_mailed_only_on_demand(tmp_path: Path) -> None:
    async with world(tmp_path, people(3), at=NOON) as here:
        here.mortal.left = 7  # before the first call
        with pytest.raises(Killed):
            await here.send(ResetEmail())
        await asyncio.sleep(0.05)  # what was in flight gets to WorkOS
        here.clock.time += 91 * 86_400
        result = await here.send(ResetEmail())
        assert (result.unknown, result.sent, result.exit_code) == (("sub-000", "sub-001", "sub-002"), 0, 3)
        again = await here.send(ResetEmail(), resend_unknown=True, limit=2)
        assert (again.sent, again.unknown) == (2, ("sub-002",))
        assert (await here.send(ResetEmail(), resend_unknown=True)).exit_code == 0


async def test_unreadable_events_mail_nobody(tmp_path: Path) -> None:
    async with world(tmp_path, people(4), at=NOON) as here:
        assert (await here.send(ResetEmail(), limit=2)).sent == 2
        for failure in (Refused("forbidden", status=403), Transient("server_error", status=500)):
            here.resets.events_fail = failure
            for dry in (True, False):
                with pytest.raises(MigrateError) as refused:
                    await here.send(ResetEmail(), dry_run=dry)
                assert refused.value.code == "events_unreadable" and "GET /events" in str(refused.value)
        assert len(here.mails()) == 2
        here.resets.events_fail = None
        assert (await here.send(ResetEmail())).exit_code == 0
        once(here, 4)


async def test_events_that_become_unreadable_make_nobody_mailed_twice(tmp_path: Path) -> None:
    faults = Faults(next=(ScriptedFault("POST", PATH, "reset_after", 2),))
    async with world(tmp_path, people(4), at=NOON, faults=faults) as here:
        plain = here.adapter.request

        async def then_unreadable(address: str, locale: str | None) -> Any:
            here.resets.events_fail = Refused("forbidden", status=403)
            return await plain(address, locale)

        here.adapter.request = then_unreadable  # type: ignore[method-assign]
        result = await here.send(ResetEmail())
        assert (result.sent, len(result.unknown), result.exit_code) == (2, 2, 3)
        here.resets.events_fail = None
        assert (await here.send(ResetEmail())).exit_code == 0  # readable again: they were sent
        once(here, 4)


async def test_a_state_restored_from_an_older_copy_mails_nobody_twice(tmp_path: Path) -> None:
    async with world(tmp_path, people(7), at=NOON) as here:
        assert (await here.send(ResetEmail(), limit=2)).sent == 2
        state = tmp_path / "acme.state.db"
        copy = state.read_bytes()
        assert (await here.send(ResetEmail(), limit=3)).sent == 3
        state.write_bytes(copy)
        dry = await here.send(ResetEmail(), dry_run=True)
        assert (dry.due, dry.not_mailed["mailed"]) == (2, 5)
        assert here.ledger() == {"sent": 2}
        result = await here.send(ResetEmail())
        assert (result.sent, result.not_mailed["mailed"]) == (2, 5)
        once(here, 7)
        # Kept beyond the events' end.
        here.clock.time += 91 * 86_400
        assert (await here.send(ResetEmail())).sent == 0


@pytest.mark.parametrize("ahead", [90.0, -90.0, 7200.0])
async def test_a_clock_of_ours_that_is_wrong_mails_nobody_twice(tmp_path: Path, ahead: float) -> None:
    faults = Faults(next=(ScriptedFault("POST", PATH, "reset_after", 3),))
    async with world(tmp_path, people(6), at=NOON, faults=faults) as here:
        right = here.server.service.environment.clock
        right.offset = -ahead
        here.mortal.left = 12
        with pytest.raises(Killed):
            await here.send(ResetEmail())
        assert here.ledger() == {"intended": 6}
        await here.send(ResetEmail())
        once(here, 6)


async def test_a_second_e_mail_after_a_week_but_not_to_who_came_back(tmp_path: Path) -> None:
    async with world(tmp_path, people(3), at=NOON) as here:
        assert (await here.send(ResetEmail())).sent == 3
        here.clock.time += 8 * 86_400
        here.server.service.environment.database.write(
            "UPDATE users SET last_sign_in_at = '2023-11-21T00:00:00.000Z' WHERE email = ?", ("p1@example.com",)
        )
        result = await here.send(ResetEmail(), resend_after=7 * 86_400.0)
        assert (result.sent, result.not_mailed["returned"]) == (2, 1)
        assert Counter(address for address, _ in here.mails()) == {
            "p0@example.com": 2, "p1@example.com": 1, "p2@example.com": 2,
        }  # fmt: skip
        here.clock.time += 86_400
        assert (await here.send(ResetEmail(), resend_after=7 * 86_400.0)).sent == 0


async def test_whoever_is_gone_is_a_failure_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, people(3), at=NOON) as here:
        plain = here.adapter.request

        async def without_one(address: str, locale: str | None) -> Any:
            if address == "p1@example.com":
                raise Terminal("entity_not_found", status=404)
            return await plain(address, locale)

        here.adapter.request = without_one  # type: ignore[method-assign]
        result = await here.send(ResetEmail())
        assert (result.sent, result.failures, result.exit_code) == (2, (("sub-001", "gone"),), 3)


async def test_a_stopped_run_leaves_no_intent_open(tmp_path: Path) -> None:
    async with world(tmp_path, people(40), at=NOON) as here:
        stop = Stop()
        plain = here.adapter.request

        async def then_stop(address: str, locale: str | None) -> Any:
            issued = await plain(address, locale)
            stop.request("interrupted")
            return issued

        here.adapter.request = then_stop  # type: ignore[method-assign]
        result = await here.send(ResetEmail(), stop=stop)
        assert result.exit_code == 130 and result.sent + result.left == 40
        assert here.ledger() == {"sent": result.sent}


async def test_an_intent_gets_a_new_time_when_its_call_comes_late(tmp_path: Path) -> None:
    """A pause of the quota between intent and call, then a kill: the minute counts from the call."""
    faults = Faults(next=(ScriptedFault("POST", PATH, "throttled", 2),), retry_after_s=300)
    async with world(tmp_path, people(2), at=NOON, faults=faults) as here:
        here.mortal.left = 11
        with pytest.raises(Killed):
            await here.send(ResetEmail())
        assert here.mortal.where == "after the call" or here.ledger()["intended"] == 2
        with sqlite3.connect(tmp_path / "acme.state.db") as connection:
            times = [at for (at,) in connection.execute("SELECT intent_at FROM resets")]
        connection.close()
        assert max(times) >= NOON + 300
        await here.send(ResetEmail())
        once(here, 2)


async def test_files_survive_kills_and_hold_each_once(tmp_path: Path) -> None:
    email = ResetEmail(deliver="file", batch=10)
    async with world(tmp_path, people(25), at=NOON, quotas=UNLIMITED) as here:
        deaths = 0
        for left in (6, 9, 25, 31, 44, 60):
            here.mortal.left = left
            try:
                await here.send(email)
            except Killed:
                deaths += 1
            here.clock.time += 1800
        here.mortal.left = None
        for _ in range(4):
            await here.send(email)
            here.clock.time += 3601
        out = tmp_path / "out"
        assert deaths >= 3 and not list(out.glob("*.partial"))
        lines = [json.loads(line) for path in out.glob("*.jsonl") for line in path.read_text().splitlines()]
        assert Counter(one["email"] for one in lines) == {f"p{at}@example.com": 1 for at in range(25)}
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in out.iterdir())
        assert here.ledger() == {"sent": 25}


async def test_a_torn_line_is_taken_out(tmp_path: Path) -> None:
    async with world(tmp_path, people(2), at=NOON) as here:
        out = tmp_path / "out"
        out.mkdir()
        torn = out / "resets-20231120T110000Z-1.jsonl.partial"
        torn.write_bytes(b'{"user_id": "user_x", "email": "x@example.com"}\n{"user_id": "us')
        assert (await here.send(ResetEmail(deliver="file"))).sent == 2
        assert torn.with_suffix("").read_bytes() == b'{"user_id": "user_x", "email": "x@example.com"}\n'


@pytest.mark.parametrize(("batch", "mailed"), [(1, 16), (2, 32)])
async def test_a_state_that_cannot_be_written_once_mails_are_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, mailed: int
) -> None:
    """What was attempted is told with exit 3; only where nothing was, the command fails as a whole."""
    full = StateError("the disk is full", remedy="free some space", code="disk_full")
    record, batches = ResetLedger.record, 0

    def once_full(ledger: ResetLedger, **what: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == batch:
            raise full
        record(ledger, **what)

    def at_once(*_: Any, **__: Any) -> None:
        raise full

    async with world(tmp_path, people(40), at=NOON) as here:
        with monkeypatch.context() as patched:
            patched.setattr(ResetLedger, "record", once_full)
            result = await here.send(ResetEmail())
        assert (result.stopped, result.exit_code, len(here.mails())) == ("disk_full", 3, mailed)
        assert result.sent == mailed - 16 and result.left == 40 - mailed and len(result.unknown) == 16
        assert any("the disk is full" in one for one in result.warnings)
        with monkeypatch.context() as patched:
            patched.setattr(ResetLedger, "intend", at_once)
            with pytest.raises(StateError):
                await here.send(ResetEmail())
        assert (await here.send(ResetEmail())).exit_code == 0
        once(here, 40)
