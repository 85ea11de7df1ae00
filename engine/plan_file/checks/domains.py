"""Lists of domains, of a connection's organization and of any other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.references import Opaque

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")


def is_domain(name: str) -> bool:
    """Whether a text has the form of a domain, in ASCII."""
    return _DOMAIN.fullmatch(name) is not None


def check_domains(key: Key, domains: Sequence[Any]) -> Iterator[Fault]:
    """Each entry is a domain, and none has two states."""
    states: dict[str, str] = {}
    for at, one in enumerate(domains):
        place: Key = (*key, at, "domain") if isinstance(one, Mapping) else (*key, at)
        name = one.get("domain") if isinstance(one, Mapping) else one
        if not isinstance(name, str) or isinstance(name, Opaque):
            continue
        if not is_domain(name):
            wrong = f"{dotted(place)} is {shown(name)}, which is no domain"
            yield Fault("invalid_value", place, wrong, "write what stands after the @ in ASCII: acme.com")
        state = str(one.get("state", "pending")) if isinstance(one, Mapping) else "pending"
        if states.setdefault(name.lower(), state) != state:
            wrong = f"{dotted(place)} is both pending and verified"
            yield Fault("contradiction", place, wrong, "keep one of the two")
