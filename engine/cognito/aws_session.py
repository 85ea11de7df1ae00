"""Sessions and clients for the pool's account: credentials, role, endpoint, time-outs. What is called is others'.

boto3 is imported when a client is made, not before: `migrate --help` must not pay for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from engine.plan_file.model import CognitoSource

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

SESSION_NAME = "cognito-workos-migrate"
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 20

_LISTS = ("ListUsers", "ListUsersInGroup")


class UnreadableAnswer(Exception):
    """An answer with status 200 whose body is not JSON: cut off on the way. Worth another try."""


def open_session(source: CognitoSource) -> Session:
    """A session with the usual credential chain, the profile, and the assumed role. Raises botocore's errors."""
    import boto3

    session = boto3.Session(profile_name=source.profile, region_name=source.region)
    if source.role_arn is None:
        return session
    return _assume_role(session, source.role_arn, source.region)


def open_client(source: CognitoSource, *, connections: int) -> CognitoIdentityProviderClient:
    """A client for `connections` threads. It does not retry: tries are paced and counted by `calls`."""
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=connections,
        retries={"total_max_attempts": 1, "mode": "standard"},
        tcp_keepalive=True,
        user_agent_extra=SESSION_NAME,
    )
    client = open_session(source).client("cognito-idp", endpoint_url=source.endpoint_url, config=config)
    for operation in _LISTS:
        client.meta.events.register(f"before-parse.cognito-identity-provider.{operation}", _parse_users)
    return client


def _parse_users(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_kwargs: object) -> None:
    """Read list answers with orjson: botocore's parser is most of the time that listing a pool takes.

    botocore offers the event for such replacement; where it is not emitted, botocore's own result has the same
    shape with datetimes, which `records` reads as well.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        answer = orjson.loads(response_dict["body"])
    except orjson.JSONDecodeError as error:
        raise UnreadableAnswer from error
    if isinstance(answer, Mapping):
        customized_response_dict.update(answer)
        response_dict["body"] = b"{}"


def _assume_role(session: Session, role_arn: str, region: str) -> Session:
    """A session whose credentials are the role's and are renewed before they expire: reading may take hours."""
    import boto3
    import botocore.session
    from botocore.credentials import (
        AssumeRoleCredentialFetcher,
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )
    from botocore.exceptions import NoCredentialsError

    own = session.get_credentials()
    if own is None:
        raise NoCredentialsError

    def create_client(service: Any, **options: Any) -> Any:
        # The role is asked for where the pool is: a global STS endpoint may be closed to the account.
        return session.client(service, **{**options, "region_name": region})

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=create_client,
        source_credentials=own,
        role_arn=role_arn,
        extra_args={"RoleSessionName": SESSION_NAME},
    )

    class RoleProvider(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> Any:
            return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method=self.METHOD)

    assumed = botocore.session.Session()
    assumed.register_component("credential_provider", CredentialResolver([RoleProvider()]))
    return boto3.Session(botocore_session=assumed, region_name=region)
