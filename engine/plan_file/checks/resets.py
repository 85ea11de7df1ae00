"""The password-reset e-mails' clock: time zone and window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.section import known_text, section

_EMAIL: Key = ("password_reset", "email")


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    email = section(data, *_EMAIL)
    zone = known_text(email, "timezone")
    if zone is not None and not _exists(zone):
        key = (*_EMAIL, "timezone")
        wrong = f"{dotted(key)} is {shown(zone)}, which is no time zone"
        yield Fault("invalid_value", key, wrong, "an IANA name, for example Europe/Berlin")
    window = section(email, "window")
    start, end = known_text(window, "from"), known_text(window, "to")
    if start is not None and start == end:
        key = (*_EMAIL, "window", "to")
        yield Fault("empty_range", key, f"{dotted(key)} equals from", "leave the window out to send at any time")


def _exists(zone: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True
