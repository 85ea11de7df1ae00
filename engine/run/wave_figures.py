"""How many people each wave of a plan has, and how many of them are migrated: a part of every result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class WaveFigures:
    """One wave: so many people, of whom so many are migrated. `starts` and `due` are of a cohort."""

    name: str
    people: int
    migrated: int
    starts: date | None = None
    due: bool = True


@dataclass(frozen=True, slots=True)
class WavesFigures:
    """The plan's waves on a day. `sample` and `rest` (who fits no cohort) are None where the plan has none."""

    as_of: date
    cohorts: tuple[WaveFigures, ...] = ()
    sample: WaveFigures | None = None
    rest: WaveFigures | None = None

    @property
    def every(self) -> Iterator[WaveFigures]:
        """All rows, as people read them."""
        yield from (one for one in (self.sample, *self.cohorts) if one is not None)
        if self.rest is not None and self.rest.people:
            yield self.rest

    def to_json(self) -> dict[str, object]:
        """As every result shows them."""
        cohorts = [
            {"name": one.name, "from": f"{one.starts}", "due": one.due, "people": one.people, "migrated": one.migrated}
            for one in self.cohorts
        ]
        sample, rest = (
            None if one is None else {"people": one.people, "migrated": one.migrated}
            for one in (self.sample, self.rest)
        )
        return {"as_of": f"{self.as_of}", "sample": sample, "cohorts": cohorts, "no_cohort": rest}
