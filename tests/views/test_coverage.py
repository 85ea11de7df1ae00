"""The coverage table: one line an attribute, wide or long pools included, and nothing that moves a cursor."""

from __future__ import annotations

from engine.resources.users.coverage import AttributeCoverage, FieldCoverage, FilterCoverage, PoolCoverage
from engine.views.coverage import render_coverage

MAPPED = AttributeCoverage("custom:company", ("metadata.company", "metadata.motto"), 300, 320, in_schema=True)
FIELDS = (
    FieldCoverage("metadata.company", "custom:company", 180, omitted={"not_ascii": 120}),
    FieldCoverage("metadata.motto", "custom:company", 175, invalid={"not_ascii": 120, "too_long": 5}),
    FieldCoverage("metadata.made", "a constant", 1_000),
)


def pool(*attributes: AttributeCoverage, **rest: object) -> PoolCoverage:
    values = {"pool": None, "seen": 1_200, "selected": 1_000, "schema_read": True, "fields": FIELDS, **rest}
    return PoolCoverage(attributes=attributes, **values)  # type: ignore[arg-type]


def spare(at: int, filled: int) -> AttributeCoverage:
    return AttributeCoverage(f"custom:spare_{at:02}", (), filled, filled, in_schema=True)


def test_nothing_is_said_of_no_pools() -> None:
    assert render_coverage([]) == []


def test_faults_name_their_field() -> None:
    (row,) = (line for line in render_coverage([pool(MAPPED)]) if "custom:company" in line)
    assert row.split("  ")[-1] == "company: 120 not ASCII, left out; motto: 120 not ASCII; motto: 5 too long"
    assert "300   30.0 %  metadata.company, metadata.motto" in row


def test_sixty_attributes_are_sixty_lines_and_those_of_nobody_a_paragraph() -> None:
    used = [spare(at, 60 - at) for at in range(60)]
    empty = [spare(at, 0) for at in range(60, 90)]
    lines = render_coverage([pool(MAPPED, *used, *empty)])
    rows = [line for line in lines if line.endswith("not mapped")]
    # Those that most users have come first.
    assert [line.split()[0] for line in rows] == [one.name for one in used]
    assert len({line.index("%") for line in rows}) == 1
    at = next(at for at, line in enumerate(lines) if "filled by nobody" in line)
    assert len(lines) - at <= 6
    assert " ".join(lines[at:]).count("custom:spare_") == 30
    assert max(len(line) for line in lines if "custom:company" not in line) <= 120


def test_a_list_without_end_is_cut_and_says_where_the_rest_is() -> None:
    lines = render_coverage([pool(MAPPED, *(spare(at, 1) for at in range(300)))])
    assert lines[-1] == "  and 202 more: `migrate plan --json`"
    assert render_coverage([pool(MAPPED, incomplete=True)])[-1] == "  and more: `migrate plan --json`"


def test_a_mapped_attribute_that_nobody_fills_is_told_apart() -> None:
    nobody = AttributeCoverage("custom:plan", ("metadata.plan",), 0, 0, in_schema=True)
    assert render_coverage([pool(nobody, spare(1, 0))])[-1] == (
        "  filled by nobody: custom:plan (mapped), custom:spare_01"
    )


def test_names_do_as_they_are_told() -> None:
    hostile = AttributeCoverage("custom:\x1b[2J\u202e", (), 3, 3)
    unfilled = AttributeCoverage("a\nb", (), 0, 0)
    text = "\n".join(render_coverage([pool(hostile, unfilled)]))
    assert "\x1b" not in text and "\u202e" not in text and "a\\x0ab" in text


def test_each_filter_and_each_of_several_pools() -> None:
    filters = (FilterCoverage("status", 1_500, 1_000), FilterCoverage("attributes[0] custom:gone", 20, 0))
    lines = render_coverage([pool(pool="eu", filters=filters), pool(pool="us", selected=1)])
    assert "attributes of pool eu, filled by how many of 1,000 selected users" in lines
    assert "attributes of pool us, filled by how many of 1 selected user" in lines
    assert "filters of pool eu, and how many of 1,200 users each excludes" in lines
    assert "  status                     1,500  1,000 by it alone" in lines
