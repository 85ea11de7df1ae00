"""Disabled users, and users without an address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.checks.domains import is_domain
from engine.plan_file.checks.organizations import verified_domains
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.pools import written_sections
from engine.plan_file.section import known_text, section

_PLACEHOLDER: Key = ("placeholder",)
_LIKE = "{sub}@no-email.acme.com"
# An address takes 64 characters before the @, and a sub has 36.
_LONGEST = 64 - 36


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    if known_text(data, "disabled") == "deactivate":
        yield from _check_disabled(data)
    yield from _check_placeholder(data)


def _check_disabled(data: Mapping[str, Any]) -> Iterator[Fault]:
    for key, filters in written_sections(data, "filters"):
        if filters.get("enabled") is True:
            place = (*key, "enabled")
            wrong = f"{dotted(place)}: true leaves out the disabled users that disabled: deactivate brings along"
            yield Fault("contradiction", place, wrong, "leave it out, or write disabled: skip")
    organizations = section(data, "organizations")
    if "from" not in organizations or known_text(organizations, "from") == "none":
        wrong = "disabled: deactivate needs organizations: without memberships nothing keeps disabled users out"
        yield Fault(
            "contradiction", ("disabled",), wrong, "say under organizations.from who is a member, or write skip"
        )


def _check_placeholder(data: Mapping[str, Any]) -> Iterator[Fault]:
    no_email = known_text(data, "no_email") if "no_email" in data else "skip"
    placeholder = known_text(data, "placeholder")
    if no_email == "placeholder" and "placeholder" not in data:
        wrong = "placeholder is missing, and no_email: placeholder needs it"
        yield Fault("missing_key", ("no_email",), wrong, f'add it, for example placeholder: "{_LIKE}"')
    elif no_email == "skip" and "placeholder" in data:
        yield Fault(
            "no_effect",
            _PLACEHOLDER,
            "placeholder does nothing without no_email: placeholder",
            "add it, or leave it out",
        )
    if placeholder is not None:
        yield from _check_address(data, placeholder)


def _check_address(data: Mapping[str, Any], placeholder: str) -> Iterator[Fault]:
    local, at, domain = placeholder.partition("@")
    rest = local.replace("{sub}", "")
    right = f'for example "{_LIKE}"'
    if placeholder.count("{sub}") != 1:
        wrong = (
            f"placeholder is {shown(placeholder)}: {{sub}} must stand in it once, so that each user has an own address"
        )
    elif not at or "{sub}" not in local or not re.fullmatch(r"[A-Za-z0-9._+-]*", rest) or len(rest) > _LONGEST:
        wrong = f"placeholder is {shown(placeholder)}, which makes no addresses"
    elif not is_domain(domain):
        wrong, right = f"placeholder is {shown(placeholder)}, whose domain is none", f"a domain of yours: {right}"
    elif domain.lower() in verified_domains(data):
        # Rule 18: an address in a verified domain makes a member.
        wrong = f"placeholder's domain {shown(domain)} is verified for an organization, and would make members of users"
        right = f"a domain of its own: {right}"
    else:
        return
    yield Fault("invalid_value", _PLACEHOLDER, wrong, right)
