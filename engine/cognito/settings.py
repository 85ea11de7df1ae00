"""A pool's settings, in lists: opened, paced and followed to their end. What is in them is its neighbours' business."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from engine.cognito.aws_errors import BAD_PARAMETER, translate
from engine.cognito.calls import FIRST_CONTACT_TRIES, PacedCalls
from engine.cognito.chain import Chain, ListedPage
from engine.cognito.pacing import Pacer
from engine.model.errors import SourceError
from engine.model.exchanges import Trace, untraced
from engine.plan_file.model import CognitoSource

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

PAGE = 60  # the most that these operations give (botocore service model)
# Quota for each such operation and pool, a second (AWS developer guide, quotas).
_PER_SECOND = 5.0
_TOKEN_REFUSED = BAD_PARAMETER | {"NotAuthorizedException"}


class PoolSettings:
    """Calls about one pool's settings, under a quota of their own. Blocking; raises SourceError.

    A context manager: its connections are given back at the end.
    """

    def __init__(self, source: CognitoSource, action: str, *, trace: Trace = untraced) -> None:
        """`action` is the IAM action that will come first, for messages."""
        from botocore.exceptions import BotoCoreError, ClientError

        from engine.cognito.aws_session import open_client

        rate = source.requests_per_second
        self.calls = PacedCalls(source, Pacer(min(_PER_SECOND, rate) if rate is not None else None), trace=trace)
        self.pool_id = source.user_pool_id
        try:
            self.client: CognitoIdentityProviderClient = open_client(source, connections=1)
        except (BotoCoreError, ClientError, ValueError) as error:
            raise translate(error, action, source) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def listed(self, action: str, fetch: Callable[..., Any], *, under: str, limit: str) -> list[Any]:
        """All of a list, each page's items standing `under` that name; `limit` is what the operation calls it.

        Items may come again after a refused token.
        """

        def page(token: str | None) -> ListedPage[Any]:
            arguments: dict[str, Any] = {"UserPoolId": self.pool_id, limit: PAGE}
            if token is not None:
                arguments["NextToken"] = token

            def send() -> ListedPage[Any]:
                answer = fetch(**arguments)
                return ListedPage(_items(answer, under), answer.get("NextToken") or None)

            expected = _TOKEN_REFUSED if token else frozenset[str]()
            return self.calls.call(action, send, expected=expected, tries=FIRST_CONTACT_TRIES)

        return [item for items in Chain(page, f"{under} of {self.pool_id}") for item in items]


def _items(answer: Any, under: str) -> Sequence[Any]:
    # An answer without the list would pass for a pool that has none.
    items = answer.get(under)
    if not isinstance(items, list):
        raise SourceError(
            f"Cognito gave an answer without {under}",
            remedy="check `endpoint_url` and any proxy in between: this is not Cognito's answer",
            code="bad_answer",
        )
    return items
