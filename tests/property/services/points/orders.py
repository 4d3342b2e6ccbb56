"""What an order is after its refunds, for the model: one place, as the contract wants it.

A refund counts once, in the order's currency, and takes no more than is left: from the lines it
names, else from all in proportion. `model.py` rates what is left in the order's place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.events import Event


@dataclass
class Order:
    """An order as it is now."""

    event: Event
    taken_by_day: dict[str, tuple[int, int]]  # what each rule had given that day before the order
    total: int
    lines: list[tuple[str, str, int]]
    refunds: set[str] = field(default_factory=set)

    def refuses(self, refund: Event) -> str | None:
        """Why a refund does not count, if it does not."""
        if refund.data.refund_id in self.refunds:
            return "refund_counted_before"
        if refund.data.currency != self.event.data.currency:
            return "refund_in_another_currency"
        return None

    def pay_back(self, refund: Event) -> None:
        """From the lines it names; else from all in proportion. Never below nothing."""
        self.refunds.add(refund.data.refund_id)
        left = max(0, self.total - refund.data.amount)
        if refund.data.lines:
            for gone in refund.data.lines:
                self._take(gone.sku, gone.amount)
        elif self.total:
            self.lines = [
                (sku, category, amount * left // self.total) for sku, category, amount in self.lines
            ]
        self.total = left

    def counting(self, exclude: Mapping[str, Any], lines: Mapping[str, Any] | None) -> int:
        """How much of it counts: without what the program excludes, perhaps of some lines only."""
        paid_otherwise = sum(
            tender.amount
            for tender in self.event.data.tenders or ()
            if tender.kind in exclude.get("tenders", ())
        )
        dull = [line for line in self.lines if _belongs(line, exclude)]
        amount = self.total - paid_otherwise - sum(line[2] for line in dull)
        if lines is not None:
            mine = [line for line in self.lines if line not in dull and _belongs(line, lines)]
            amount = min(amount, sum(line[2] for line in mine))
        return int(max(0, amount))

    def _take(self, sku: str, amount: int) -> None:
        for i, (its, category, there) in enumerate(self.lines):
            taken = min(there, amount) if its == sku else 0
            self.lines[i] = (its, category, there - taken)
            amount -= taken
        self.lines = [line for line in self.lines if line[2] > 0]


def _belongs(line: tuple[str, str, int], lines: Mapping[str, Any]) -> bool:
    return line[0] in lines.get("skus", ()) or line[1] in lines.get("categories", ())
