"""Finds out what a source holds, for a first plan: everybody is read once, the settings each by themselves.

What the credentials may not read becomes a remark with the right that is missing, where a plan can be drafted without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from engine.draft.findings import Census, Findings, GroupUse, Unread
from engine.model.errors import SourceError
from engine.model.groups import Group
from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile
from engine.model.ports import Progress, UserSource
from engine.snapshot.survey import Survey

_T = TypeVar("_T")

# Faults of one question; whoever cannot be reached or has no credentials fails at the first one.
_OF_ONE_QUESTION = frozenset({"access_denied", "throttled", "aws_error", "bad_answer", "boto3_too_old"})
# A pool may have 10,000 groups, and a group everybody: a remark is not worth minutes of Cognito's quota.
MOST_GROUPS_COUNTED = 50
PAGES_A_GROUP = 20
# Asking for one user's factors is a call, 100 a second.
MOST_ASKED_FOR_FACTORS = 6_000


def find_out(source: UserSource, survey: Survey, progress: Progress) -> Findings:
    """Everything that the source tells; blocking. Raises SourceError where no plan can be drafted at all."""
    unread: list[Unread] = []
    described = source.describe()
    profile = source.profile()
    if described.live and profile is None:
        unread.append(
            Unread(
                "the pool's schema, its MFA and its ways to sign in",
                "the AWS credentials may not describe the user pool",
                "allow them cognito-idp:DescribeUserPool on it; without it, unused attributes are not listed",
                "cognito-idp:DescribeUserPool",
            )
        )
    census = _read_everybody(source, survey, progress, profile, unread)
    providers = _try(
        source.identity_providers,
        "the pool's identity providers",
        "cognito-idp:ListIdentityProviders and cognito-idp:DescribeIdentityProvider",
        unread,
    )
    groups = _try(source.groups, "the pool's groups", "cognito-idp:ListGroups", unread)
    return Findings(
        label=described.label,
        live=described.live,
        profile=profile,
        census=census,
        providers=_without_secrets(providers),
        groups=None if groups is None else _sizes(source, groups, unread),
        passwordless=_count_passwordless(source, survey, census, profile, unread),
        unread=tuple(unread),
    )


def _read_everybody(
    source: UserSource, survey: Survey, progress: Progress, profile: PoolProfile | None, unread: list[Unread]
) -> Census | None:
    seen = 0
    try:
        for page in source.pages():
            survey.add(page)
            seen += len(page)
            progress(seen)
    except SourceError as error:
        # Half a pool would be counted as if it were the whole; the schema alone is still worth a draft.
        if error.code != "access_denied" or profile is None:
            raise
        right = "cognito-idp:ListUsers"
        unread.append(Unread("the pool's users", error.message, f"allow {right}: plan and apply need it", right))
        return None
    return survey.census()


def _sizes(source: UserSource, groups: Iterable[Group], unread: list[Unread]) -> tuple[GroupUse, ...]:
    """The groups with their members, of the first of them and as far as that is quick."""
    ordered = list(groups)
    sizes = {}
    for group in ordered[:MOST_GROUPS_COUNTED]:
        try:
            sizes[group.name] = _members(source, group)
        except SourceError as error:
            if error.code == "group_not_found":
                continue
            if error.code not in _OF_ONE_QUESTION:
                raise
            unread.append(_question("the groups' members", "cognito-idp:ListUsersInGroup", error))
            break
    return tuple(sizes.get(group.name) or GroupUse(group.name, precedence=group.precedence) for group in ordered)


def _members(source: UserSource, group: Group) -> GroupUse:
    members = 0
    for number, page in enumerate(source.group_members(group.name), 1):
        if number > PAGES_A_GROUP:
            return GroupUse(group.name, members, group.precedence, more=True)
        members += len(page)
    return GroupUse(group.name, members, group.precedence)


def _count_passwordless(
    source: UserSource,
    survey: Survey,
    census: Census | None,
    profile: PoolProfile | None,
    unread: list[Unread],
) -> int | None:
    if census is None or profile is None or not profile.passwordless:
        return None
    reader = source.factors()
    if reader is None:
        return None
    if census.native > MOST_ASKED_FOR_FACTORS:
        unread.append(
            Unread(
                "who has no password",
                f"the pool lets users in without one, and asking for {census.native:,} of them takes "
                f"{census.native / reader.per_second / 60:,.0f} min of Cognito's quota",
                "write mfa: report into the plan: apply asks before it flags anybody",
            )
        )
        return None
    right = "cognito-idp:AdminGetUserAuthFactors"
    return _try(
        lambda: sum(1 for _ in reader.passwordless(survey.native_users())), "who has no password", right, unread
    )


def _without_secrets(providers: Iterable[IdentityProvider] | None) -> tuple[IdentityProvider, ...] | None:
    if providers is None:
        return None
    return tuple(
        IdentityProvider(name=one.name, kind=one.kind, client_id=one.client_id, issuer=one.issuer) for one in providers
    )


def _try(ask: Callable[[], _T], what: str, right: str, unread: list[Unread]) -> _T | None:
    try:
        return ask()
    except SourceError as error:
        if error.code not in _OF_ONE_QUESTION:
            raise
        unread.append(_question(what, right, error))
        return None


def _question(what: str, right: str, error: SourceError) -> Unread:
    if error.code != "access_denied":
        return Unread(what, error.message, error.remedy)
    return Unread(what, error.message, f"allow {right}", right)
