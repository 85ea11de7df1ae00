"""The rules, written a second time: who a record is, whose word verifies it, and who stands for an address.

Nothing in here calls the engine. Where this and the engine differ, one of them misreads the rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.support.fake_target import stored_address

SOCIAL = ("Google", "SignInWithApple")
TRUSTED = "TrustedOkta"


@dataclass(slots=True)
class Record:
    """A Cognito record. `person` holds its password and nobody else does; `provider` made it, `linked` were added.

    `given` and `plan` are its name and custom attribute; they begin with the sub, so it shows whose value is where.
    """

    sub: str
    person: str
    address: str
    flag: bool
    age: int
    provider: str | None = None
    linked: str | None = None
    enabled: bool = True
    given: str | None = None
    plan: str | None = None

    @property
    def written(self) -> str:
        """The address, trimmed and lower-cased (rule 1); a look-alike of a plain letter stays one."""
        return "".join(char.lower() if char.isascii() else char for char in self.address.strip())

    @property
    def selected(self) -> bool:
        """Whether the plan migrates it: enabled, and an address that WorkOS stores as it is written."""
        return self.enabled and stored_address(self.address) == self.written and "@" in self.written

    @property
    def verified(self) -> bool:
        """Whether Cognito's own word, or a trusted provider's, says that the address is theirs (rule 1)."""
        asserting = [one for one in (self.provider, self.linked) if one is not None]
        return self.flag and all(one in SOCIAL or one == TRUSTED for one in asserting)


@dataclass(slots=True)
class Person:
    """Everybody with one address, the first of them first (rule 4), and the fields that they give together."""

    records: list[Record]
    relations: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> Record:
        return self.records[0]

    @property
    def address(self) -> str:
        return self.first.written

    @property
    def verified(self) -> bool:
        return self.first.verified

    def givers(self) -> list[Record]:
        """Who may give a field: of a verified address the verified ones alone."""
        return [one for one in self.records if one.verified] if self.verified else self.records

    def value(self, name: str) -> str | None:
        """The first record's, else the next one's that may give it."""
        return next((value for one in self.givers() if (value := getattr(one, name))), None)


def persons(records: Iterable[Record]) -> list[Person]:
    """One an address: verified first, then native, then newest, then smallest sub."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for one in records:
        if one.selected:
            groups[one.written].append(one)
    found = []
    for group in groups.values():
        group.sort(key=lambda one: (not one.verified, one.provider is not None, -one.age, one.sub))
        person = Person(group)
        for one in group:
            lower = person.verified and not one.verified
            person.relations[one.sub] = "primary" if one is group[0] else "unverified" if lower else "merged"
        found.append(person)
    return sorted(found, key=lambda one: one.first.sub)
