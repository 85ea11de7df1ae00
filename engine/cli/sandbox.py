"""`migrate sandbox`: the embedded WorkOS emulator by itself, until it is interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.command import JsonOption, QuietOption, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate sandbox --port 4010 --data sandbox.db")(sandbox)


def sandbox(
    port: Annotated[int, typer.Option(metavar="N", help="Port on loopback; 0 takes a free one.", min=0, max=65535)] = 0,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep users in this file; in memory without it.")
    ] = None,
    null: Annotated[bool, typer.Option("--null", help="Accept and count users, keep nothing (for measuring).")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the WorkOS emulator alone. Prints its address, key and client ID as one JSON line."""
    from engine.sandbox.options import Options
    from engine.sandbox.server import Server, serve

    with command(json=json, quiet=quiet) as console:
        options = Options(data=data, port=port, null=null)
        # It opens nothing but this sandbox, and who starts one needs it.
        console.publish(options.api_key)
        console.header([("sandbox", "a WorkOS emulator on loopback"), ("data", str(data or "in memory"))])

        def announce(url: str) -> None:
            console.document({"url": url, "api_key": options.api_key, "client_id": options.client_id})
            console.say(
                f"export WORKOS_API_KEY={options.api_key} WORKOS_CLIENT_ID={options.client_id}",
                f"and in the plan file, under destination.workos: base_url: {url}",
            )

        serve(Server(options), announce=announce)
