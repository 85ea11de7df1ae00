"""The contract of `WebhookPort`, and what only the real adapter is faced with."""

from __future__ import annotations

import orjson
import pytest

from engine.model.call_errors import Ambiguous
from engine.run.environment import WorkOSPorts
from engine.workos.webhooks import _endpoint
from tests.support.sandbox_extras import ScriptedFault, Server
from tests.workos.conftest import failing


async def test_an_environment_has_none_at_first(workos: WorkOSPorts) -> None:
    assert await workos.webhooks.all() == []


def ask(server: Server, method: str, path: str, body: object) -> tuple[int, dict[str, str]]:
    reply = server.service.handle(method, path, (), orjson.dumps(body), f"Bearer {server.options.api_key}").reply
    return reply.status, orjson.loads(reply.body)


async def test_endpoints_are_listed_with_what_they_take() -> None:
    async with failing(ScriptedFault("GET", "/webhook_endpoints", "error_before", times=2)) as (workos, server):
        ids = []
        for name in ("a", "b"):
            content = {"endpoint_url": f"https://{name}.example.com/hook", "events": ["user.created", "user.updated"]}
            status, made = ask(server, "POST", "/webhook_endpoints", content)
            assert (status, made["status"], made["secret"][:6]) == (201, "enabled", "whsec_")
            ids.append(made["id"])
        assert ask(server, "POST", "/webhook_endpoints", content)[0] == 409
        assert ask(server, "POST", "/webhook_endpoints", {**content, "endpoint_url": "http://x.example.com"})[0] == 422
        assert ask(server, "POST", "/webhook_endpoints", {**content, "events": ["user"]})[0] == 422
        assert ask(server, "PATCH", f"/webhook_endpoints/{ids[1]}", {"status": "disabled"})[0] == 200
        assert ask(server, "PATCH", f"/webhook_endpoints/{ids[0]}", {"events": ["user.created"]})[0] == 200
        assert ask(server, "PATCH", "/webhook_endpoints/we_nobody", {"status": "disabled"})[0] == 404
        held = await workos.webhooks.all()
        assert [(one.id, one.enabled) for one in held] == [(ids[0], True), (ids[1], False)]
        assert [sorted(one.events) for one in held] == [["user.created"], ["user.created", "user.updated"]]


@pytest.mark.parametrize("given", [{"id": "we_1"}, {"id": "we_1", "events": [1]}, {"events": []}])
def test_what_is_no_endpoint_is_no_endpoint(given: dict[str, object]) -> None:
    with pytest.raises(Ambiguous):
        _endpoint(given)


def test_an_unknown_status_is_not_taken_for_off() -> None:
    assert _endpoint({"id": "we_1", "events": [], "status": "paused"}).enabled
