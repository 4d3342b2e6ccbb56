"""What a benchmark found: the figures that go to a file, and a table for people."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """Medians over the rounds of one benchmark.

    Attributes:
        name: which benchmark.
        broker: kafka, or tansu (in memory).
        events: how many one round measured.
        ours: events a second of each round.
        bare: the same of the bare loop; empty where there is none.
        rss_mib_max: the most memory that one of our processes took.
        details: what else was seen.
    """

    name: str
    broker: str
    events: int
    ours: list[float]
    bare: list[float]
    rss_mib_max: float
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Our events a second."""
        return statistics.median(self.ours)

    @property
    def bare_rate(self) -> float | None:
        """The bare loop's events a second."""
        return statistics.median(self.bare) if self.bare else None

    @property
    def ratio(self) -> float | None:
        """Ours as a share of the bare loop's."""
        return None if self.bare_rate is None else self.rate / self.bare_rate

    def figures(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "name": self.name,
            "events": self.events,
            "seconds": round(self.events / self.rate, 3),
            "events_per_second": round(self.rate, 1),
            "bare_events_per_second": None if self.bare_rate is None else round(self.bare_rate, 1),
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "rss_mib_max": round(self.rss_mib_max, 1),
            "broker": self.broker,
            "rounds": [round(rate, 1) for rate in self.ours],
            "bare_rounds": [round(rate, 1) for rate in self.bare],
            **self.details,
        }

    def write(self, path: Path) -> None:
        """Put the figures into a file."""
        path.write_bytes(orjson.dumps(self.figures(), option=orjson.OPT_INDENT_2) + b"\n")

    def table(self) -> Table:
        """The figures for people."""
        table = Table(title=f"{self.name} ({self.broker})", show_header=False)
        for name, value in self.figures().items():
            table.add_row(name, str(value))
        return table
