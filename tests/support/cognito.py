"""Cognito for tests: moto's server with pools of every kind of user, and a fast stand-in that fails on request.

The stand-in speaks the JSON protocol over HTTP (users, groups, app clients, factors) and can be run by
itself: `python -m tests.support.cognito --users 100000 --latency-ms 80` prints its address and serves until killed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import bisect
import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.support.service_model import share_service_model

share_service_model()

REGION = "us-east-1"
POOL_ID = "us-east-1_StandIn01"
PAGE = 60


# --- invented users -------------------------------------------------------------------------------------------


def invent_users(number: int, seed: int = 1) -> list[dict[str, Any]]:
    """UserType records as Cognito's answers hold them (epoch dates), of all kinds, the same for the same seed."""
    chance = random.Random(seed)
    statuses = ["CONFIRMED"] * 6 + ["UNCONFIRMED", "RESET_REQUIRED", "FORCE_CHANGE_PASSWORD", "EXTERNAL_PROVIDER"]
    users = []
    for at in range(number):
        sub = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        status = statuses[at % len(statuses)]
        attributes = {
            "sub": sub,
            "email": f"person{at}@example.com",
            "email_verified": "false" if at % 7 == 3 else "true",
            "given_name": ("Anna", "Zoë", "名前", "O'Neil")[at % 4],
            "family_name": ("Müller", "Smith", "Łukasz")[at % 3],
            "custom:plan": ("gold", "silver", "")[at % 3],
        }
        if at % 29 == 5:
            del attributes["email"], attributes["email_verified"]
        if status == "EXTERNAL_PROVIDER":
            attributes["identities"] = json.dumps(
                [
                    {
                        "userId": str(10**20 + at),
                        "providerName": "Google",
                        "providerType": "Google",
                        "issuer": None,
                        "primary": "true" if at % 2 else True,
                        "dateCreated": "1700000000000",
                    }
                ]
            )
        users.append(
            {
                "Username": f"google_{at}" if status == "EXTERNAL_PROVIDER" else f"user-{at}",
                "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
                "UserCreateDate": 1_600_000_000 + at + 0.25,
                "UserLastModifiedDate": 1_650_000_000 + at + 0.5,
                "Enabled": at % 11 != 4,
                "UserStatus": status,
            }
        )
    return users


def sub_of(record: dict[str, Any]) -> str:
    """The sub among a record's attributes."""
    return next(one["Value"] for one in record["Attributes"] if one["Name"] == "sub")


# --- moto -----------------------------------------------------------------------------------------------------


@contextmanager
def moto_server() -> Iterator[str]:
    """moto over HTTP on a free port of loopback; gives its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_moto_pool(
    endpoint: str,
    users: list[dict[str, Any]],
    groups: dict[str, list[str]] | None = None,
    *,
    precedence: dict[str, int] | None = None,
    clients: dict[str, list[str] | None] | None = None,
    custom: tuple[str, ...] = (),
) -> str:
    """A pool in moto with these users, groups (name: usernames) and app clients (name: WriteAttributes); gives its id.

    `custom` are attributes of its schema, without `custom:`.

    moto assigns subs and dates by itself; statuses that need a sign-up or a federated sign-in, and thousands of users
    in short time, are set in its memory, which is this process's.
    """
    import boto3
    from moto.cognitoidp.models import CognitoIdpUser, cognitoidp_backends
    from moto.core import DEFAULT_ACCOUNT_ID

    client = boto3.client(
        "cognito-idp",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    schema: list[Any] = [{"Name": name, "AttributeDataType": "String", "Mutable": True} for name in custom]
    options: dict[str, Any] = {"Schema": schema} if schema else {}
    pool_id = client.create_user_pool(PoolName="acme-users", **options)["UserPool"]["Id"]
    pool = cognitoidp_backends[DEFAULT_ACCOUNT_ID][REGION].user_pools[pool_id]
    for record in users:
        attributes = [dict(one) for one in record["Attributes"] if one["Name"] != "sub"]
        user = CognitoIdpUser(pool_id, record["Username"], "Passw0rd!", record["UserStatus"], attributes)
        user.enabled = record["Enabled"]
        pool.users[user.username] = user
    for group, members in (groups or {}).items():
        rank = {"Precedence": precedence[group]} if group in (precedence or {}) else {}
        client.create_group(UserPoolId=pool_id, GroupName=group, **rank)
        for username in members:
            client.admin_add_user_to_group(UserPoolId=pool_id, GroupName=group, Username=username)
    for name, listed in (clients or {}).items():
        written = {} if listed is None else {"WriteAttributes": listed}
        client.create_user_pool_client(UserPoolId=pool_id, ClientName=name, **written)
    return pool_id


# --- the stand-in ---------------------------------------------------------------------------------------------


@dataclass
class Faults:
    """What goes wrong; may be changed while serving. `every` figures count ListUsers requests; 0: never."""

    latency: float = 0.0
    throttle_every: int = 0
    throttle_first: int = 0
    retry_after: str | None = None
    error_every: int = 0
    reset_every: int = 0
    cut_off_every: int = 0
    empty_every: int = 0  # a page without users before the end
    short_every: int = 0  # a page of seven
    expire_tokens: int = 0  # so many tokens are refused
    expire_for: str | None = None  # only those of this filter
    repeat_token: bool = False
    prefix: str = "works"  # works | unsupported | ignored | loses
    lose: frozenset[str] = frozenset()  # subs that prefix filters do not find, app clients that are gone once listed
    deny: frozenset[str] = frozenset()  # operations
    no_pool: bool = False
    no_users_key: bool = False
    quota: int = 0  # ListUsers requests in any second, as the service counts; 0: no quota


@dataclass
class StandIn:
    """A pool in memory. `log` holds (monotonic seconds, operation, filter, status) of every request."""

    users: list[dict[str, Any]]
    groups: dict[str, list[str]] = field(default_factory=dict)
    precedence: dict[str, int] = field(default_factory=dict)  # by group, of those that have one
    clients: dict[str, list[str] | None] = field(default_factory=dict)  # WriteAttributes by app client; None: unset
    factors: dict[str, list[str]] = field(default_factory=dict)  # second factors by username
    configured: dict[str, list[str]] = field(default_factory=dict)  # first factors by username
    first_factors: list[str] = field(default_factory=list)  # the pool's SignInPolicy; empty: it has none
    schema: list[dict[str, Any]] = field(default_factory=list)  # SchemaAttributes
    mfa: str | None = None
    estimate: int | None = None
    faults: Faults = field(default_factory=Faults)
    log: list[tuple[float, str, str, int]] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        # Cognito's order is none that anybody knows; here it is the sub's, so that a prefix is a slice.
        ordered = sorted(self.users, key=sub_of)
        self._subs = [sub_of(one) for one in ordered]
        self._bodies = [orjson.dumps(one) for one in ordered]
        self._usernames = {one["Username"]: at for at, one in enumerate(ordered)}
        self._lists = 0

    def operations(self, name: str) -> list[tuple[float, str, str, int]]:
        """The log's entries of one operation."""
        return [entry for entry in self.log if entry[1] == name]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/_log":
            return web.json_response(self.log)
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        asked = orjson.loads(await request.read())
        arrived = time.monotonic()
        if self.faults.latency:
            await asyncio.sleep(self.faults.latency)
        status, body, headers = self._answer(operation, asked, arrived)
        self.log.append((arrived, operation, asked.get("Filter", ""), status))
        if status == -1:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=status, body=body, headers={"Content-Type": "application/x-amz-json-1.1", **headers})

    def _answer(self, operation: str, asked: dict[str, Any], arrived: float) -> tuple[int, bytes, dict[str, str]]:
        faults = self.faults
        if operation in faults.deny:
            return _error("AccessDeniedException")
        if faults.no_pool:
            return _error("ResourceNotFoundException")
        if operation == "DescribeUserPool":
            estimate = len(self._subs) if self.estimate is None else self.estimate
            pool: dict[str, Any] = {"Name": "stand-in", "EstimatedNumberOfUsers": estimate}
            if self.schema:
                pool["SchemaAttributes"] = self.schema
            if self.mfa:
                pool["MfaConfiguration"] = self.mfa
            if self.first_factors:
                pool["Policies"] = {"SignInPolicy": {"AllowedFirstAuthFactors": self.first_factors}}
            return 200, orjson.dumps({"UserPool": pool}), {}
        if operation == "ListUsersInGroup":
            return self._group(asked)
        if operation == "ListGroups":
            rank = self.precedence
            names = [{"GroupName": name} | ({"Precedence": rank[name]} if name in rank else {}) for name in self.groups]
            return self._settings("Groups", names, asked, asked["Limit"])
        if operation == "ListUserPoolClients":
            clients = [{"ClientId": name, "UserPoolId": POOL_ID} for name in self.clients]
            return self._settings("UserPoolClients", clients, asked, asked["MaxResults"])
        if operation == "DescribeUserPoolClient":
            if asked["ClientId"] not in self.clients or asked["ClientId"] in faults.lose:
                return _error("ResourceNotFoundException")
            listed = self.clients[asked["ClientId"]]
            client = {"ClientId": asked["ClientId"]} | ({} if listed is None else {"WriteAttributes": listed})
            return 200, orjson.dumps({"UserPoolClient": client}), {}
        if operation == "AdminGetUserAuthFactors":
            name = asked["Username"]
            held = self.factors.get(name, [])
            answer = {
                "Username": name,
                "UserMFASettingList": [one for one in held if one not in ("PASSWORD", "WEB_AUTHN", "SMS_OTP")],
                "ConfiguredUserAuthFactors": self.configured.get(name)
                or [one for one in held if one in ("PASSWORD", "WEB_AUTHN", "SMS_OTP")],
            }
            return 200, orjson.dumps(answer), {}
        if operation != "ListUsers":
            return _error("UnknownOperationException")
        self._lists += 1
        if self._lists <= faults.throttle_first or self._due(faults.throttle_every) or self._over_quota(arrived):
            extra = {"Retry-After": faults.retry_after} if faults.retry_after else {}
            return _error("TooManyRequestsException", 400 if not faults.retry_after else 429, extra)
        if self._due(faults.error_every):
            return _error("InternalErrorException", 500)
        if self._due(faults.reset_every):
            return -1, b"", {}
        status, body = self._list(asked)
        if status == 200 and self._due(faults.cut_off_every):
            body = body[: len(body) // 2]
        return status, body, {}

    def _due(self, every: int) -> bool:
        return bool(every) and self._lists % every == 0

    def _over_quota(self, arrived: float) -> bool:
        if not self.faults.quota:
            return False
        recent = sum(1 for entry in self.log[-200:] if entry[1] == "ListUsers" and entry[0] > arrived - 1.0)
        return recent >= self.faults.quota

    def _list(self, asked: dict[str, Any]) -> tuple[int, bytes]:
        faults = self.faults
        query = asked.get("Filter")
        indexes: range | list[int] = range(len(self._subs))
        if query:
            name, comparison, quoted = query.split(" ", 2)
            value = json.loads(quoted)
            if name == "username":
                indexes = [self._usernames[value]] if value in self._usernames else []
            elif comparison == "^=" and faults.prefix == "unsupported":
                return _error("InvalidParameterException")[:2]
            elif comparison == "^=" and faults.prefix != "ignored":
                start = bisect.bisect_left(self._subs, value)
                indexes = range(start, bisect.bisect_left(self._subs, value + "\x7f"))
                if faults.prefix == "loses" and faults.lose:
                    indexes = [at for at in indexes if self._subs[at] not in faults.lose]
        offset = 0
        if token := asked.get("PaginationToken"):
            if faults.expire_tokens and faults.expire_for in {None, query}:
                faults.expire_tokens -= 1
                return _error("InvalidParameterException")[:2]
            bound, offset, _ = orjson.loads(base64.b64decode(token))
            if bound != query:
                return _error("InvalidParameterException")[:2]
        size = min(asked.get("Limit", PAGE), PAGE)
        if self._due(faults.empty_every):
            size = 0
        elif self._due(faults.short_every):
            size = 7
        page = indexes[offset : offset + size]
        end = offset + len(page)
        body = b'{"Users":[' + b",".join([self._bodies[at] for at in page]) + b"]"
        if faults.no_users_key:
            body = b'{"Other":[]'
        if faults.repeat_token:
            end = 60
        if end < len(indexes):
            # An honest token is never given twice: an empty page goes on at the same place with another one.
            salt = 0 if faults.repeat_token else self._lists
            text = base64.b64encode(orjson.dumps([query, end, salt])).decode()
            body += b',"PaginationToken":' + orjson.dumps(text)
        return 200, body + b"}"

    def _settings(
        self, under: str, items: list[dict[str, Any]], asked: dict[str, Any], limit: int
    ) -> tuple[int, bytes, dict[str, str]]:
        """One page of a list of the pool's settings."""
        if self.faults.no_users_key:
            return 200, b"{}", {}
        if "NextToken" in asked and self.faults.expire_tokens:
            self.faults.expire_tokens -= 1
            return _error("InvalidParameterException")
        start = int(asked.get("NextToken", 0))
        end = start + min(limit, PAGE)
        answer: dict[str, Any] = {under: items[start:end]}
        if end < len(items):
            answer["NextToken"] = "1" if self.faults.repeat_token else str(end)
        return 200, orjson.dumps(answer), {}

    def _group(self, asked: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        members = self.groups.get(asked["GroupName"])
        if members is None:
            return _error("ResourceNotFoundException")
        if "NextToken" in asked and self.faults.expire_tokens:
            self.faults.expire_tokens -= 1
            return _error("InvalidParameterException")
        start = int(asked.get("NextToken", 0))
        found = [{"Username": name, "Attributes": []} for name in members[start : start + PAGE]]
        answer: dict[str, Any] = {"Users": found}
        if start + PAGE < len(members):
            answer["NextToken"] = str(start + PAGE)
        return 200, orjson.dumps(answer), {}


def _error(code: str, status: int = 400, headers: dict[str, str] | None = None) -> tuple[int, bytes, dict[str, str]]:
    body = orjson.dumps({"__type": code, "message": "person1@example.com must not be shown"})
    return status, body, {"x-amzn-ErrorType": code, **(headers or {})}


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """Serve it on a free port of loopback, in a thread; its `url` is set."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", stand_in.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=256)
        await site.start()
        host, port = runner.addresses[0][:2]
        stand_in.url = f"http://{host}:{port}"
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield stand_in
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def main() -> None:
    """Serve until killed; the first line of standard output is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--quota", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--groups", type=int, default=0, help="so many, named tenant-<number>")
    parser.add_argument("--members", type=int, default=0, help="of each group; groups overlap where users are few")
    given = parser.parse_args()
    faults = Faults(latency=given.latency_ms / 1000, quota=given.quota)
    users = invent_users(given.users, given.seed)
    names = [one["Username"] for one in users]
    groups = {
        f"tenant-{group}": [names[(group * given.members + at) % len(names)] for at in range(given.members)]
        for group in range(given.groups)
    }
    with serving(StandIn(users, groups=groups, faults=faults)) as stand_in:
        print(stand_in.url, flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
