"""No input gives a traceback: whatever is done to a plan, it loads or is an `InvalidPlanFile` with places."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.errors import InvalidPlanFile
from engine.plan_file.advice import find_advisable
from engine.plan_file.builder import build_spec
from engine.plan_file.checks import find_senseless
from engine.plan_file.loader import load
from engine.plan_file.model import Spec
from engine.plan_file.references import replace
from engine.plan_file.shape import find_misshapen, without

TEXT = (Path(__file__).parents[2] / "plans" / "production.yaml").read_text()
PRODUCTION = yaml.safe_load(TEXT.replace("2020-01-01", '"2020-01-01"'))
# What this release refuses, so that it stands in no plan of ours yet, is read and judged nevertheless.
MORE = {**PRODUCTION, **yaml.safe_load("""
filters:
  attributes: [{name: "custom:tenant", in: [acme]}, {name: email, matches: "@acme"}]
  sample: {percent: 5, seed: 7}
  cohorts: [{name: pilot, groups: [beta], attributes: [{name: sub, exists: true}], from: "2026-12-01"}]
organizations:
  from: attribute
  attribute: custom:tenant
  separator: ","
  map:
    acme: {organization: acme, organization_name: Acme, role: admin, domains: [acme.com], metadata: {plan: gold}}
    "tenant-*": {organization: "{1}", roles: [admin, member], domains: [{domain: acme.com, state: verified}]}
  default: {organization: community}
  unmapped: skip
  create_roles: true
  roles: {admin: {name: Admin, permissions: ["users:read"]}}
disabled: deactivate
left: deactivate
no_email: placeholder
placeholder: "{sub}@no-email.acme.com"
x-anchors: [a]
""")}  # fmt: skip
SEVERAL = {**MORE, **yaml.safe_load("""
source:
  - {name: us, cognito: {user_pool_id: us-east-1_A}, organization: acme, filters: {enabled: any}}
  - name: eu
    export: {files: [u.jsonl], user_pool_id: eu-west-1_A}
    attributes: {first_name: {const: Ann}, external_id: {template: "{pool}:{sub}"}, last_name: {from: b}}
organizations: {from: pool, map: {eu: {organization: acme}}}
decisions: [{pool: us, sub: a, action: skip}]
""")}  # fmt: skip
ENVIRON = {"WORKOS_API_KEY": "sk_live_never_to_be_shown", "WORKOS_CLIENT_ID": "client_1"}
FIXTURE = [HealthCheck.function_scoped_fixture]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=FIXTURE)
# Seeds are printed with what fails; a case that takes seconds counts as a hang.
LONG = settings(max_examples=2000, deadline=timedelta(seconds=5), suppress_health_check=FIXTURE, print_blob=True)
MOST_MEMORY = 200 << 10  # KiB that the whole suite may grow by
CUTS = {"start": st.integers(0, len(TEXT)), "length": st.integers(0, 40), "middle": st.text(max_size=12)}


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "p.yaml"


@pytest.fixture(autouse=True, scope="module")
def memory_stays() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


def holds(path: Path, raw: bytes, **options: bool) -> None:
    path.write_bytes(raw)
    try:
        assert isinstance(load(path, environ=ENVIRON, **options).spec, Spec)
    except InvalidPlanFile as error:
        assert error.found
        for one in error.found:
            assert one.code
            assert one.wrong
            assert one.file == str(path)
            assert "\n" not in str(one)
            assert "never_to_be_shown" not in str(one)


def spliced(path: Path, start: int, length: int, middle: str) -> None:
    holds(path, (TEXT[:start] + middle + TEXT[start + length :]).encode("utf-8", "surrogatepass"))


@QUICK
@given(**CUTS)
def test_text_cut_and_spliced(path: Path, start: int, length: int, middle: str) -> None:
    spliced(path, start, length, middle)


@pytest.mark.long
@LONG
@given(**CUTS)
def test_text_cut_and_spliced_often(path: Path, start: int, length: int, middle: str) -> None:
    spliced(path, start, length, middle)


@QUICK
@given(raw=st.binary(max_size=60))
def test_any_bytes(path: Path, raw: bytes) -> None:
    holds(path, raw)


def keys(data: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, child in children:
        yield (*above, step)
        yield from keys(child, (*above, step))


VALUES: Any = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["${WORKOS_API_KEY}", "${NOPE}", "${", "$${", "sk_live_literal0", "[", "{", "s3://x", "é" * 700]),
    st.lists(st.one_of(st.text(max_size=5), st.none(), st.integers()), max_size=3),
    st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=5), st.none(), st.lists(st.text(max_size=3)))),
)


def changed(data: Any, key: tuple[Any, ...], value: Any) -> Any:
    if not key:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[key[0]] = changed(data[key[0]], key[1:], value)
    return copy


ANYWHERE: Any = {
    "place": st.sampled_from([(data, key) for data in (PRODUCTION, MORE, SEVERAL) for key in keys(data)]),
    "value": VALUES,
    "mode": st.sampled_from(["", "sandbox", "opaque"]),
}


def with_value(path: Path, place: tuple[Any, tuple[Any, ...]], value: Any, mode: str) -> None:
    options = {"sandbox": {"sandbox": True}, "opaque": {"resolve": False}}.get(mode, {})
    holds(path, yaml.safe_dump(changed(*place, value), allow_unicode=True).encode(), **options)


@QUICK
@given(**ANYWHERE)
def test_any_value_anywhere(path: Path, place: Any, value: Any, mode: str) -> None:
    with_value(path, place, value, mode)


@pytest.mark.long
@LONG
@given(**ANYWHERE)
def test_any_value_anywhere_often(path: Path, place: Any, value: Any, mode: str) -> None:
    with_value(path, place, value, mode)


ODD: list[Any] = [
    *(None, True, False, 0, -1, 5, 1e9, "", "x", "${A}", "${", "{1}", "{", "*", "é", "2026-12-01", "a@b.c", "\ud800"),
    *([], ["x"], ["${A}"], [None], {}, {"x": "y"}, {"x": None}, {"${A}": 1}, "none", "pool", "group", "create"),
]


@pytest.mark.parametrize("environ", [None, {"A": "a", **ENVIRON}], ids=["opaque", "resolved"])
@pytest.mark.parametrize("data", [MORE, SEVERAL], ids=["more", "several"])
@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
def test_what_is_refused_for_now_is_at_fault_or_can_be_built(
    data: Any, environ: dict[str, str] | None, every: int
) -> None:
    """As `load` goes about it, but for the refusal."""

    def build(written: Any) -> bool:
        read = replace(written, environ, leave=lambda key: False).data
        misshapen = find_misshapen(read)
        if misshapen or find_senseless(without(read, misshapen)):
            return False
        list(find_advisable(read))
        return isinstance(build_spec(read, Path("p.yaml")), Spec)

    assert build(data)
    # Few of the values at each place: they take turns.
    done = [build(changed(data, key, value)) for at, key in enumerate(keys(data)) for value in ODD[at % every :: every]]
    assert 0 < sum(done) < len(done)
