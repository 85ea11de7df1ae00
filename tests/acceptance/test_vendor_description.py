"""The vendor's API description: the list of deviations is exact, and what is wrong is found.

That every exchange of these acceptance tests is as described is asserted after each of them (`as_described`).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.sandbox.options import Quotas, Settings
from engine.sandbox.service import Service
from tests.acceptance.conftest import World
from tests.support.cli import Cli, export_source, plan_text
from tests.support.description import Exchange
from tests.support.deviations import DEVIATIONS, unexplained
from tests.support.migration import invent_pool
from tests.support.recording import Recording, installed, the_description
from tests.support.sandbox_extras import Options

USERS = "/user_management/users"


@pytest.fixture(autouse=True)
def described() -> None:
    if not installed():
        pytest.skip("the vendor's API description is not installed: `make emulator` does it")


class Asked:
    """A sandbox's service, asked directly; each exchange as the recorder would write it."""

    def __init__(self) -> None:
        options = Options()
        self.service, self.key = Service(options), f"Bearer {options.api_key}"
        self.exchanges: list[Exchange] = []

    def __call__(self, method: str, path: str, body: Any = None, key: str | None = None, **query: str) -> Any:
        text, given = "" if body is None else json.dumps(body), list(query.items())
        reply = self.service.handle(method, path, given, text.encode(), key or self.key).reply
        self.exchanges.append(Exchange(method, path, given, text, reply.status, reply.body.decode()))
        return json.loads(reply.body or b"null")


async def test_each_deviation_is_one_and_the_list_is_whole() -> None:
    """What stands in the list and is no disagreement any more must go from it."""
    ask = Asked()
    user = ask("POST", USERS, {"email": "ann@acme.com", "metadata": {"plan": "gold"}})
    ask("PUT", f"{USERS}/{user['id']}", {"metadata": {"plan": None}})
    ask("GET", f"{USERS}/user_01HXYZ123456789ABCDEFGHIJK")
    ask("GET", USERS, key="Bearer sk_wrong")
    ask("GET", "/user_management/redirect_uris")
    hook = ask("POST", "/webhook_endpoints", {"endpoint_url": "https://acme.com/hook", "events": ["user.created"]})
    ask("PATCH", f"/webhook_endpoints/{hook['id']}", {"status": "disabled"})
    ask("GET", "/webhook_endpoints")
    organization = ask("POST", "/organizations", {"name": "Acme"})
    member = {"user_id": user["id"], "organization_id": organization["id"]}
    for _ in range(2):
        ask("POST", "/user_management/organization_memberships", member)
    ask("GET", "/user_management/organization_memberships", user_id=user["id"])
    options = {"idp_metadata_url": "https://idp.acme.com/metadata"}
    made = ask("POST", "/connections", {"organization_id": organization["id"], "saml_options": options})
    ask("PATCH", f"/connections/{made['id']}", {"name": "Acme"})
    ask("PUT", f"{USERS}/{user['id']}", {"metadata": {"plan": None}, "external_id": None})
    ask("DELETE", "/organizations/org_01HXYZ123456789ABCDEFGHIJK")
    ask.service.environment.settings = Settings(user_deletion_allowed=False)
    ask("DELETE", f"{USERS}/{user['id']}")
    ask.service.quotas.quotas = Quotas(requests_per_60s=1)
    ask("GET", USERS)
    faults = [fault for one in ask.exchanges for fault in the_description().faults(one)]
    assert unexplained(faults) == []
    # Each explains something that no other does.
    explained = [[one for one in DEVIATIONS if one.explains(fault)] for fault in faults]
    assert [one for one in DEVIATIONS if [one] not in explained] == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"path": "/user_management/people"}, ("POST /user_management/people", "operation")),
        ({"query": [("sort", "email")]}, (f"POST {USERS}", "query")),
        ({"body": '{"email": "ann@acme.com", "emial_verified": true}'}, (f"POST {USERS}", "body")),
        ({"body": '{"first_name": "Ann"}'}, (f"POST {USERS}", "body")),
        ({"status": 200}, (f"POST {USERS}", "answer")),
        ({"answer": '{"object": "user"}'}, (f"POST {USERS}", "answer")),
        ({"method": "GET", "body": "", "query": [("limit", "101")]}, (f"GET {USERS}", "query")),
        ({"method": "GET", "body": "", "query": [("limit", "x")]}, (f"GET {USERS}", "query")),
        ({"method": "DELETE", "path": "/organizations/org_1", "body": "{}"}, ("DELETE /organizations/{id}", "body")),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else "",
)
async def test_what_is_wrong_is_found(change: dict[str, Any], found: tuple[str, str]) -> None:
    ask = Asked()
    ask("POST", USERS, {"email": "ann@acme.com"})
    (right,) = ask.exchanges
    assert unexplained(the_description().faults(right)) == []
    fields = {name: getattr(right, name) for name in Exchange.__slots__}
    faults = unexplained(the_description().faults(Exchange(**(fields | change))))
    assert found in [(one.operation, one.part) for one in faults]


async def test_one_wrong_row_among_right_ones_is_found() -> None:
    """Rows that are one to the description are looked at once: this one is not like them."""
    ask = Asked()
    for name in ("ann", "bob", "cyd"):
        ask("POST", USERS, {"email": f"{name}@acme.com"})
    ask("GET", USERS)
    listed = ask.exchanges[-1]
    assert unexplained(the_description().faults(listed)) == []
    page = json.loads(listed.answer)
    page["data"][1]["email_verified"] = "yes"
    fields = {name: getattr(listed, name) for name in Exchange.__slots__}
    (fault,) = unexplained(the_description().faults(Exchange(**(fields | {"answer": json.dumps(page)}))))
    assert (fault.part, fault.at) == ("answer", "200/data/*/email_verified")


def test_commands_are_recorded_wherever_the_sandbox_runs(world: World, recording: Recording) -> None:
    """In a process of the test's, in one that `migrate --sandbox` starts, and in `migrate sandbox` itself."""
    users = "".join(json.dumps(one) + "\n" for one in invent_pool(3))
    (world.plan.parent / "users.jsonl").write_text(users)
    list(recording.news())

    def creations() -> int:
        found = list(recording.news())
        assert unexplained(fault for one in found for fault in the_description().faults(one)) == []
        return sum((one.method, one.path) == ("POST", USERS) for one in found)

    assert world.cli("apply", "plan.yaml").code == 0
    assert creations() == 3
    assert world.cli("apply", "plan.yaml", "--sandbox").code == 0
    assert creations() == 3
    alone = Cli(world.plan.parent)
    process = alone.start("sandbox", "--null")
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        (world.plan.parent / "alone.yaml").write_text(
            plan_text(export_source("users.jsonl"), url).replace("name: acme", "name: alone")
        )
        assert alone("apply", "alone.yaml").code == 0
        assert creations() == 3
    finally:
        process.terminate()
        process.communicate(timeout=20)
