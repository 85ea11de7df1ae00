from __future__ import annotations

import io
import os

import orjson
import pytest

from engine.views.console import Console
from engine.views.progress import Lines, Silent


def _console(**options: bool) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Console(out=out, err=err, **options), out, err


def test_people_read_standard_error_and_data_goes_to_standard_output() -> None:
    console, out, err = _console()
    console.header([("plan", "acme"), ("destination", "WorkOS")])
    console.say("one", "two")
    console.warn("careful")
    console.fail("wrong")
    console.data("data")
    assert err.getvalue() == "plan         acme\ndestination  WorkOS\n\none\ntwo\nwarning: careful\nwrong\n"
    assert out.getvalue() == "data\n"


def test_quiet_tells_of_faults_only() -> None:
    console, out, err = _console(quiet=True)
    console.header([("plan", "acme")])
    console.say("one")
    console.warn("careful")
    console.fail("wrong")
    console.data("asked for")
    assert err.getvalue() == "warning: careful\nwrong\n" and out.getvalue() == "asked for\n"
    with console.stages() as stages:
        stages.begin("reading", 1)(1)
        assert isinstance(stages._current, Silent)


def test_one_json_object() -> None:
    console, out, _ = _console(json=True)
    console.document({"a": [1, "ü"]})
    assert orjson.loads(out.getvalue()) == {"a": [1, "ü"]} and out.getvalue().count("\n") == 1


def test_secrets_never_leave() -> None:
    console, out, err = _console()
    console.hide(["hunter2-hunter2"])
    console.say("key hunter2-hunter2")
    console.fail("sk_live_abcdefghijklmnop")
    console.document({"warnings": ["hunter2-hunter2"], "errors": [{"message": "key hunter2-hunter2"}]})
    assert "hunter2" not in out.getvalue() + err.getvalue() and "abcdefgh" not in err.getvalue()


def test_data_is_never_edited() -> None:
    console, out, _ = _console()
    names = ["x://b:", "y@z", "sk_live_abcdefghijkl"]
    console.document({"listed": [{"username": one, "message": "sk_live_abcdefghijkl"} for one in names]})
    console.stream(orjson.dumps(names).decode() + "\n" for _ in range(1))
    console.data("\t".join(names))
    document, stream, line = out.getvalue().splitlines()
    assert [one["username"] for one in orjson.loads(document)["listed"]] == orjson.loads(stream) == names
    assert line.split("\t") == names and "[secret]" in document


def test_no_message_moves_a_cursor() -> None:
    console, out, err = _console()
    hostile = "a\x1b[2J\x9b31m\u202e\u2066\rb\nc"
    console.say(hostile)
    console.warn(hostile)
    console.fail(hostile)
    console.header([("plan", hostile)])
    console.data(hostile)
    text = out.getvalue() + err.getvalue()
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    assert err.getvalue().count("\n") == 5 and out.getvalue().count("\n") == 1


@pytest.mark.parametrize("sandbox", [False, True])
def test_commands_in_messages_work_as_printed(sandbox: bool) -> None:
    console, out, err = _console(json=True)
    console.about("my plans/a'b.yaml", sandbox=sandbox)
    console.warn("run `migrate apply` again, or `migrate state forget a b`; `migrate export` and `aws x` stay")
    console.document({"failures": [{"remedy": "`migrate resets send --limit 1`"}], "code": "`migrate apply`"})
    plan = "'my plans/a'\"'\"'b.yaml'" + (" --sandbox" if sandbox else "")
    assert err.getvalue() == (
        f"warning: run `migrate apply {plan}` again, or `migrate state forget {plan} a b`;"
        " `migrate export` and `aws x` stay\n"
    )
    remedy = f"`migrate resets send {plan} --limit 1`"
    assert orjson.loads(out.getvalue()) == {"failures": [{"remedy": remedy}], "code": "`migrate apply`"}


def test_no_terminal_no_redrawing() -> None:
    console, _, err = _console()
    with console.stages() as stages:
        progress = stages.begin("reading", 2)
        assert isinstance(stages._current, Lines)
        progress(2)
    assert err.getvalue().startswith("reading: 100 %") and "\r" not in err.getvalue() and "\x1b" not in err.getvalue()


@pytest.mark.parametrize(
    ("name", "value", "live"), [("TERM", "xterm", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False)]
)
def test_a_terminal(name: str, value: str, live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert Console(err=Terminal())._live is live


def test_a_reader_that_went_away_is_no_fault() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as broken:
        console = Console(out=broken, err=io.StringIO())
        console.data("x")
        console.data("y" * 100_000)
