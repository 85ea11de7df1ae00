"""The adapter against a server of bare sockets: every way in which a connection can end, and other people's bodies."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Terminal, Throttled, Transient
from engine.plan_file.model import Destination
from engine.workos.users import WorkOSTarget

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
ANN = {"email": "ann@example.com", "email_verified": True}


@asynccontextmanager
async def answering(answer: Answer, *, timeout: float = 5.0) -> AsyncIterator[WorkOSTarget]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-len")), 0
            )
            await reader.readexactly(length)
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = WorkOSTarget(Destination("client_1", "sk_test_x", f"http://127.0.0.1:{port}"), timeout=timeout)
    try:
        yield target
    finally:
        await target.close()
        server.close()
        await server.wait_closed()


def says(status: str, body: bytes, *headers: str, length: int | None = None) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        size = len(body) if length is None else length
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Content-Type: application/json", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return answer


async def reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def say_nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1.0)  # longer than the client waits


async def gibberish(writer: asyncio.StreamWriter) -> None:
    writer.write(b"this is not HTTP\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (reset, Ambiguous, "connection_lost"),
        (hang_up, Ambiguous, "connection_lost"),
        (gibberish, Ambiguous, "connection_lost"),
        (says("201 Created", b'{"id": "user_1", "em', length=400), Ambiguous, "connection_lost"),
        (says("201 Created", b'{"id": "user_1", "em'), Ambiguous, None),
        (says("201 Created", b""), Ambiguous, None),
        (says("201 Created", b"[]"), Ambiguous, None),
        (says("201 Created", b"{}"), Ambiguous, None),
        (says("201 Created", b'{"id": 7, "email": null}'), Ambiguous, None),
        (says("200 OK", b"<html>captive portal</html>"), Ambiguous, None),
        (says("302 Found", b"", "Location: http://127.0.0.1:9/evil"), Ambiguous, None),
        (says("500 Oops", b"<html>"), Ambiguous, "http_500"),
        (says("502 Bad Gateway", b"[]"), Ambiguous, "http_502"),
        (says("408 Request Timeout", b"{}"), Ambiguous, "http_408"),
        (says("401 Unauthorized", b'{"message": "Unauthorized"}'), Refused, "unauthorized"),
        (says("403 Forbidden", b"nothing to read"), Refused, "forbidden"),
        (says("429 Slow", b'{"message": "x"}', "Retry-After: 3"), Throttled, None),
        (says("400 Bad", b'{"code": "user_creation_error", "errors": [{"code": "email_not_available"}]}'), Terminal,
         "email_not_available"),
        (says("400 Bad", b'{"code": "user_creation_error", "errors": ["text"]}'), Terminal, "user_creation_error"),
        (says("422 Bad", b'["an", "array"]'), Terminal, "http_422"),
        (says("422 Bad", b'{"error": "invalid_metadata"}'), Terminal, "invalid_metadata"),
        (says("404 Not Found", b"<html>"), Terminal, "http_404"),
    ],
)  # fmt: skip
async def test_ends_of_a_write(answer: Answer, kind: type[CallFailed], code: str | None) -> None:
    async with answering(answer) as target:
        with pytest.raises(CallFailed) as ended:
            await target.create(ANN)
    assert type(ended.value) is kind and code in (None, ended.value.code)
    assert ("ann@" not in str(ended.value) and ended.value.__cause__ is not None) or code is None
    if kind is Throttled:
        assert ended.value.retry_after == 3.0


async def test_an_answer_that_never_comes() -> None:
    async with answering(say_nothing, timeout=0.1) as target:
        with pytest.raises(Ambiguous) as ended:
            await target.create(ANN)
    assert ended.value.code == "timeout"


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = WorkOSTarget(Destination("client_1", "sk_test_x", f"http://127.0.0.1:{port}"), timeout=1)
    with pytest.raises(Transient) as ended:
        await target.create(ANN)
    await target.close()
    assert ended.value.code == "connection_failed"


async def test_one_request_a_call() -> None:
    """The SDK's own retries are off: WorkOS has no idempotency key for users."""
    requests = 0

    async def count(writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await says("503 Busy", b"{}")(writer)

    async with answering(count) as target:
        with pytest.raises(Ambiguous):
            await target.create(ANN)
        with pytest.raises(Ambiguous):
            await target.get("user_1")
    assert requests == 2


async def test_a_server_that_ignores_the_filter_shows_somebody_else() -> None:
    body = (
        b'{"object": "list", "list_metadata": {"before": null, "after": null}, "data": [{"object": "user",'
        b' "id": "user_9", "email": "Bob@example.com", "email_verified": true, "first_name": null, "last_name": null,'
        b' "profile_picture_url": null, "last_sign_in_at": null, "external_id": null, "metadata": {},'
        b' "created_at": "2024-01-01T00:00:00.000Z", "updated_at": "2024-01-01T00:00:00.000Z"}]}'
    )
    async with answering(says("200 OK", body)) as target:
        assert await target.find_by_email("ann@example.com") is None
        found = await target.find_by_email("BOB@example.com")
        assert found is not None and found.email == "bob@example.com"
