"""The contract's `filters`: every one must be passed, and the first reason that applies is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.model.patterns import compile_wildcards
from engine.model.users import SourceUser
from engine.plan_file.model import AttributeFilter, Filters
from engine.resources.users.filters import UserFilter
from tests.support.people import NEW_YEAR, cognito_user

DAY = timedelta(days=1)
IN = AttributeFilter("custom:tenant", any_of=("acme", "globex"))
NOT_IN = AttributeFilter("custom:tenant", not_in=("evil",))
MATCHES = AttributeFilter("email", matches=r"@(acme|globex)\.com$")
ABSENT = AttributeFilter("custom:deleted", exists=False)
ANN = cognito_user(email=" ann@ACME.com ")
PRESENT = AttributeFilter("custom:deleted", exists=True)


@pytest.mark.parametrize(
    ("filters", "user", "reason"),
    [
        (Filters(), cognito_user(), None),
        (Filters(), cognito_user(status="UNCONFIRMED"), "status"),
        (Filters(), cognito_user(status="ARCHIVED"), "status"),
        (Filters(), cognito_user(enabled=False), "disabled"),
        (Filters(), cognito_user(status="UNCONFIRMED", enabled=False), "status"),
        (Filters(attributes=(PRESENT,)), cognito_user(enabled=False), "disabled"),
        (Filters(enabled=False), cognito_user(), "disabled"),
        (Filters(enabled=False), cognito_user(enabled=False), None),
        (Filters(enabled=None), cognito_user(enabled=False), None),
        (Filters(status=frozenset({"UNKNOWN"})), cognito_user(status="UNKNOWN"), None),
        # `after` is inclusive, `before` exclusive.
        (Filters(created_after=NEW_YEAR), cognito_user(), None),
        (Filters(created_after=NEW_YEAR + DAY), cognito_user(), "filtered"),
        (Filters(created_before=NEW_YEAR), cognito_user(), "filtered"),
        (Filters(created_before=NEW_YEAR + DAY), cognito_user(), None),
        (Filters(created_after=datetime(2023, 1, 1, tzinfo=UTC), created_before=NEW_YEAR + DAY), cognito_user(), None),
        (Filters(groups_any=("a", "b")), cognito_user(groups=("b", "c")), None),
        (Filters(groups_any=("a",)), cognito_user(groups=("c",)), "filtered"),
        (Filters(groups_any=("a",)), cognito_user(groups=()), "filtered"),
        (Filters(groups_any=("a",)), cognito_user(), "filtered"),
        (Filters(groups_none=("test",)), cognito_user(groups=("test", "a")), "filtered"),
        (Filters(groups_none=("test",)), cognito_user(groups=("a",)), None),
        (Filters(groups_any=("a",), groups_none=("test",)), cognito_user(groups=("a", "test")), "filtered"),
        (Filters(attributes=(IN,)), cognito_user(custom__tenant="acme"), None),
        (Filters(attributes=(IN,)), cognito_user(custom__tenant=" acme "), None),
        (Filters(attributes=(IN,)), cognito_user(custom__tenant="Acme"), "filtered"),
        (Filters(attributes=(IN,)), cognito_user(), "filtered"),
        (Filters(attributes=(NOT_IN,)), cognito_user(custom__tenant="evil"), "filtered"),
        (Filters(attributes=(NOT_IN,)), cognito_user(custom__tenant="good"), None),
        (Filters(attributes=(NOT_IN,)), cognito_user(), None),
        # A search, in the normalised value.
        (Filters(attributes=(MATCHES,)), cognito_user(email=" Ann@ACME.com "), None),
        (Filters(attributes=(MATCHES,)), cognito_user(email="ann@acme.com.evil.org"), "filtered"),
        (Filters(attributes=(MATCHES,)), cognito_user(), "filtered"),
        (Filters(attributes=(AttributeFilter("name", matches="ee"),)), cognito_user(name="Lee Ann"), None),
        (Filters(attributes=(AttributeFilter("name", matches="LEE"),)), cognito_user(name="Lee"), "filtered"),
        # Lists and patterns are compared as the values are, whatever capitals and spaces the plan writes.
        (Filters(attributes=(AttributeFilter("email", not_in=("Ann@Acme.com",)),)), ANN, "filtered"),
        (Filters(attributes=(AttributeFilter("email", any_of=(" Ann@Acme.com ",)),)), ANN, None),
        (Filters(attributes=(AttributeFilter("email", matches=r"@ACME\.com$"),)), ANN, None),
        (Filters(attributes=(AttributeFilter("email", not_matches=r"@ACME\.com$"),)), ANN, "filtered"),
        (Filters(attributes=(AttributeFilter("email", not_matches=r"@test[.]"),)), ANN, None),
        (Filters(attributes=(AttributeFilter("name", not_matches="x"),)), ANN, None),
        (
            Filters(attributes=(AttributeFilter("custom:tenant", any_of=(" acme",)),)),
            cognito_user(custom__tenant="acme "),
            None,
        ),
        (Filters(attributes=(AttributeFilter("name", matches="."),)), cognito_user(name="\ud800"), "filtered"),
        (Filters(attributes=(ABSENT,)), cognito_user(), None),
        (Filters(attributes=(ABSENT,)), cognito_user(custom__deleted=""), None),
        (Filters(attributes=(ABSENT,)), cognito_user(custom__deleted="  "), None),
        (Filters(attributes=(ABSENT,)), cognito_user(custom__deleted="yes"), "filtered"),
        (Filters(attributes=(PRESENT,)), cognito_user(custom__deleted="yes"), None),
        (Filters(attributes=(PRESENT,)), cognito_user(), "filtered"),
        (Filters(attributes=(IN, ABSENT)), cognito_user(custom__tenant="acme", custom__deleted="1"), "filtered"),
    ],
)
def test_reasons(filters: Filters, user: SourceUser, reason: str | None) -> None:
    assert UserFilter(filters).reason(user) == reason


def test_no_pattern_keeps_a_run_busy() -> None:
    """By Python's `re` this takes longer than the universe is old."""
    slow = Filters(attributes=(AttributeFilter("name", matches=r"^(([a-z])+.)+[A-Z]([a-z])+$"),))
    assert UserFilter(slow).reason(cognito_user(name="a" * 2000)) == "filtered"


def test_no_list_of_addresses_keeps_a_run_busy() -> None:
    pattern = compile_wildcards("*a" * 200 + "b")
    assert not pattern.fullmatch("a" * 300) and pattern.fullmatch("xa" * 200 + "b")
    assert compile_wildcards("*@acme.com").fullmatch("a\nb@acme.com") and not compile_wildcards("a.c").fullmatch("abc")
