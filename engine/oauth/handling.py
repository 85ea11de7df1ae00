"""What becomes of each identity provider's users: decided from the plan, the pool and who depends on it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from engine.model.identity_providers import IdentityProvider, kind_by_name, offer_for
from engine.plan_file.providers import ProviderSpec

Handling = Literal["reported", "provider", "connection", "password_reset", "skip", "error", "unlisted", "unknown"]
"""reported: the plan has no section. provider: WorkOS has it. error: WorkOS lacks it. unlisted: not in the plan.
unknown: in the plan, not in the pool."""
UNMET = frozenset({"error", "unlisted"})


@dataclass(frozen=True, slots=True)
class ProviderUse:
    """One provider. `users` can sign in with it; `stranded` could no longer sign in at all."""

    name: str
    kind: str | None
    workos: str | None
    handling: Handling
    users: int = 0
    stranded: int = 0

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "type": self.kind, "workos": self.workos, "handling": self.handling,
                "users": self.users, "stranded": self.stranded}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Why `apply` would refuse to begin."""

    code: str
    provider: str
    message: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "provider": self.provider, "message": self.message, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class SignsInBy:
    """How many people have exactly these providers; `password` is whether they have one too, or will be sent one."""

    providers: frozenset[str]
    password: bool
    people: int


def handle(
    pool: Sequence[IdentityProvider] | None,
    plan: Mapping[str, ProviderSpec] | None,
    people: Iterable[SignsInBy],
    left_out: Mapping[str, int] | None = None,
    *,
    asked: Callable[[str], bool] | None = None,
    own_name: Callable[[str], str] = str,
) -> list[ProviderUse]:
    """Every provider of pool, plan and people, by name. `pool` is None where it could not be asked (an export).

    `left_out` are users whom `fallback: skip` excluded, by provider: they count as users of it, never as stranded.
    Where there are several pools, `asked` says whether a provider's could be, and `own_name` what it is called there.
    """
    people = list(people)
    if asked is None:
        asked = lambda _: pool is not None  # noqa: E731
    by_name = {one.name: one for one in pool or ()}
    users: Counter[str] = Counter(left_out or {})
    for group in people:
        for name in group.providers:
            users[name] += group.people
    names = {*by_name, *(plan or {}), *users}
    settled = {
        name: _handle_one(name, by_name.get(name), asked(name), users[name], plan, own_name(name)) for name in names
    }
    unmet = {name for name, (handling, _, _) in settled.items() if handling in UNMET}
    stranded: Counter[str] = Counter()
    for group in people:
        if not group.password and group.providers and group.providers <= unmet:
            for name in group.providers:
                stranded[name] += group.people
    return [
        ProviderUse(name, kind, workos, handling, users[name], stranded[name])
        for name, (handling, kind, workos) in sorted(settled.items())
    ]


def _handle_one(
    name: str,
    found: IdentityProvider | None,
    asked: bool,
    users: int,
    plan: Mapping[str, ProviderSpec] | None,
    own_name: str,
) -> tuple[Handling, str | None, str | None]:
    kind = found.kind if found else kind_by_name(own_name)
    offer = offer_for(kind, found.issuer if found else None) if kind else None
    workos = offer.workos if offer else None
    if plan is None:
        return "reported", kind, workos
    wanted = plan.get(name)
    if wanted is None:
        return "unlisted", kind, workos
    # A provider that was deleted from the pool may still stand on its users, and the plan must be able to settle it.
    deleted = asked and found is None
    if deleted and not users:
        return "unknown", kind, workos
    if wanted.fallback is not None:
        return wanted.fallback, kind, workos
    if wanted.connection is not None and not deleted:
        return "connection", kind, workos
    if workos is not None or (kind is None and not asked):
        # Nobody can tell what kind an export's provider is: the plan's word stands.
        return "provider", kind, workos
    return "error", kind, workos


def find_problems(
    uses: Iterable[ProviderUse], pool: Collection[str], *, own_name: Callable[[str], str] = str
) -> list[Problem]:
    """What has to be settled in the plan before anybody is migrated; providers without users stop nobody."""
    found = []
    for use in uses:
        if use.handling == "unknown":
            near = get_close_matches(use.name, sorted(pool), n=1)
            hint = f"did you mean {near[0]}?" if near else f"the pool has {', '.join(sorted(pool)) or 'none'}"
            found.append(Problem("unknown_provider", use.name, f"the pool has no identity provider {use.name}", hint))
        elif use.handling == "unlisted" and use.users:
            found.append(
                Problem(
                    "provider_not_in_plan",
                    use.name,
                    f"{_people(use.users)} with {use.name}, which is not in oauth_providers{_stranded(use)}",
                    f"add {own_name(use.name)} to oauth_providers: {_advice(use)}",
                )
            )
        elif use.handling == "error" and use.users:
            lacks = "the plan says error" if use.workos else "WorkOS has no such provider"
            found.append(
                Problem(
                    "provider_without_equivalent",
                    use.name,
                    f"{_people(use.users)} with {use.name}: {lacks}{_stranded(use)}",
                    _advice(use),
                )
            )
    return found


def _people(number: int) -> str:
    return "1 user signs in" if number == 1 else f"{number:,} users sign in"


def _stranded(use: ProviderUse) -> str:
    return f"; {use.stranded:,} of them could not sign in any more" if use.stranded else ""


def _advice(use: ProviderUse) -> str:
    if use.workos:
        return "reuse_credentials: true"
    if use.kind in ("OIDC", "SAML", None):
        return "connection: {organization: …}, or fallback: password_reset or skip"
    return "fallback: password_reset or skip"
