"""Who is migrated: the plan's filters over a Cognito record, each excluded user with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.model.patterns import compile_pattern
from engine.model.users import SourceUser, normalise_email
from engine.plan_file.model import AttributeFilter, Filters
from engine.resources.users.lookup import EMAIL, Lookup, lookup

_Test = Callable[[SourceUser], bool]


class UserFilter:
    """The plan's `filters`, made ready once."""

    def __init__(self, filters: Filters) -> None:
        statuses, enabled = filters.status, filters.enabled
        # Label, reason and test, in the order in which reasons apply.
        tests: list[tuple[str, str, _Test]] = [("status", "status", lambda user: user.status in statuses)]

        def add(label: str, test: _Test) -> None:
            tests.append((label, "filtered", test))

        if enabled is not None:
            tests.append(("enabled", "disabled", lambda user: user.enabled is enabled))
        if (after := filters.created_after) is not None:
            add("created.after", lambda user: user.created >= after)
        if (before := filters.created_before) is not None:
            add("created.before", lambda user: user.created < before)
        if filters.groups_any:
            wanted = frozenset(filters.groups_any)
            add("groups.any", lambda user: not wanted.isdisjoint(user.groups or ()))
        if filters.groups_none:
            unwanted = frozenset(filters.groups_none)
            add("groups.none", lambda user: unwanted.isdisjoint(user.groups or ()))
        for at, one in enumerate(filters.attributes):
            add(f"attributes[{at}] {one.name}", attribute_test(one))
        self.labels = tuple(label for label, _, _ in tests)
        """What each filter is called: its key under `filters`, with the attribute that it tests."""
        self._reasons = tuple(reason for _, reason, _ in tests)
        self._tests = tuple((at, test) for at, (_, _, test) in enumerate(tests))

    def reason(self, user: SourceUser) -> str | None:
        """Why the user is excluded (`status`, `disabled`, `filtered`: the first that applies), or None."""
        return next((self._reasons[at] for at, test in self._tests if not test(user)), None)

    def failed(self, user: SourceUser) -> list[int]:
        """Every filter that the user does not pass, by its place in `labels`."""
        found: list[int] = []
        for at, test in self._tests:
            if not test(user):
                found.append(at)
        return found

    def reason_of(self, failed: Sequence[int]) -> str | None:
        """The reason that counts for who did not pass these filters."""
        return self._reasons[failed[0]] if failed else None


def attribute_test(one: AttributeFilter) -> _Test:
    """One attribute's test, made ready."""
    value = _normalised(one.name)
    if one.exists is not None:
        exists = one.exists
        return lambda user: (value(user) is not None) is exists
    if one.any_of is not None:
        wanted = _like_values(one.name, one.any_of)
        return lambda user: value(user) in wanted
    if one.not_in is not None:
        unwanted = _like_values(one.name, one.not_in)
        return lambda user: value(user) not in unwanted
    # An address is lower-cased: a pattern with capitals must not miss it, or let it through.
    pattern = compile_pattern(one.matches or one.not_matches or "", any_case=one.name == EMAIL)
    if one.not_matches is not None:
        return lambda user: (found := value(user)) is None or not pattern.search(found)
    return lambda user: (found := value(user)) is not None and bool(pattern.search(found))


def _like_values(name: str, listed: Iterable[str]) -> frozenset[str]:
    """A filter's list, trimmed and lower-cased as the values are that it is held against."""
    clean = normalise_email if name == EMAIL else str.strip
    return frozenset(clean(one) for one in listed)


def _normalised(name: str) -> Lookup:
    """Values trimmed; addresses come lower-cased (rule 12: a search in the normalised value)."""
    raw = lookup(name)

    def read(user: SourceUser) -> str | None:
        found = raw(user)
        return (found.strip() or None) if found is not None else None

    return read
