"""One change, every way in which its calls can end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model.call_errors import Ambiguous, Refused, Terminal, Throttled, Transient
from engine.model.outcomes import Done, NotDone
from engine.model.ports import UserChanges
from engine.model.retries import THROTTLED_TRIES, TRIES
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.changes import Change, Desired, Found, Known, UserWork
from engine.resources.users.performer import Performer, creation, user_changes
from engine.resources.users.planner import Planner
from tests.support.fake_target import After, FakeTarget
from tests.support.metered import metered
from tests.support.virtual_clock import VirtualClock

MARKS = Fingerprints(b"k" * 32)
ANN = Desired("ann", "ann@example.com", True, {"external_id": "ann", "first_name": "Ann", "metadata.plan": "pro"},
              flags={"pending": "true"})  # fmt: skip
WHOLE = MARKS.whole(ANN.email, ANN.verified, ANN.fields)
CREATE = UserWork(Change("create", "ann", created_here=True, verified=True, counts_as="created"), ANN, WHOLE)
LOST, TIMEOUT = Ambiguous("connection_lost"), Ambiguous("timeout")
TAKEN = Terminal("email_not_available", status=400)


class Scene:
    def __init__(self, **options: Any) -> None:
        self.fake = FakeTarget()
        self.clock = VirtualClock()
        self.target = metered(self.fake, clock=self.clock)
        self.performer = Performer(self.target, Planner(MARKS, **options), MARKS, self.clock)

    async def perform(self, work: UserWork = CREATE) -> tuple[Any, str]:
        return await self.performer.perform(work)

    def update(self, **send: Any) -> UserWork:
        (user,) = self.fake.users.values()
        change = Change("update", "ann", user.id, send={name.replace("__", "."): v for name, v in send.items()},
                        created_here=True, verified=True, counts_as="updated")  # fmt: skip
        return UserWork(change, ANN, WHOLE)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_created(scene: Scene) -> None:
    outcome, counted = await scene.perform()
    (user,) = scene.fake.users.values()
    assert counted == "created" and outcome == Done(
        "user", "ann", user.id, "create", WHOLE, MARKS.each(ANN.email, True, ANN.fields), verified=True,
        created_here=True, flagged=True, attempts=1, stamp=user.updated_at,
    )  # fmt: skip
    assert (user.email, user.email_verified, user.external_id, user.first_name) == (
        "ann@example.com", True, "ann", "Ann",
    )  # fmt: skip
    assert user.metadata == {"plan": "pro", "pending": "true"} and [name for name, _ in scene.fake.calls] == ["create"]


@pytest.mark.parametrize("error", [LOST, TIMEOUT, Ambiguous("http_500"), Ambiguous("http_408", status=408)])
async def test_ambiguous_and_there(scene: Scene, error: Ambiguous) -> None:
    scene.fake.fail("create", After(error))
    outcome, counted = await scene.perform()
    assert (counted, outcome.created_here, outcome.flagged, outcome.verified) == ("created", True, True, True)
    assert scene.fake.called("create") == 1 and len(scene.fake.users) == 1 and scene.fake.called("update") == 0


async def test_ambiguous_and_not_there(scene: Scene) -> None:
    scene.fake.fail("create", LOST, TIMEOUT)
    outcome, counted = await scene.perform()
    assert (counted, outcome.attempts, scene.fake.called("create")) == ("created", 3, 3)
    assert scene.target.requests.retried == 2 and len(scene.fake.users) == 1


async def test_a_write_that_lands_after_the_look(scene: Scene) -> None:
    scene.fake.fail("create", LOST)

    async def late(seconds: float) -> None:
        scene.fake.add("ann@example.com", external_id="ann", email_verified=True, first_name="Ann",
                       metadata={"plan": "pro", "pending": "true"})  # fmt: skip

    scene.clock.sleep = late  # type: ignore[method-assign]
    outcome, counted = await scene.perform()
    assert (counted, outcome.created_here, len(scene.fake.users)) == ("created", True, 1)


@pytest.mark.parametrize("code", ["email_not_available", "external_id_already_used", "user_already_exists"])
async def test_refused_because_we_are_there_already(scene: Scene, code: str) -> None:
    there = scene.fake.add("ann@example.com", external_id="ann", email_verified=False, metadata={"plan": "old"})
    scene.fake.fail("create", Terminal(code, status=400))
    outcome, counted = await scene.perform()
    assert (counted, outcome.operation, outcome.created_here, outcome.flagged) == ("adopted", "adopt", False, False)
    after = scene.fake.users[there.id]
    assert after.metadata == {"plan": "pro"} and not after.email_verified and not outcome.verified


@pytest.mark.parametrize(
    ("there", "options", "code"),
    [
        ({"email": "ann@example.com", "external_id": "bob"}, {}, "other_external_id"),
        ({"email": "bob@example.com", "external_id": "ann"}, {}, "external_id_other_email"),
        ({"email": "ann@example.com"}, {}, "unverified_link"),
        ({"email": "ann@example.com", "email_verified": True}, {"existing_users": "error"}, "existing_user"),
    ],
)
async def test_refused_because_of_somebody_else(there: dict[str, Any], options: dict[str, Any], code: str) -> None:
    scene = Scene(**options)
    user = scene.fake.add(**there)
    outcome, counted = await scene.perform()
    assert (counted, outcome.status, outcome.code) == ("conflicts", "conflict", code)
    assert scene.fake.users == {user.id: user}


async def test_somebody_else_may_be_linked_or_skipped() -> None:
    for mode, counts_as in (("adopt", "adopted"), ("update", "adopted"), ("skip", "skipped")):
        scene = Scene(existing_users=mode)
        user = scene.fake.add("ann@example.com", email_verified=True)
        outcome, counted = await scene.perform()
        assert counted == counts_as and scene.fake.users[user.id].external_id == ("ann" if mode != "skip" else None)
        assert not getattr(outcome, "flagged", False)
        assert isinstance(outcome, NotDone if mode == "skip" else Done)


async def test_taken_by_nobody_that_can_be_seen(scene: Scene) -> None:
    scene.fake.fail("create", *[TAKEN] * 9)
    outcome, counted = await scene.perform()
    assert (counted, outcome.status, outcome.code) == ("conflicts", "conflict", "email_not_available")
    assert scene.fake.called("create") == 3


async def test_throttled(scene: Scene) -> None:
    scene.fake.fail("create", Throttled("x", retry_after=3), Throttled("x"))
    outcome, counted = await scene.perform()
    assert counted == "created" and outcome.attempts == 3
    assert scene.target.requests.throttled == 2 and scene.clock.time >= 1003
    # A refusal over quota was not done: nobody has to look.
    assert scene.fake.called("find_by_external_id") == 0


@pytest.mark.parametrize(
    ("error", "calls"),
    [(Transient("connection_failed"), TRIES), (Throttled("rate_limit_exceeded"), THROTTLED_TRIES), (LOST, TRIES)],
)
async def test_tries_are_used_up(scene: Scene, error: Any, calls: int) -> None:
    scene.fake.fail("create", *[error] * 50)
    outcome, counted = await scene.perform()
    # Whoever may have been written stays claimed: the next run looks first.
    status = "claimed" if isinstance(error, Ambiguous) else "failed"
    assert (counted, outcome.status, outcome.code) == ("failed", status, error.code)
    assert outcome.attempts == scene.fake.called("create") == calls


async def test_terminal_is_not_repeated(scene: Scene) -> None:
    scene.fake.fail("create", Terminal("invalid_metadata", status=400))
    outcome, counted = await scene.perform()
    assert (counted, outcome.status, outcome.code, scene.fake.called("create")) == (
        "failed", "failed", "invalid_metadata", 1,
    )  # fmt: skip


@pytest.mark.parametrize("error", [Transient("down"), TIMEOUT, Terminal("invalid_request_parameters", status=422)])
async def test_the_look_itself_fails(scene: Scene, error: Exception) -> None:
    scene.fake.fail("create", After(LOST))
    scene.fake.fail("find_by_external_id", *[error] * 50)
    outcome, counted = await scene.perform()
    assert (counted, outcome.status, outcome.code, scene.fake.called("create")) == ("failed", "claimed", "unsettled", 1)


@pytest.mark.parametrize("method", ["create", "find_by_external_id", "find_by_email", "update", "get"])
async def test_a_refused_key_stops_the_run(scene: Scene, method: str) -> None:
    work = CREATE
    if method in ("update", "get"):
        scene.fake.add("ann@example.com", external_id="ann")
        work = scene.update(first_name="Anna")
        scene.fake.fail("update", LOST)
    else:
        scene.fake.fail("create", LOST)
    scene.fake.script[method].clear()
    scene.fake.fail(method, Refused("unauthorized", status=401))
    with pytest.raises(Refused):
        await scene.perform(work)


async def test_updates(scene: Scene) -> None:
    scene.fake.add("ann@example.com", external_id="ann", metadata={"old": "1"})
    outcome, counted = await scene.perform(scene.update(first_name="Anna", metadata__old=None, metadata__new="2"))
    (user,) = scene.fake.users.values()
    assert (counted, user.first_name, user.metadata) == ("updated", "Anna", {"new": "2"})
    # A flag is written at creation only; an update of one of ours does not pretend that it was.
    assert isinstance(outcome, Done) and not outcome.flagged and outcome.operation == "update"


async def test_nothing_to_send_is_no_request(scene: Scene) -> None:
    scene.fake.add("ann@example.com")
    work = scene.update()
    outcome, counted = await scene.perform(replace(work, change=replace(work.change, counts_as="unchanged")))
    assert (counted, scene.fake.calls, outcome.workos_id) == ("unchanged", [], work.change.workos_id)


@pytest.mark.parametrize(
    ("end", "calls", "counted", "code"),
    [
        (After(LOST), 1, "updated", None),
        (LOST, 2, "updated", None),
        (Throttled("x"), 2, "updated", None),
        # A 404 for somebody whom a read finds says nothing.
        (Terminal("entity_not_found", status=404), 1, "failed", "entity_not_found"),
        (Terminal("email_not_available", status=400), 1, "conflicts", "email_not_available"),
        (Terminal("email_change_not_allowed", status=400), 1, "conflicts", "email_change_not_allowed"),
        (Terminal("invalid_email", status=400), 1, "failed", "invalid_email"),
    ],
)
async def test_ends_of_an_update(scene: Scene, end: Any, calls: int, counted: str, code: str | None) -> None:
    scene.fake.add("ann@example.com", metadata={"old": "1"})
    scene.fake.fail("update", end)
    outcome, counts_as = await scene.perform(scene.update(email="new@example.com", metadata__old=None))
    assert (counts_as, scene.fake.called("update"), getattr(outcome, "code", None)) == (counted, calls, code)


async def test_gone_is_what_a_read_confirms(scene: Scene) -> None:
    scene.fake.add("ann@example.com")
    work = scene.update(first_name="Anna")
    scene.fake.users.clear()
    outcome, counted = await scene.perform(work)
    assert (counted, outcome.status, scene.fake.called("get")) == ("conflicts", "gone", 1)

    scene.fake.fail("get", *[TIMEOUT] * TRIES)
    outcome, counted = await scene.perform(work)
    assert (counted, outcome.status, outcome.code) == ("failed", "failed", "unsettled")


@pytest.mark.parametrize("error", [Transient("x"), LOST])
async def test_an_updates_tries_are_used_up(scene: Scene, error: Exception) -> None:
    scene.fake.add("ann@example.com")
    scene.fake.fail("update", *[error] * 50)
    outcome, counted = await scene.perform(scene.update(first_name="Anna"))
    assert (counted, outcome.status, scene.fake.called("update")) == ("failed", "failed", TRIES)


@pytest.mark.parametrize("error", [TIMEOUT, Terminal("http_400", status=400)])
async def test_an_update_whose_look_fails_is_tried_again(scene: Scene, error: Exception) -> None:
    scene.fake.add("ann@example.com")
    scene.fake.fail("update", LOST)
    scene.fake.fail("get", *[error] * TRIES)
    assert (await scene.perform(scene.update(first_name="Anna")))[1] == "updated"


async def test_an_address_that_was_not_taken_over(scene: Scene) -> None:
    there = scene.fake.add("ann@example.com")

    async def ignore(user_id: str, changes: UserChanges) -> Any:
        return there

    scene.fake.update = ignore  # type: ignore[method-assign]
    outcome, counted = await scene.perform(scene.update(email="new@example.com"))
    assert (counted, outcome.code) == ("conflicts", "email_not_applied")


@pytest.mark.parametrize(
    ("wrong", "deleted"),
    [
        ({"email": "kate@example.com"}, True),
        ({"email_verified": False}, False),
        ({"external_id": "other"}, False),
        ({"external_id": None}, False),
    ],
)
async def test_an_answer_to_a_creation_that_holds_something_else(
    scene: Scene, wrong: dict[str, Any], deleted: bool
) -> None:
    create = scene.fake.create

    async def otherwise(user: Any) -> Any:
        return await create({**user, **wrong})

    scene.fake.create = otherwise  # type: ignore[method-assign]
    outcome, counted = await scene.perform()
    assert (type(outcome), counted, outcome.code) == (NotDone, "conflicts", "answer_mismatch")
    # Only an address that is perhaps somebody else's is taken back; what stays is named.
    assert (outcome.leftover, list(scene.fake.users)) == ((None, []) if deleted else ("user_0001", ["user_0001"]))


@pytest.mark.parametrize("wrong", [{"id": "user_9"}, {"email_verified": False}, {"external_id": "other"}])
async def test_an_answer_to_an_update_that_holds_something_else(scene: Scene, wrong: dict[str, Any]) -> None:
    scene.fake.add("ann@example.com", external_id="old")
    update = scene.fake.update

    async def otherwise(user_id: str, changes: UserChanges) -> Any:
        return replace(await update(user_id, changes), **wrong)

    scene.fake.update = otherwise  # type: ignore[method-assign]
    work = scene.update(email="new@example.com", email_verified=True, external_id="ann")
    outcome, counted = await scene.perform(work)
    assert (type(outcome), counted, outcome.code) == (NotDone, "conflicts", "answer_mismatch")


def test_payloads() -> None:
    assert creation(replace(ANN, verified=False, fields={"external_id": "x"}, flags={})) == {
        "email": "ann@example.com", "email_verified": False, "external_id": "x",
    }  # fmt: skip
    changes = user_changes({"email": "x", "email_verified": False, "metadata.a": None, "metadata.b": "1"})
    assert changes == UserChanges(email="x", email_verified=False, metadata={"a": None, "b": "1"})
    assert user_changes({"first_name": "A"}).metadata is None


async def test_what_was_created_needs_nothing_more(scene: Scene) -> None:
    outcome, _ = await scene.perform()
    known = Known(outcome.workos_id, "done", outcome.fields, outcome.verified, outcome.created_here)
    assert Planner(MARKS).decide(ANN, known, Found()).action == "unchanged"
