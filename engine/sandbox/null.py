"""Owns null mode: users are accepted and counted, and nothing is kept, at the least CPU a request.

For benchmarks of what stands before the API. A protocol of its own reads just as much HTTP/1.1 as API clients send
(a request line, headers, Content-Length); aiohttp's parser and response objects would cost most of the time.
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl

import orjson

from engine.sandbox.errors import ApiError, invalid_parameters, not_found, unauthorized
from engine.sandbox.options import Options
from engine.sandbox.requests import Reply, refusal_reply
from engine.sandbox.service import Service

_USERS = b"/user_management/users"
_CREATE = b"POST /user_management/users HTTP/1.1"
_CREATED = b"HTTP/1.1 201 Created\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: "
_EMPTY_LIST = b'{"object":"list","data":[],"list_metadata":{"before":null,"after":null}}'
_LONGEST_HEAD = 65536
_LONGEST_BODY = 1024 * 1024


class NullServer:
    """Listens on a socket and answers from nothing but the request."""

    def __init__(self, service: Service, options: Options) -> None:
        self.service = service
        self.needle = b"\r\nauthorization: bearer " + options.api_key.encode().lower()
        self.key = options.api_key.encode()
        self.connections: set[_NullConnection] = set()
        self._server: asyncio.Server | None = None
        self._stamp = (0, "")

    async def start(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _NullConnection(self), sock=listener)

    async def stop(self) -> None:
        for connection in list(self.connections):
            connection.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def handle(self, line: bytes, head: bytes, body: bytes) -> bytes:
        """The whole answer to one request."""
        if not self._is_key(head):
            return self._general(line, head, body)
        if line == _CREATE:
            try:
                if self.service.quotas.limited:
                    self.service.quotas.admit("POST")
                user = self._user(body)
            except ApiError as error:
                return self._answered("POST /user_management/users", refusal_reply(error))
            self.service.requests["POST /user_management/users"] += 1
            self.service.answers[201] += 1
            return b"%b%d\r\n\r\n%b" % (_CREATED, len(user), user)
        return self._general(line, head, body)

    def _is_key(self, head: bytes) -> bool:
        place = head.lower().find(self.needle)
        if place < 0:
            return False
        end = place + len(self.needle)
        return head[end - len(self.key) : end] == self.key and head[end : end + 2] in (b"\r\n", b"")

    def _user(self, body: bytes, identifier: str | None = None) -> bytes:
        """A user as the API would show it, from its body alone. Raises ApiError 422."""
        try:
            given = orjson.loads(body)
            email = given["email"] if identifier is None else given.get("email", "unknown@sandbox.invalid")
            now = self._now()
            return orjson.dumps(
                {
                    "object": "user",
                    "id": identifier or self.service.environment.ids.new("user_"),
                    "email": email.strip().lower(),
                    "email_verified": given.get("email_verified") is True,
                    "first_name": given.get("first_name"),
                    "last_name": given.get("last_name"),
                    "profile_picture_url": None,
                    "external_id": given.get("external_id"),
                    "metadata": given.get("metadata") or {},
                    "last_sign_in_at": None,
                    "locale": None,
                    "created_at": now,
                    "updated_at": now,
                }
            )
        except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
            raise invalid_parameters([("email", "email_required", "email is required")]) from error

    def _now(self) -> str:
        # Writing a time costs more than reading it: once a second is enough for users that nobody keeps.
        second = int(self.service.clock.now())
        if self._stamp[0] != second:
            self._stamp = (second, self.service.clock.stamp())
        return self._stamp[1]

    def _general(self, line: bytes, head: bytes, body: bytes) -> bytes:
        """Everything but a create: the extension's endpoints, lists, lookups, updates."""
        method, _, rest = line.decode("latin-1").partition(" ")
        target = rest.rpartition(" ")[0]
        path, _, query = target.partition("?")
        key = f"Bearer {self.key.decode()}" if self._is_key(head) else None
        if self.service.is_beside(method, path):
            return _message(self.service.handle(method, path, parse_qsl(query), body, key).reply)
        users = _USERS.decode()
        try:
            if key is None:
                raise unauthorized()
            self.service.quotas.admit(method)
            if method == "PUT" and path.startswith(f"{users}/"):
                return self._answered(
                    f"PUT {users}/{{id}}", Reply(200, self._user(body, path.removeprefix(f"{users}/")))
                )
            if method == "GET" and path.startswith(f"{users}/"):
                raise not_found("User", path.rpartition("/")[2])
            if method == "GET":
                return self._answered(f"GET {path}", Reply(200, _EMPTY_LIST))
            raise ApiError(404, {"message": "Null mode knows users alone."})
        except ApiError as error:
            name = f"{method} {users}/{{id}}" if path.startswith(f"{users}/") else f"{method} {path}"
            return self._answered(name, refusal_reply(error))

    def _answered(self, name: str, reply: Reply) -> bytes:
        self.service.requests[name] += 1
        self.service.answers[reply.status] += 1
        return _message(reply)


def _message(reply: Reply) -> bytes:
    phrase = HTTPStatus(reply.status).phrase
    headers = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
    head = (
        f"HTTP/1.1 {reply.status} {phrase}\r\nContent-Type: application/json; charset=utf-8\r\n{headers}"
        f"Content-Length: {len(reply.body)}\r\n\r\n"
    )
    return head.encode() + reply.body


class _NullConnection(asyncio.Protocol):
    """One client; requests are answered one after the other."""

    def __init__(self, server: NullServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._server.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._server.connections.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        self._go_on()

    def _go_on(self) -> None:
        while self._received and self._transport is not None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                if len(self._received) > _LONGEST_HEAD:
                    self.close()
                return
            head = self._received[:end]
            length = _content_length(head)
            if length is None or length > _LONGEST_BODY:
                self._transport.write(_message(Reply(413 if length else 411, b'{"message":"Bad SandboxRequest"}')))
                self._transport.close()
                return
            stop = end + 4 + length
            if len(self._received) < stop:
                return
            body, self._received = self._received[end + 4 : stop], self._received[stop:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        line = head[: head.find(b"\r\n")] if b"\r\n" in head else head
        self._write(self._server.handle(line, head, body))

    def _write(self, message: bytes) -> None:
        if self._transport is not None:
            self._transport.write(message)


def _content_length(head: bytes) -> int | None:
    """The length of the body, None where it is not told."""
    lowered = head.lower()
    if b"\r\ntransfer-encoding:" in lowered:
        return None
    place = lowered.find(b"\r\ncontent-length:")
    if place < 0:
        return 0
    end = lowered.find(b"\r\n", place + 2)
    digits = lowered[place + 17 : end if end >= 0 else None].strip()
    return int(digits) if digits.isdigit() else None
