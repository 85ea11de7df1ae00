"""Values that a plan file writes as text: shares, durations, moments, addresses."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]+")


def parse_share(text: str) -> float:
    """`5%` as 0.05."""
    return float(text.rstrip().removesuffix("%")) / 100


def parse_duration(text: str) -> int:
    """`30s`, `10m`, `1h`, `7d` in seconds; raises ValueError for anything else."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is None:
        raise ValueError("not a duration")
    return int(match[1]) * _SECONDS[match[2]]


def parse_minutes(text: str) -> int:
    """A time of the day, `08:30`, in minutes; raises ValueError for anything else."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def parse_moment(text: str) -> datetime:
    """A date or a date with time as an aware moment in UTC; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.upper())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def region_of(user_pool_id: str) -> str | None:
    """The AWS Region that a user pool's ID begins with, None for IDs of emulators."""
    region, _, rest = user_pool_id.partition("_")
    return region if rest and _REGION.fullmatch(region) else None


def split_url(text: str) -> SplitResult | None:
    """An http or https address in parts, None where it is none."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bad port or a bad IPv6 address
        return None
    return parts if usable and not re.search(r"[\s\x00-\x1f\\]", text) else None


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(parts: SplitResult) -> str:
    """`scheme://host[:port]` in lower case: one environment must not count as two for a slash or a capital."""
    return f"{parts.scheme}://{parts.netloc.lower()}"
