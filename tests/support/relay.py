"""A relay on loopback before a service that speaks plain HTTP: a test acts between a command's requests."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Act = Callable[[str, str, bytes], None]
"""What happens around a request, told its method, path and body."""


@dataclass
class Relay:
    """A running relay. `answers` are method, path without its query, status and body of what passed through."""

    url: str = ""
    answers: list[tuple[str, str, int, bytes]] = field(default_factory=list)


@contextmanager
def relay(to: str, *, before: Act, after: Act) -> Iterator[Relay]:
    """Passes everything on to `to`; `before` acts ahead of the service, `after` ahead of the command's next step."""
    running = Relay()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            before(self.command, self.path, body)
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            request = urllib.request.Request(to + self.path, data=body or None, headers=kept, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    status, kind, text = answer.status, answer.headers.get("Content-Type"), answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    status, kind, text = error.code, error.headers.get("Content-Type"), error.read()
            running.answers.append((self.command, self.path.partition("?")[0], status, text))
            after(self.command, self.path, body)
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing: the test tells what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        running.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
