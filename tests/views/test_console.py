from __future__ import annotations

import io
import os

import orjson
import pytest

from engine.model.diagnostics import Diagnostic
from engine.model.exchanges import Exchange
from engine.views.console import Console
from engine.views.stage_views import Bar, Lines


class Terminal(io.StringIO):
    """Standard error that somebody looks at."""

    def isatty(self) -> bool:
        return True


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
    assert err.getvalue() == "plan         acme\ndestination  WorkOS\n\none\ntwo\nwarning: careful\nerror: wrong\n"
    assert out.getvalue() == "data\n"


def test_quiet_tells_of_faults_only() -> None:
    console, out, err = _console(quiet=True)
    console.header([("plan", "acme")])
    console.say("one")
    console.warn("careful")
    console.fail("wrong")
    console.data("asked for")
    assert err.getvalue() == "warning: careful\nerror: wrong\n" and out.getvalue() == "asked for\n"
    with console.stages() as stages:
        stages.begin("reading", 1)(1)
    assert err.getvalue() == "warning: careful\nerror: wrong\n"


def test_progress_is_told_with_json_too_and_words_for_people_are_not() -> None:
    console, out, err = _console(json=True)
    console.say("for people")
    console.progress("round 1")
    with console.stages() as stages:
        stages.begin("reading", 2)(2)
    round_line, stage_line = err.getvalue().splitlines()
    assert round_line == "round 1" and stage_line.startswith("reading: 100 % (2 of 2, ")
    assert out.getvalue() == ""
    quiet, _, err = _console(json=True, quiet=True)
    quiet.progress("round 1")
    with quiet.stages() as stages:
        stages.begin("reading", 2)(2)
    assert err.getvalue() == ""


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
        assert [type(one) for one in stages._views] == [Lines]
        progress(2)
    assert err.getvalue().startswith("reading: 100 %") and "\r" not in err.getvalue() and "\x1b" not in err.getvalue()


@pytest.mark.parametrize(
    ("name", "value", "live"),
    [("TERM", "xterm", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False), ("NO_COLOR", "", True)],
)
def test_a_terminal(name: str, value: str, live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    err = Terminal()
    console = Console(err=err)
    assert [type(one) for one in console.stages()._views] == [Bar if live else Lines]
    assert [type(one) for one in Console(err=err, json=True).stages()._views] == [Lines]
    console.warn("careful")
    console.fail("wrong \x1b[31m", Diagnostic("x", "bad", "good", "plan.yaml", 3, 5))
    console.say("done: all", "done", "donetoo", "  done: no", "error")
    said = err.getvalue().splitlines()
    plain = ["warning: careful", "error: wrong \\x1b[31m", "error: plan.yaml:3:5: bad; good", "done: all", "done",
             "donetoo", "  done: no", "error"]  # fmt: skip
    coloured = [
        "\x1b[33mwarning:\x1b[0m careful", "\x1b[31merror:\x1b[0m wrong \\x1b[31m",
        "\x1b[31merror:\x1b[0m plan.yaml:3:5: bad; good", "\x1b[32mdone\x1b[0m: all", "\x1b[32mdone\x1b[0m", *plain[5:],
    ]  # fmt: skip
    assert said == (coloured if live else plain)


def test_requests_are_shown_only_where_somebody_asked() -> None:
    one = Exchange("WorkOS", "GET", "/user_management/users/{id}", "200", 0.0344)
    for options, shown in (({}, ""), ({"verbose": True, "quiet": True}, ""), ({"verbose": True, "json": True}, None)):
        console, out, err = _console(**options)
        console.trace(one)
        expected = "WorkOS GET /user_management/users/{id} 200 in 34 ms\n" if shown is None else shown
        assert (out.getvalue(), err.getvalue()) == ("", expected)


def test_a_reader_that_went_away_is_no_fault() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as broken:
        console = Console(out=broken, err=io.StringIO())
        console.data("x")
        console.data("y" * 100_000)
