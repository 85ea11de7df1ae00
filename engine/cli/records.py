"""The pool's records for commands that look at a state: the last run's snapshot, else the pool itself."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from engine.cli.sources import open_sources
from engine.plan_file.model import Spec
from engine.run.reading import Watch, read_people
from engine.snapshot import database
from engine.views.console import Console
from engine.workspace.folder import Workspace


@contextmanager
def records(console: Console, spec: Spec) -> Iterator[tuple[sqlite3.Connection, bool]]:
    """A whole snapshot, and whether a run kept it; one that was read for this is gone afterwards."""
    workspace = Workspace(spec.state_path, preview=True)
    connection = database.reopen(workspace.kept_snapshot_path)
    kept = connection is not None
    try:
        if connection is None:
            source = open_sources(spec, tell=console.warn, trace=console.trace)
            described = source.describe()
            workspace.prepare()
            connection = database.create(workspace.snapshot_path)
            with console.stages() as stages:
                progress = stages.begin("reading", described.estimated_users, estimated=True)
                watch = Watch(reading=progress, listing=progress, stopping=lambda: False)
                # No fingerprint of this reading is ever compared.
                read_people(spec, source, connection, secrets.token_bytes(32), watch)
        yield connection, kept
    finally:
        if connection is not None:
            connection.close()
        workspace.discard()
