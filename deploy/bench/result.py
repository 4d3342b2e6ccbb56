"""What a benchmark found: the figures that go to a file, and a table for people."""

import statistics
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """What was found over the rounds of one benchmark; medians are what counts.

    Attributes:
        name: which benchmark.
        broker: kafka, or tansu (in memory).
        events: how many one round measured.
        ours: events a second of each round; empty where something else is measured.
        bare: the same of the bare loop; empty where there is none.
        rss_mib_max: the most memory that one of our processes took.
        details: what else was seen; may say more than the usual figures under their names.
    """

    name: str
    broker: str
    events: int
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    rss_mib_max: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours as a share of the bare loop's."""
        if not self.ours or not self.bare:
            return None
        return statistics.median(self.ours) / statistics.median(self.bare)

    def figures(self) -> dict[str, Any]:
        """The result as JSON."""
        rate, bare_rate = _median(self.ours), _median(self.bare)
        return {
            "name": self.name,
            "events": self.events,
            "seconds": None if rate is None else round(self.events / rate, 3),
            "events_per_second": rate,
            "bare_events_per_second": bare_rate,
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "rss_mib_max": self.rss_mib_max,
            "broker": self.broker,
            "rounds": [round(rate, 1) for rate in self.ours],
            "bare_rounds": [round(rate, 1) for rate in self.bare],
            **self.details,
        }

    def table(self) -> Table:
        """The figures for people."""
        table = Table(title=f"{self.name} ({self.broker})", show_header=False)
        for name, value in self.figures().items():
            table.add_row(name, str(value))
        return table


def _median(rates: list[float]) -> float | None:
    return round(statistics.median(rates), 1) if rates else None
