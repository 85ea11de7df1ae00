"""Cognito's two listings, ListUsers and ListUsersInGroup, as chains. Who reads how many chains is `cognito`'s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.cognito.aws_errors import ACCESS_DENIED, BAD_PARAMETER, NOT_FOUND
from engine.cognito.calls import TRIES, ExpectedRefusal, PacedCalls
from engine.cognito.chain import Chain, ListedPage
from engine.model.cognito_records import BadRecord, parse_record
from engine.model.errors import SourceError
from engine.model.pool_profile import PASSWORD, PoolProfile, SchemaAttribute
from engine.model.side_by_side import Sleep
from engine.model.users import SourceUser

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

PAGE = 60  # the most that both operations give (botocore service model)

# What a refused token is answered with; on a chain's first page the same codes mean something else.
_TOKEN_REFUSED = BAD_PARAMETER | {"NotAuthorizedException"}


class PoolListing:
    """Lists one pool's users, all or by filter, and a group's. Blocking, thread-safe."""

    def __init__(self, client: CognitoIdentityProviderClient, pool_id: str, calls: PacedCalls) -> None:
        self._client = client
        self._pool_id = pool_id
        self._calls = calls

    def users(self, sleep: Sleep | None = None, *, prefix: str | None = None) -> Chain[SourceUser]:
        """The pool's users, or those whose sub begins with `prefix` (hexadecimal digits and dashes)."""
        query = None if prefix is None else f'sub ^= "{prefix}"'

        def fetch(token: str | None) -> ListedPage[SourceUser]:
            return self.page(query, token, sleep=sleep)

        return Chain(fetch, f"the users of {self._pool_id}" + (f" with {query}" if query else ""))

    def page(
        self,
        query: str | None,
        token: str | None = None,
        *,
        expected: frozenset[str] = frozenset(),
        sleep: Sleep | None = None,
        limit: int = PAGE,
        tries: int = TRIES,
    ) -> ListedPage[SourceUser]:
        """One page of ListUsers. Raises ExpectedRefusal for a refused token and for the codes in `expected`."""
        request: dict[str, Any] = {"UserPoolId": self._pool_id, "Limit": limit}
        if query is not None:
            request["Filter"] = query
        if token is not None:
            request["PaginationToken"] = token

        def send() -> ListedPage[SourceUser]:
            answer: Any = self._client.list_users(**request)
            return ListedPage([_parse(one) for one in _records(answer)], answer.get("PaginationToken") or None)

        return self._calls.call(
            "cognito-idp:ListUsers",
            send,
            expected=expected | _TOKEN_REFUSED if token else expected,
            sleep=sleep,
            tries=tries,
        )

    def group_members(self, group: str) -> Chain[str]:
        """Usernames of one group. Raises SourceError (`group_not_found`) where the pool has no such group."""

        def fetch(token: str | None) -> ListedPage[str]:
            request: dict[str, Any] = {"UserPoolId": self._pool_id, "GroupName": group, "Limit": PAGE}
            if token is not None:
                request["NextToken"] = token

            def send() -> ListedPage[str]:
                answer: Any = self._client.list_users_in_group(**request)
                return ListedPage([one["Username"] for one in _records(answer)], answer.get("NextToken") or None)

            expected = _TOKEN_REFUSED if token else NOT_FOUND
            return self._calls.call("cognito-idp:ListUsersInGroup", send, expected=expected)

        def fetch_known(token: str | None) -> ListedPage[str]:
            try:
                return fetch(token)
            except ExpectedRefusal as refused:
                if refused.code not in NOT_FOUND:
                    raise
                raise SourceError(
                    f"user pool {self._pool_id} has no group {group!r}",
                    remedy="correct the group's name in the plan file (names are case-sensitive)",
                    code="group_not_found",
                ) from refused

        return Chain(fetch_known, f"the group {group!r} of {self._pool_id}")

    def profile(self, *, tries: int, sleep: Sleep | None = None) -> PoolProfile | None:
        """What the pool says of itself: DescribeUserPool; None where only that is denied."""

        def send() -> PoolProfile:
            return _profile(self._client.describe_user_pool(UserPoolId=self._pool_id)["UserPool"])

        try:
            return self._calls.call(
                "cognito-idp:DescribeUserPool", send, expected=ACCESS_DENIED, sleep=sleep, tries=tries
            )
        except ExpectedRefusal:
            # Reading needs no more than ListUsers; if that is denied as well, this says so.
            self.page(None, limit=1, tries=tries, sleep=sleep)
            return None


def _profile(pool: Any) -> PoolProfile:
    policy = (pool.get("Policies") or {}).get("SignInPolicy") or {}
    return PoolProfile(
        name=pool.get("Name") or None,
        estimated_users=pool.get("EstimatedNumberOfUsers"),
        schema=tuple(
            SchemaAttribute(
                name=one["Name"],
                kind=one.get("AttributeDataType") or "String",
                required=bool(one.get("Required")),
                mutable=one.get("Mutable") is not False,
                developer_only=bool(one.get("DeveloperOnlyAttribute")),
            )
            for one in pool.get("SchemaAttributes") or ()
            if one.get("Name")
        ),
        mfa=pool.get("MfaConfiguration") or None,
        first_factors=tuple(policy.get("AllowedFirstAuthFactors") or (PASSWORD,)),
    )


def _records(answer: Any) -> Sequence[Any]:
    # An answer without Users would pass for the end of the pool, and lose everybody after it.
    records = answer.get("Users")
    if not isinstance(records, list):
        raise SourceError(
            "Cognito gave an answer without a list of users",
            remedy="check `endpoint_url` and any proxy in between: this is not Cognito's answer",
            code="bad_answer",
        )
    return records


def _parse(record: Any) -> SourceUser:
    try:
        return parse_record(record)
    except BadRecord as bad:
        raise SourceError(
            f"Cognito gave a user that {bad}",
            remedy="check `endpoint_url`: every record of a real pool has it",
            code="bad_user",
        ) from bad
