"""What users of a live pool can write of themselves: ListUserPoolClients, and DescribeUserPoolClient for each."""

from __future__ import annotations

from typing import Any

from engine.cognito.aws_errors import NOT_FOUND
from engine.cognito.calls import ExpectedRefusal
from engine.cognito.settings import PoolSettings
from engine.model.errors import SourceError
from engine.model.exchanges import Trace, untraced
from engine.model.groups import WritableAttributes
from engine.plan_file.model import CognitoSource

_LIST = "cognito-idp:ListUserPoolClients"
_DESCRIBE = "cognito-idp:DescribeUserPoolClient"


def read_writable_attributes(source: CognitoSource, *, trace: Trace = untraced) -> WritableAttributes | None:
    """What any app client lets users write; None where the credentials may not read that. Raises SourceError.

    Blocking, one call an app client, until one lets them write everything.
    """
    try:
        with PoolSettings(source, _LIST, trace=trace) as settings:
            return _read(settings)
    except SourceError as error:
        if error.code != "access_denied":
            raise
        return None


def _read(settings: PoolSettings) -> WritableAttributes:
    by: dict[str, str] = {}
    clients = settings.listed(
        _LIST, settings.client.list_user_pool_clients, under="UserPoolClients", limit="MaxResults"
    )
    for client_id in sorted({str(one["ClientId"]) for one in clients}):
        found = _describe(settings, client_id)
        if found is None:
            continue
        # None listed means that nobody restricted them: see WritableAttributes.
        if not found.get("WriteAttributes"):
            return WritableAttributes(by, client_id)
        for name in found["WriteAttributes"]:
            by.setdefault(str(name), client_id)
    return WritableAttributes(by)


def _describe(settings: PoolSettings, client_id: str) -> dict[str, Any] | None:
    """The client; None where it is gone by now."""

    def send() -> Any:
        return settings.client.describe_user_pool_client(UserPoolId=settings.pool_id, ClientId=client_id)

    try:
        answer = settings.calls.call(_DESCRIBE, send, expected=NOT_FOUND)
    except ExpectedRefusal:
        return None
    found: dict[str, Any] = answer["UserPoolClient"]
    return found
