"""A whole `resets send` on an open session: the pool read afresh, WorkOS listed, what is due sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.model.errors import MigrateError
from engine.model.ports import Progress
from engine.plan_file.model import Spec
from engine.resets.results import SendResult
from engine.resets.sending import Sending, SendOptions
from engine.run.migration import new_run_id
from engine.run.preparation import know
from engine.run.reading import Watch, check_selected, read_people
from engine.run.session import Session
from engine.run.stopping import Stop
from engine.run.target_errors import as_target_error
from engine.snapshot import database
from engine.snapshot.candidates import CandidateTable
from engine.state.file import StateFile
from engine.workspace.folder import Workspace, resets_folder


async def run_send(
    session: Session,
    state: StateFile,
    options: SendOptions,
    *,
    watch: Watch,
    sending: Callable[[int], Progress],
    stop: Stop,
) -> SendResult:
    """Send what is due. The pool's users stand in a snapshot of their own, which is gone afterwards.

    Raises MigrateError where nothing was attempted.
    """
    workspace = Workspace(session.spec.state_path, preview=True)
    workspace.prepare()
    path = workspace.snapshot_path
    destination = session.spec.destination
    try:
        connection = database.create(path)
    except BaseException:
        workspace.discard()
        raise
    try:
        with database.disk_errors(path), as_target_error(destination):
            people = await asyncio.to_thread(read_people, session.spec, session.source, connection, session.key, watch)
            check_selected(session.spec, people.source)
            await asyncio.to_thread(know, connection, state)
            async with session.resets(destination) as target:
                result = await Sending(
                    spec=session.spec,
                    sandbox=session.sandbox,
                    candidates=CandidateTable(connection, session.source.names),
                    state=state,
                    metered=session.target,
                    target=target,
                    stop=stop,
                    run_id=new_run_id(),
                    find_passwordless=session.find_passwordless(),
                ).run(options, listing=watch.listing, sending=sending)
    finally:
        connection.close()
        workspace.discard()
    doubts = session.doubt_passwords(result.due, "to be mailed")
    return replace(result, warnings=(*session.source.warnings, *doubts, *result.warnings))


async def send_after_apply(
    session: Session, *, watch: Watch, sending: Callable[[int], Progress], stop: Stop
) -> SendResult:
    """The batches that are due once an apply has ended. Never raises MigrateError: the apply stands."""
    options = SendOptions(out=outbox_folder(session.spec))
    requests = session.target.requests
    try:
        with StateFile.open(session.spec.state_path, session.identity, key=session.key) as state:
            return await run_send(session, state, options, watch=watch, sending=sending, stop=stop)
    except MigrateError as error:
        return SendResult(
            plan=session.spec.name,
            sandbox=session.sandbox,
            dry_run=False,
            deliver=session.spec.password_reset.email.deliver,
            due=0,
            sent=0,
            left=0,
            unknown=(),
            failures=(),
            not_mailed={},
            stopped=error.code,
            next_at=None,
            files=(),
            requests=requests,
            duration_s=0.0,
            warnings=(f"no password-reset e-mails were sent: {error}",),
        )


def sends_after_apply(spec: Spec) -> bool:
    """Whether the plan asks for it."""
    return spec.password_reset.strategy == "email" and spec.password_reset.email.send == "after_apply"


def outbox_folder(spec: Spec) -> Path:
    """Where `deliver: file` writes, unless told otherwise: beside the state."""
    return resets_folder(spec.state_path)
