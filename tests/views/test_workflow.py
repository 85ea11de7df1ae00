"""What GitHub's runner obeys: its way of reading a line, written down here, finds only the commands that are meant."""

from __future__ import annotations

import io
import re
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.diagnostics import Diagnostic
from engine.views import workflow
from engine.views.console import Console

HOSTILE = ["::error::x", "  ::add-mask::x", "\t::set-output name=a::b", "a ##[error]x", "##[group]x", "a::error::b"]


def commands(line: str) -> bool:
    """Whether the runner takes a line for a command (actions/runner, ActionCommand.TryParseV2 and TryParse)."""
    return line.strip().startswith("::") or ("##[" in line and "]" in line[line.index("##[") :])


def unescaped(text: str) -> str:
    """As the runner reads a message."""
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@pytest.fixture
def in_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A step of a workflow; gives the root of the checkout."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_error_of_the_plan_file_stands_at_its_line(in_github: Path) -> None:
    found = Diagnostic("x", "100 % bad: a,b\nand more", "good", "plans/a,b:c.yaml", 3, 5)
    line = workflow.annotation("error", found, str(found))
    head, _, message = line[2:].partition("::")
    assert head == "error file=plans/a%2Cb%3Ac.yaml,line=3,col=5"
    assert message == "plans/a,b:c.yaml:3:5: 100 %25 bad: a,b%0Aand more; good"
    assert unescaped(message) == str(found)
    assert workflow.annotation("warning", "careful\r\n::error::x", "careful\r\n::error::x") == (
        "::warning::careful%0D%0A::error::x"
    )


def test_a_file_is_named_from_the_root_of_the_checkout(
    in_github: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (in_github / "plans").mkdir()
    monkeypatch.chdir(in_github / "plans")
    found = Diagnostic("x", "bad", "", "acme.yaml", 0, 0)
    assert workflow.annotation("error", found, "m") == "::error file=plans/acme.yaml::m"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "plan.yaml"
    assert workflow.in_workspace(str(elsewhere), {"GITHUB_WORKSPACE": str(in_github)}) == str(elsewhere)
    assert workflow.in_workspace("plan.yaml", {}) == "plan.yaml"


@pytest.mark.parametrize("line", HOSTILE)
def test_what_somebody_is_called_is_no_command(line: str, in_github: Path) -> None:
    assert commands(line) is not line.startswith("a::")
    assert not commands(workflow.harmless(line))
    out, err = io.StringIO(), io.StringIO()
    console = Console(out=out, err=err)
    console.say(line)
    console.progress(line)
    console.data(line)
    console.stream([line + "\n"], shown=True)
    console.header([(line, line)])
    assert not [one for one in (out.getvalue() + err.getvalue()).splitlines() if commands(one)]
    console.warn(line)
    told = err.getvalue().splitlines()[-1]
    assert told.startswith("::warning::") and "##[" not in told[: len("::warning::")]


@given(st.text())
def test_no_text_is_a_command_once_it_is_harmless(text: str) -> None:
    assert not commands(workflow.harmless(text))


@given(st.text(alphabet='#[]:\\u05b"a'))
def test_json_says_the_same_without_a_command(text: str) -> None:
    written = workflow.harmless_json(orjson.dumps({"name": text}).decode())
    assert "##[" not in written
    assert orjson.loads(written) == {"name": text}


def test_a_document_cannot_hold_a_command(in_github: Path) -> None:
    out = io.StringIO()
    Console(json=True, out=out, err=io.StringIO()).document({"plan": "##[error]x", "at": "::error::x"})
    assert not commands(out.getvalue())
    assert orjson.loads(out.getvalue()) == {"plan": "##[error]x", "at": "::error::x"}


def test_each_stage_is_a_group(in_github: Path) -> None:
    err = io.StringIO()
    console = Console(json=True, err=err)
    with console.stages() as stages:
        stages.begin("reading", 2)(2)
        console.warn("careful")
        stages.begin("writing", 1)(1)
    shown = [re.sub(r" \(.*", "", line) for line in err.getvalue().splitlines()]
    assert shown == [
        "::group::reading", "reading: 100 %", "::warning::careful", "::endgroup::",
        "::group::writing", "writing: 100 %", "::endgroup::",
    ]  # fmt: skip


def test_errors_are_annotations_beside_the_document(in_github: Path) -> None:
    for json in (False, True):
        out, err = io.StringIO(), io.StringIO()
        Console(json=json, out=out, err=err).fail(
            Diagnostic("x", "bad", "", "plan.yaml", 1, 2), "sk_live_abcdefghijklmnop"
        )
        assert err.getvalue() == ("::error file=plan.yaml,line=1,col=2::plan.yaml:1:2: bad\n::error::[secret]\n")
        assert out.getvalue() == ""


def test_elsewhere_nothing_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    out, err = io.StringIO(), io.StringIO()
    console = Console(out=out, err=err)
    console.warn("careful")
    console.data("::x")
    console.summarise("text")
    with console.stages() as stages:
        stages.begin("reading", 1)(1)
    assert err.getvalue().startswith("warning: careful\nreading: 100 %") and out.getvalue() == "::x\n"


def test_a_summary_that_cannot_be_written_is_a_warning(in_github: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(in_github / "summary.md"))
    console = Console(err=err)
    console.summarise("one\n")
    console.summarise("two\n")
    assert (in_github / "summary.md").read_text() == "\none\n\ntwo\n" and err.getvalue() == ""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(in_github / "none" / "summary.md"))
    console.summarise("three\n")
    assert err.getvalue().startswith("::warning::the step's summary could not be written")
