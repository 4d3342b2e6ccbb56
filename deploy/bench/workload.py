"""The events of the benchmarks: purchases of five lines, about 600 bytes, by many members.

Everything but the time at which it begins follows from the number of the event.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.clock import SECOND, Instant, format_instant

SOURCE = "bench/till"
_CATEGORIES = ("GROCERY", "DAIRY", "PRODUCE", "MEAT", "BAKERY", "DELI", "DRUG GM")
_STORES = 40
_LINES = 5
_SPREAD = 2_654_435_761  # Knuth's multiplier: neighbours in the stream are strangers in the chain
GAP: Instant = SECOND // 1000
"""From one purchase of the chain to the next."""


@dataclass(frozen=True, slots=True)
class Purchases:
    """A stream of purchases.

    Attributes:
        members: how many members there are; the first event of each comes before any second one.
        run: keeps the ids of different streams apart.
        begin: when the first purchase happens; a recent time, so that nothing has expired yet.
    """

    members: int
    run: str
    begin: Instant

    def member(self, number: int) -> int:
        """Whose event it is: first everybody once, then spread evenly without a pattern."""
        if number < self.members:
            return number
        return (number * _SPREAD >> 7) % self.members

    def member_id(self, number: int) -> str:
        """The member's id, for events behind the edge."""
        return str(
            UUID(int=(self.member(number) + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)
        )

    def at(self, number: int) -> Instant:
        """When it happened."""
        return self.begin + number * GAP

    def event(self, number: int, subject: str) -> dict[str, Any]:
        """The purchase as a CloudEvent in JSON."""
        member = self.member(number)
        lines = [self._line(number * _LINES + i) for i in range(_LINES)]
        return {
            "specversion": "1.0",
            "id": f"{self.run}-{number}",
            "source": SOURCE,
            "type": "regulars.purchase.completed.v1",
            "subject": subject,
            "time": format_instant(self.at(number)),
            "datacontenttype": "application/json",
            "data": {
                "order_id": f"{self.run}-{number}",
                "store_id": f"s{member % _STORES}",
                "channel": "store",
                "currency": "CNY",
                "total": sum(line["amount"] for line in lines),
                "lines": lines,
            },
        }

    @staticmethod
    def _line(number: int) -> dict[str, Any]:
        mixed = number * _SPREAD >> 5
        return {
            "sku": f"sku-{mixed % 900}",
            "category": _CATEGORIES[mixed % len(_CATEGORIES)],
            "quantity": 1 + mixed % 3,
            "amount": 150 + mixed % 2_000,
        }

    def recorded(self, number: int) -> tuple[bytes, bytes]:
        """Key and value as ingest would have put them on Kafka."""
        member_id = self.member_id(number)
        event = self.event(number, member_id)
        event["recordedtime"] = event["time"]
        event["partitionkey"] = member_id
        return member_id.encode(), orjson.dumps(event)

    def published(self, number: int) -> dict[str, Any]:
        """The event as a till sends it: it knows a card, not the member."""
        return self.event(number, f"card:{self.member(number):08}")

    def batches(
        self, first: int, last: int, size: int, *, identified: bool = False
    ) -> Iterator[bytes]:
        """Bodies for `POST /v1/events`, `size` events each; identified: with the member's id."""
        for start in range(first, last, size):
            numbers = range(start, min(start + size, last))
            if identified:
                yield orjson.dumps([self.event(each, self.member_id(each)) for each in numbers])
            else:
                yield orjson.dumps([self.published(each) for each in numbers])
