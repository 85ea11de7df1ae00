"""`explain` over the tables of cases: the rule that it names is the rule that acted, and what it foresees happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.model.rules import RULES, because, rules_of, title_of
from engine.run.explanation import NextStep
from tests.identity.case import Case, Step
from tests.identity.test_cases import CASES
from tests.identity.test_readme_rows import SHOWN_BY
from tests.support.cli import ROOT, tree
from tests.support.identity import IdentityWorld

# By row of the README: for each of its cases, what happens to each record, and the rules of docs/rules.md that act, in
# the order in which they do; the last one decides.
ACTED: dict[str, list[dict[str, str]]] = {
    "a new user": [{"a": "create 6"}],
    "several records with one address": [
        {"a": "create 4 6", "m": "merge 4"},
        {"a": "merge 4", "b": "create 4 6"},
        {"a": "merge 4", "b": "create 4 6", "c": "merge 4"},
        {"a": "create 4 6", "b": "merge 4", "c": "merge 4"},
    ],
    "an attribute changed": [{"a": "update 9"}],
    "the address changed, the new one verified": [{"a": "update 2"}],
    "the address changed to an unverified one, the user was verified": [{"a": "conflict:email_change_unverified 2"}],
    "an address that Cognito has not verified": [{"a": "create 6 1"}],
    "the address changed, Cognito had never verified the old one, and the WorkOS user is verified, has signed in, has "
    "identities, second factors or a new password, or was changed there; or has another address there by now": [
        {"a": "conflict:address_in_use 2"},
        {"a": "conflict:address_in_use 2"},
        {"a": "conflict:address_in_use 2"},
    ],
    "a metadata attribute vanished, or its key left the plan": [{"a": "update 9"}, {"a": "update 9"}],
    "a name vanished": [{"a": "unchanged 9"}],
    "a record joins an address and ranks first": [{"a": "merge 4", "b": "update 4 2 9"}],
    "a verified record joins an address that was migrated unverified": [
        {"a": "update 4 2 3 9", "m": "merge 4"},
        {"a": "conflict:other_external_id 4 6", "m": "merge 4"},
        {"a": "conflict:other_external_id 4 2 6", "m": "merge 4"},
    ],
    "an unverified record joins a verified user's address": [{"a": "unchanged 4 9", "m": "merge 4"}],
    "the first record of an address is deleted": [
        {"a": "keep 4", "b": "update 2 9"},
        {"a": "keep 10", "m": "conflict:other_external_id 6"},
    ],
    "two migrated users come to share an address": [{"a": "unchanged 4 9", "b": "merge 4"}],
    "addresses move on from one user to the next": [
        {"a": "update 2", "b": "update 2"},
        {"a": "update 2", "b": "update 2", "c": "update 2"},
        {"a": "conflict:email_not_available 2", "b": "conflict:email_not_available 2"},
    ],
    "deleted, disabled or filtered out": [
        {"a": "keep 10", "b": "unchanged 9"},
        {"a": "update 9"},
        {"a": "unchanged 9", "b": "exclude:filtered 10"},
    ],
    "our external ID and our address": [{"a": "adopt 6 8"}, {"a": "adopt 6 8"}],
    "our external ID, another address": [{"a": "conflict:external_id_other_email 6"}],
    "our address, another external ID": [{"a": "conflict:other_external_id 6"}],
    "our address, no external ID, verified on both sides": [
        {"a": "adopt 7"},
        {"a": "adopt 7"},
        {"a": "skip:existing_user 7"},
        {"a": "conflict:existing_user 7"},
    ],
    "the same, not verified on both sides": [{"a": "conflict:unverified_link 7"}] * 3,
    "changed there after the migration": [{"a": "unchanged 9 10"}],
    "deleted there after the migration": [{"a": "conflict:gone 9 10"}],
}
_NAMED = {case.name: case for case in CASES}
_COUNTED = {
    "create": "created", "update": "updated", "adopt": "adopted", "merge": "merged", "unchanged": "unchanged",
    "skip": "skipped", "conflict": "conflicts",
}  # fmt: skip


def prepare(world: IdentityWorld, case: Case, step: Step) -> None:
    """What happens before a step's command."""
    if step.plan is not None:
        world.write_plan(step.plan)
    if step.meanwhile is not None:
        step.meanwhile(world)


async def before_the_last(world: IdentityWorld, case: Case) -> Step:
    """Everything of a case but its last `apply`."""
    for line in case.before:
        world.add(line)
    *earlier, last = case.steps
    for step in earlier:
        prepare(world, case, step)
        await world.apply(*step.records)
    prepare(world, case, last)
    return last


async def foreseen(world: IdentityWorld, case: Case, last: Step) -> dict[str, NextStep]:
    """What `explain` says of each record that the case ever had, asked for one by one."""
    found = {}
    for sub in sorted({one.sub for step in case.steps for one in step.records}):
        explained = await world.explain(sub, *last.records)
        (found[sub],) = [one for one in explained.steps if one.source_id == sub]
    return found


def in_words(step: NextStep) -> str:
    code = f":{step.code}" if step.code is not None else ""
    return f"{step.action}{code} {' '.join(map(str, step.rules))}"


def test_every_row_and_every_case_of_it_is_here() -> None:
    assert {row: len(cases) for row, cases in ACTED.items()} == {row: len(cases) for row, cases in SHOWN_BY.items()}


@pytest.mark.parametrize(
    ("case", "acted"),
    [
        pytest.param(_NAMED[name], acted, id=f"{row[:50]}: {name}")
        for row, names in SHOWN_BY.items()
        for name, acted in zip(names, ACTED[row], strict=True)
    ],
)
async def test_the_rule_that_is_named_is_the_rule_that_acted(case: Case, acted: dict[str, str], tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, case.plan)
    last = await before_the_last(world, case)
    assert {sub: in_words(step) for sub, step in (await foreseen(world, case, last)).items()} == acted


@pytest.mark.parametrize("case", [pytest.param(one, id=one.name) for one in CASES])
async def test_what_is_foreseen_happens(case: Case, tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, case.plan)
    last = await before_the_last(world, case)
    held, files = world.workos(), tree(tmp_path)
    steps = await foreseen(world, case, last)
    assert (world.workos(), tree(tmp_path)) == (held, files)
    assert all(step.because for step in steps.values())

    result = await world.apply(*last.records)
    assert _counted(list(steps.values())) == {name: number for name, number in result.users.items() if number}
    codes = sorted((one.source_id, one.code) for one in result.failures)
    assert sorted((one.source_id, one.code) for one in steps.values() if one.action == "conflict") == codes


def _counted(steps: Sequence[NextStep]) -> Counter[str]:
    return Counter(_COUNTED[one.action] for one in steps if one.action in _COUNTED)


def test_rules_and_their_titles_are_those_of_the_page() -> None:
    title, found = "", {}
    for line in (ROOT / "docs" / "rules.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
        number, _, rest = line.partition(". ")
        if title and number.isdigit() and rest:
            found[int(number)] = title
    assert found == {rule: title_of(rule) for rule in RULES}


def test_reasons_are_told_once_and_an_unknown_code_names_no_rule() -> None:
    assert rules_of(("stands", "changed", "key_removed", "stands")) == [4, 9]
    assert [one.rule for one in because(("never_seen", "decision"))] == [None, None]
