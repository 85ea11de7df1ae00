"""Who gets a mail: one row a case, over status, identities, verified, enabled, signed in since, mailed before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model.resets import Candidate, Mail
from engine.plan_file.model import Destination, ResetEmail
from engine.resets.eligibility import Eligibility, Rules, allowed_addresses, judge

NOW = 1_700_000_000.0
DAY = 86_400.0
RULES = Rules(status=ResetEmail().status, unverified=False)
NATIVE = Candidate("sub-1", "user_1", "ann@example.com", (("CONFIRMED", True),))
FEDERATED: dict[str, Any] = {"passwords": ()}


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        # status
        ({}, "due"),
        ({"passwords": (("RESET_REQUIRED", True),)}, "due"),
        ({"passwords": (("FORCE_CHANGE_PASSWORD", True),)}, "due"),
        ({"passwords": (("UNCONFIRMED", True),)}, "status"),
        ({"passwords": (("COMPROMISED", True),)}, "status"),
        # identities: federated only; linked to a native profile; by a provider that WorkOS lacks
        (FEDERATED, "no_password"),
        ({"passwords": (("UNCONFIRMED", True), ("CONFIRMED", True))}, "due"),
        (FEDERATED | {"joins": True}, "due"),
        (FEDERATED | {"joins": True, "verified": False}, "unverified"),
        (FEDERATED | {"joins": True, "enabled": False}, "disabled"),
        # verified
        ({"verified": False}, "unverified"),
        # enabled
        ({"passwords": (("CONFIRMED", False),), "enabled": False}, "disabled"),
        ({"passwords": (("CONFIRMED", False), ("RESET_REQUIRED", True))}, "due"),
        ({"passwords": (("CONFIRMED", False), ("UNCONFIRMED", True))}, "status"),
        # in WorkOS
        ({"workos_id": None, "email": None}, "not_migrated"),
        ({"email": None}, "not_migrated"),
        # signed in or reset since
        ({"returned": True}, "returned"),
        ({"returned": True, "mail": Mail("sent", NOW - 30 * DAY)}, "returned"),
        # mailed before
        ({"mail": Mail("sent", NOW - 30 * DAY)}, "mailed"),
        ({"mail": Mail("intended", None)}, "open"),
        ({"mail": Mail("intended", NOW - 30 * DAY)}, "open"),
        ({"mail": Mail("unknown", None)}, "unknown"),
        ({"mail": Mail("failed", None)}, "due"),
        ({"mail": Mail("failed", NOW - DAY)}, "mailed"),
    ],
)
def test_who_gets_a_mail(case: dict[str, Any], verdict: Eligibility) -> None:
    assert judge(replace(NATIVE, **case), RULES, NOW) == verdict


@pytest.mark.parametrize(
    ("rules", "case", "verdict"),
    [
        ({"unverified": True}, {"verified": False}, "due"),
        ({"status": frozenset({"UNCONFIRMED"})}, {"passwords": (("UNCONFIRMED", True),)}, "due"),
        ({"status": frozenset({"UNCONFIRMED"})}, {}, "status"),
        ({"resend_after": 7 * DAY}, {"mail": Mail("sent", NOW - 7 * DAY)}, "due"),
        ({"resend_after": 7 * DAY}, {"mail": Mail("sent", NOW - 6 * DAY)}, "mailed"),
        ({"resend_after": 7 * DAY}, {"mail": Mail("sent", NOW - 9 * DAY), "returned": True}, "returned"),
        ({"resend_after": 7 * DAY}, {"mail": Mail("unknown", NOW - 9 * DAY)}, "unknown"),
        ({"resend_unknown": True}, {"mail": Mail("unknown", None)}, "due"),
        ({"resend_unknown": True}, {"mail": Mail("unknown", None), "returned": True}, "returned"),
        ({"resend_unknown": True}, {"mail": Mail("intended", None)}, "open"),
        ({"resend_unknown": True}, {"mail": Mail("sent", NOW - 30 * DAY)}, "mailed"),
    ],
)
def test_what_the_plan_and_the_options_change(
    rules: dict[str, Any], case: dict[str, Any], verdict: Eligibility
) -> None:
    assert judge(replace(NATIVE, **case), replace(RULES, **rules), NOW) == verdict


@pytest.mark.parametrize(
    ("environment", "key", "patterns", "sandbox", "mailed"),
    [
        ("production", "sk_live_1", (), False, True),
        ("production", "sk_live_1", ("*@acme.com",), False, True),
        ("staging", "sk_test_1", (), False, False),
        ("staging", "sk_test_1", ("*@acme.com",), False, False),
        ("staging", "sk_test_1", ("*@EXAMPLE.com",), False, True),
        ("staging", "sk_test_1", ("ann@example.com",), False, True),
        ("staging", "sk_test_1", ("nn@example.com",), False, False),
        ("staging", "sk_test_1", ("a*@*.com",), False, True),
        ("staging", "sk_test_1", ("[a]nn@example.com",), False, False),
        (None, "sk_live_1", (), False, True),
        (None, "sk_test_1", (), False, False),
        (None, "sk_live_1", ("*@acme.com",), False, False),
        (None, "sk_test_1", (), True, True),
    ],
)
def test_in_staging_nobody_but_the_allowed(
    environment: Any, key: str, patterns: tuple[str, ...], sandbox: bool, mailed: bool
) -> None:
    destination = Destination("client_1", key, environment=environment)
    allowed = allowed_addresses(ResetEmail(allow_addresses=patterns), destination, sandbox=sandbox)
    verdict = judge(NATIVE, replace(RULES, allowed=allowed), NOW)
    assert verdict == ("due" if mailed else "not_allowed")


def test_no_repr_holds_an_address() -> None:
    assert "ann" not in repr(NATIVE)
