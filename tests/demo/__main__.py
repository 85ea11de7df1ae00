"""The story that `make demo` tells; it ends with 1 where anything turns out otherwise than it says."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.demo.commands import DemoFailed, headline, kill_midway, migrate, say
from tests.demo.counting import Counted, count, count_written
from tests.demo.people import PLAN, change, decide, lay_out

FOLDER = Path(__file__).resolve().parents[2] / ".demo"
REPORT = "report.html"
_MORE = 2000
_SANDBOX = "--sandbox"


def main(arguments: Sequence[str] = ()) -> int:
    """Tell it, in a folder of its own that stays there: the one named, else `.demo` of the checkout, made anew."""
    began = time.monotonic()
    if arguments:
        folder = Path(arguments[0])
    else:
        folder = FOLDER
        shutil.rmtree(folder, ignore_errors=True)
    try:
        # Never into a folder that holds something else.
        folder.mkdir()
        _tell(folder)
    except DemoFailed as error:
        say("", f"the demo failed: {error}")
        return 1
    say("", f"{time.monotonic() - began:.0f} s. Plan, state and report are in {folder}; open")
    say(f"  {folder / REPORT}")
    return 0


def _tell(folder: Path) -> None:
    subs = lay_out(folder, _MORE)
    say(f"A user pool of {_MORE:,} invented users, and 335 more of every kind that Cognito knows, to be moved into an")
    say("embedded WorkOS emulator. Nothing leaves this machine, and no step is faked.")

    headline("1. What would it do? The plan, before anything is written")
    migrate(folder, "plan", PLAN, _SANDBOX)

    headline("2. The first run, killed in the middle")
    kill_midway(folder, "apply", PLAN, _SANDBOX, when=lambda: count_written(folder) >= _MORE // 2)
    midway = count(folder, subs)
    _show(midway)
    if not midway.lost:
        raise DemoFailed("nobody was missing after the kill, so it was not in the middle")

    headline("3. The same command again: it goes on where the killed run was")
    migrate(folder, "apply", PLAN, _SANDBOX)
    whole = count(folder, subs)
    _show(whole)
    if whole.lost or whole.doubled or whole.created != whole.users:
        raise DemoFailed("somebody was lost or doubled")

    headline("4. Somebody changes in Cognito: what would the next run change in WorkOS?")
    before = change(folder, subs[7], plan="enterprise")
    say(f"(in the pool: custom:plan of {subs[7]} from {before['plan']} to enterprise)")
    # Values are personal data: `plan` shows them only on request.
    migrate(folder, "plan", PLAN, _SANDBOX, "--values")
    migrate(folder, "apply", PLAN, _SANDBOX)

    headline("5. A conflict: somebody's new address is not verified, and the old one was")
    before = change(folder, subs[11], email="somebody.else@example.com", email_verified="false")
    say(f"(in the pool: the address of {subs[11]} from {before['email']} to somebody.else@example.com, unverified)")
    migrate(folder, "apply", PLAN, _SANDBOX, ends=3)
    say("", "The decision, in the plan file, where a pull request shows it:")
    say(decide(folder, subs[11], "they verify the new address themselves").rstrip())
    migrate(folder, "apply", PLAN, _SANDBOX)

    headline("6. Can we cut over? What a machine cannot tell, it says")
    # No-go: the quickstart says nothing of its identity providers, and nobody has proven them.
    migrate(folder, "ready", PLAN, _SANDBOX, ends=3)

    headline("7. The report, for those who do not run it: one file, nobody is named in it")
    migrate(folder, "report", PLAN, _SANDBOX, "--out", REPORT)


def _show(counted: Counted) -> None:
    say(
        "",
        f"counted in the emulator's own file: {counted.users:,} users from {counted.created:,} creations; of the "
        f"{_MORE:,} plain ones {counted.lost:,} are missing, {counted.doubled} doubled",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
