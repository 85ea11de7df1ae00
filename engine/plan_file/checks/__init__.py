"""Whether a plan of the right shape also makes sense.

Every check takes the plan's data with None in place of misshapen values, and yields faults.
`Opaque` texts are nobody's to judge: their references are not replaced yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.plan_file.checks import (
    attributes,
    decisions,
    destination,
    effects,
    filters,
    membership,
    names,
    organizations,
    people,
    providers,
    resets,
    source,
)
from engine.plan_file.fault import Fault

_CHECKS: tuple[Callable[[Mapping[str, Any]], Iterator[Fault]], ...] = (
    source.check,
    destination.check,
    filters.check,
    names.check,
    attributes.check,
    decisions.check,
    providers.check,
    organizations.check,
    membership.check,
    people.check,
    resets.check,
    effects.check,
)


def find_senseless(data: Mapping[str, Any]) -> list[Fault]:
    """Everything in the plan that cannot be meant."""
    return [fault for check in _CHECKS for fault in check(data)]
