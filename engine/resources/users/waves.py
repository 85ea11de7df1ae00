"""Which wave a record is in: the plan's `filters.sample` and `filters.cohorts`. Pure; who waits is the person's matter.

A record's place depends on nothing but the plan and the record: not on the date, the machine or the other records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from engine.model.users import SourceUser
from engine.plan_file.model import Cohort, Filters, Sample
from engine.resources.users.filters import attribute_test

_WHOLE = 1 << 64


@dataclass(frozen=True, slots=True)
class WavePlace:
    """`sampled`: the sample holds the record (true where there is none). `cohort` is the first that fits, by number."""

    sampled: bool = True
    cohort: int | None = None


class Waves:
    """The plan's waves, made ready once."""

    def __init__(self, filters: Filters) -> None:
        self._sample = filters.sample
        self._cohorts = [_fits(one) for one in filters.cohorts]

    def place(self, user: SourceUser) -> WavePlace:
        """Of one record."""
        if self._sample is None and not self._cohorts:
            return _EVERYWHERE
        sampled = self._sample is None or in_sample(self._sample, user.sub)
        return WavePlace(sampled, next((at for at, fits in enumerate(self._cohorts) if fits(user)), None))


_EVERYWHERE = WavePlace()


def in_sample(sample: Sample, sub: str) -> bool:
    """Whether a sub is in the sample: by a hash, so that a higher percentage of one seed keeps whom it had."""
    digest = sha256(f"{sample.seed}:{sub}".encode("utf-8", "surrogatepass")).digest()
    # Python compares whole numbers with floats exactly, and a power of two multiplies a float exactly.
    return int.from_bytes(digest[:8], "big") * 100 < sample.percent * _WHOLE


def due_cohorts(cohorts: Iterable[Cohort], as_of: date) -> list[int]:
    """Numbers of the cohorts that are due on a day, UTC."""
    return [at for at, one in enumerate(cohorts) if one.starts <= as_of]


def due_names(cohorts: Sequence[Cohort], as_of: date) -> list[str]:
    """The same by name."""
    return [cohorts[at].name for at in due_cohorts(cohorts, as_of)]


def _fits(cohort: Cohort) -> Callable[[SourceUser], bool]:
    groups = frozenset(cohort.groups)
    tests = [attribute_test(one) for one in cohort.attributes]

    def fits(user: SourceUser) -> bool:
        return (not groups or not groups.isdisjoint(user.groups or ())) and all(test(user) for test in tests)

    return fits
