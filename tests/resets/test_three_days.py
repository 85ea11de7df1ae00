"""A campaign over three days: a third of the pool mailed a day, ten of the runs killed, each mailed exactly once.

The seed is printed, so that a failure can be had again; `KILL_SEED` sets it.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.model.call_errors import Terminal
from engine.model.errors import MigrateError
from engine.plan_file.model import Hours, ResetEmail
from engine.resets.results import SendResult
from engine.sandbox.options import Quotas
from tests.resets.world import Killed, world
from tests.support.people import cognito_user
from tests.support.sandbox_extras import Faults

KILLS = 10
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2023, 11, 20, 6, 30, tzinfo=BERLIN).timestamp()
HOURS = Hours(8 * 60, 18 * 60, frozenset(range(5)))


@pytest.mark.parametrize(("pool", "quota"), [(400, 140), pytest.param(2000, 700, marks=pytest.mark.long)])
async def test_each_address_exactly_once(pool: int, quota: int, tmp_path: Path) -> None:
    plan = ResetEmail(batch=pool * 6 // 100, every=3600, hours=HOURS, timezone="Europe/Berlin")
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1_000_000))
    sys.stdout.write(f"KILL_SEED={seed}\n")
    rng = random.Random(seed)
    users = [cognito_user(f"sub-{at:04}", email=f"person{at}@example.com", email_verified="true") for at in range(pool)]
    quotas = Quotas(None, None, None, resets_per_day=quota)
    faults = Faults(rates={"throttled": 0.05, "reset_after": 0.02}, seed=seed, only="writes")
    async with world(tmp_path, users, at=MONDAY, quotas=quotas, faults=faults) as here:
        deaths: Counter[str] = Counter()
        ends: list[SendResult] = []
        blind = 0
        runs = 0
        while here.clock.now() < MONDAY + 3 * 86_400:
            if deaths.total() < KILLS and here.mortal.left is None:
                here.mortal.left = rng.randrange(20, quota)
            runs += 1
            try:
                ends.append(await here.send(plan))
            except Killed:
                deaths[here.mortal.where] += 1
                await asyncio.sleep(0.05)  # what was in flight gets to WorkOS
                here.clock.time += rng.uniform(1, 90)
                if not blind and here.ledger().get("intended"):
                    # Nobody can read the events for once: nobody is mailed, and nothing is forgotten.
                    here.resets.events_fail = Terminal("forbidden", status=400)
                    left, here.mortal.left = here.mortal.left, None
                    before = len(here.mails()), here.ledger()
                    with pytest.raises(MigrateError) as refused:
                        await here.send(plan, limit=1)
                    assert refused.value.code == "events_unreadable"
                    assert (len(here.mails()), here.ledger()) == before
                    blind += 1
                    here.mortal.left = left
                    here.resets.events_fail = None
                continue
            here.clock.time += rng.uniform(1200, 3300)
        mails, ledger = here.mails(), here.ledger()
        sys.stdout.write(f"{runs} runs, died {dict(deaths)}, blind: {blind}\n")
        last = await here.send(plan)

    assert deaths.total() == KILLS and blind == 1
    assert Counter(address for address, _ in mails) == {f"person{at}@example.com": 1 for at in range(pool)}
    assert ledger == {"sent": pool}
    assert (last.due, last.sent, last.not_mailed["mailed"], last.exit_code) == (0, 0, pool, 0)
    for _, stamp in mails:
        local = datetime.fromisoformat(stamp).astimezone(BERLIN)
        assert 8 <= local.hour < 18 and local.weekday() < 5, local
    by_day = Counter(datetime.fromisoformat(stamp).astimezone(UTC).date() for _, stamp in mails)
    assert len(by_day) == 3 and max(by_day.values()) == quota
    spent = [end for end in ends if end.stopped == "daily_quota_exceeded"]
    assert spent and all(end.exit_code == 0 and not end.failures for end in spent)
