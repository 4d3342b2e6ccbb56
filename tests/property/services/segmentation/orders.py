"""What an order is after its refunds, and what those do to a tier, for the model: one place.

An order counts with what is left of it; one that was paid back in full was never made. A refund
takes from the categories that it names. A level whose condition was met until a refund, and is not
any more, goes at once, where the program says so: down to what was held before and whose period
still runs, or to what is met still.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.clock import DAY, Instant
from shared.events import Event, types


@dataclass
class Order:
    """An order as it is now; `parts` has what is left of each category."""

    id: str
    at: Instant
    store: str
    left: int
    parts: dict[str, int]
    gone: bool = False

    def places(self, scope: str) -> dict[str, int]:
        """The categories of the order, or its store, with what is left of each."""
        return self.parts if scope == "category" else {self.store: self.left}

    def pay_back(self, refund: Event) -> None:
        """Take a refund off."""
        self.left = max(0, self.left - refund.data.amount)
        self.gone = self.gone or self.left == 0
        for line in refund.data.lines or ():
            if line.category in self.parts:
                self.parts[line.category] = max(0, self.parts[line.category] - line.amount)


def orders_of(told: Sequence[Event]) -> list[Order]:
    """The orders that are left, in order of time."""
    orders: dict[str, Order] = {}
    for event in told:
        if event.type == types.PURCHASE_COMPLETED:
            parts: dict[str, int] = {}
            for line in event.data.lines:
                parts[line.category] = parts.get(line.category, 0) + line.amount
            name = event.data.order_id
            orders[name] = Order(name, event.at, event.data.store_id, event.data.total, parts)
        elif event.type == types.PURCHASE_REFUNDED:
            orders[event.data.order_id].pay_back(event)
    return [order for order in orders.values() if not order.gone]


@dataclass
class Tier:
    """The tier that a member holds; `until` is None for the lowest level, which never ends."""

    level: int = -1
    name: str | None = None
    until: Instant | None = None
    grace: Instant | None = None
    below: list[tuple[int, Instant]] = field(default_factory=list)

    @property
    def ends(self) -> Instant | None:
        """When the period, or the grace after it, is over."""
        return self.until if self.grace is None else self.grace

    def grade(
        self, tiers: Mapping[str, Any], at: Instant, met: int, met_before: int | None = None
    ) -> None:
        """Decide again; `met` is the highest level whose condition is true."""
        names = [level["id"] for level in tiers["levels"]]
        self._find(names)
        over = self.ends is not None and self.ends <= at
        if met > self.level:
            if self.until is not None:
                self.below.append((self.level, self.until))
            self._hold(met, at + tiers["keep_days"] * DAY)
        elif (
            met_before is not None
            and met_before >= self.level > met
            and tiers.get("on_refund", "take_back") == "take_back"
        ):
            self._fall_back(met, at, at + tiers["keep_days"] * DAY)
        elif self.until is not None and self.until <= at and met == self.level:
            self._hold(self.level, at + tiers["keep_days"] * DAY)
        elif over and self.grace is None and tiers.get("grace_days", 0):
            self.grace = (self.until or 0) + tiers["grace_days"] * DAY
        elif over:
            down = self.level - 1 if tiers.get("down") == "one_step" else met
            self._hold(down, at + tiers["keep_days"] * DAY)
        self.below = [each for each in self.below if each[0] < self.level and each[1] > at]
        self.name = names[self.level]

    def _find(self, names: Sequence[str]) -> None:
        """The level's place in a version that may have other levels."""
        if self.name is None or (self.level < len(names) and names[self.level] == self.name):
            return
        known = self.name in names
        self._hold(names.index(self.name) if known else min(self.level, len(names) - 1), self.until)

    def _hold(self, level: int, until: Instant | None) -> None:
        self.level, self.grace = level, None
        self.until = until if level > 0 else None

    def _fall_back(self, met: int, at: Instant, until: Instant) -> None:
        running = [each for each in self.below if each[1] > at and each[0] >= met]
        self._hold(*max(running, default=(met, until)))
