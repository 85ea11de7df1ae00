"""A WorkOS of bare sockets that answers whatever it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
Choose = Callable[[str], Answer]


@asynccontextmanager
async def listening(choose: Choose) -> AsyncIterator[str]:
    """Its address. `choose` gets the request line and says how to answer; one request a connection."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            sizes = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
            await reader.readexactly(sum(sizes))
            await choose(head.split(b"\r\n", 1)[0].decode())(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*serving, return_exceptions=True)


def says(status: str, body: bytes, *headers: str, chunked: bool = False) -> Answer:
    """One whole HTTP answer; without a length where it is `chunked`."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        lines = [f"HTTP/1.1 {status}", length, "Content-Type: application/json", "Connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode())
        if chunked:
            for at in range(0, len(body), 65_536):
                part = body[at : at + 65_536]
                writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(body)
        await writer.drain()

    return answer
