"""Points the slow way: what a history comes to, by the words of the program alone.

A second way to the same answer, to hold the machine against. It knows the program as the YAML
says it (docs/program.md) and nothing of `services.points`; it keeps lists and looks through all of
them for every question. In short:

- A fact is rated by the version, tier and birthday of its time, once, in order of time; of one
  instant, what the shops said before what other services decided.
- A purchase rule gives `points` for every full `per_amount` of what counts of the order, rounded
  down once an order; excluded lines and tenders never count; `lines` narrows down to some lines.
- Of the multipliers in one group the best counts, the bonuses of groups are added; then round down.
- A cap is per rule, member and local day: so often, so many points, counted from the version on
  that caps the rule. What was taken back is free again.
- Points end on the same day so many months later, or on that month's last.
- What an order is after refunds stands beside, in `orders.py`.
"""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from shared.clock import Instant
from shared.events import Event, types
from tests.property.services.asking import holds
from tests.property.services.points.orders import Order

Document = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Gift:
    """What one rule gave for one event, as it stands now; `counts` under its cap, if it has one."""

    event: Event
    rule: str
    day: date
    points: int
    counts: bool
    expires_on: date | None


class Account:
    """One member's points after a whole history.

    Attributes:
        gifts: what each rule gives for each event, as it stands in the end.
        moves: (when, event, rule, points): every coming and going, in order.
        remarks: (event, why it moved nothing or less).
    """

    def __init__(
        self, versions: Iterable[tuple[Instant, Document]], events: Iterable[Event]
    ) -> None:
        """Tell the events, in any order, by versions with their times; the first since ever (0)."""
        self._versions = sorted(versions, key=lambda version: version[0])
        self.gifts: list[Gift] = []
        self.moves: list[tuple[Instant, str, str, int]] = []
        self.remarks: list[tuple[str, str]] = []
        self._orders: dict[str, Order] = {}
        self._early: list[Event] = []
        self._told: list[Event] = []
        for event in sorted({each.key: each for each in events}.values(), key=_order):
            self._tell(event)
            self._told.append(event)

    @property
    def orders(self) -> list[Order]:
        """All of them, with what is left of each."""
        return list(self._orders.values())

    @property
    def balance(self) -> int:
        """Points that can be spent in the end."""
        return sum(points for _, _, _, points in self.moves)

    @property
    def earned(self) -> int:
        """Points that rules gave and nobody took back."""
        return sum(points for _, _, rule, points in self.moves if rule != "adjustment")

    def _tell(self, event: Event) -> None:
        match event.type:
            case types.PURCHASE_COMPLETED:
                self._buy(event)
            case types.PURCHASE_REFUNDED:
                self._refund(event, event.at)
            case types.INTERACTION_RECORDED:
                for rule in self._program(event.at)["rules"]:
                    if _is_listed(rule, event):
                        self._give(event, rule, rule["points"], self._taken(event.at))
            case types.ADJUSTMENT_DECIDED:
                if event.data.granted:
                    self.moves.append((event.at, event.id, "adjustment", event.data.points))
            case _:
                pass  # who the member is, looked up when it matters

    def _buy(self, event: Event) -> None:
        order_id = event.data.order_id
        if order_id in self._orders:
            self.remarks.append((event.id, "order_counted_before"))
            return
        lines = [(line.sku, line.category, line.amount) for line in event.data.lines]
        order = Order(event, self._taken(event.at), event.data.total, lines)
        self._orders[order_id] = order
        for rule in self._program(event.at)["rules"]:
            if rule["source"] == "purchase":
                self._give(event, rule, self._base(rule, order), order.taken_by_day)
        for refund in [early for early in self._early if early.data.order_id == order_id]:
            self._early.remove(refund)
            self._refund(refund, event.at)

    def _refund(self, refund: Event, at: Instant) -> None:
        order = self._orders.get(refund.data.order_id)
        if order is None:
            self._early.append(refund)
            self.remarks.append((refund.id, "refund_waits_for_order"))
            return
        refused = order.refuses(refund)
        if refused is not None:
            self.remarks.append((refund.id, refused))
            return
        if refund.data.amount > order.total:
            self.remarks.append((refund.id, "refund_exceeds_order"))
        order.pay_back(refund)
        for rule in self._program(order.event.at)["rules"]:
            if rule["source"] == "purchase":
                self._give_again(order, rule, refund, at)

    def _give_again(self, order: Order, rule: Document, refund: Event, at: Instant) -> None:
        """What the rule gives for what is left, in place of what it gave."""
        name = rule["id"]
        there = [g for g in self.gifts if g.event.key == order.event.key and g.rule == name]
        gift = there[0] if there else self._gift(order.event, rule)
        points = self._base(rule, order) if order.total else 0
        has = self._worth(order.event, rule, points, order.taken_by_day, order)
        if has != gift.points:
            self.moves.append((at, refund.id, name, has - gift.points))
            gift.points = has

    def _give(
        self, event: Event, rule: Document, points: int, taken: dict[str, tuple[int, int]]
    ) -> None:
        points = self._worth(event, rule, points, taken, self._order_of(event))
        if points > 0:
            self._gift(event, rule).points = points
            self.moves.append((event.at, event.id, rule["id"], points))

    def _gift(self, event: Event, rule: Document) -> Gift:
        day = self._local(event.at).date()
        months = self._program(event.at).get("expiry", {}).get("months")
        last_day = _months_later(day, months)
        self.gifts.append(Gift(event, rule["id"], day, 0, "cap" in rule, last_day))
        return self.gifts[-1]

    def _worth(
        self,
        event: Event,
        rule: Document,
        points: int,
        taken: dict[str, tuple[int, int]],
        order: Order | None,
    ) -> int:
        """After condition, multipliers and cap."""

        def read(feature: str) -> Any:
            return self._feature(feature, event, order)

        if points <= 0 or not holds(rule.get("when"), read):
            return 0
        best: dict[str, Fraction] = {}
        for multiplier in rule.get("multipliers", ()):
            if holds(multiplier["when"], read):
                group = multiplier.get("group") or f"alone: {multiplier['id']}"
                factor = Fraction(str(multiplier["factor"]))
                best[group] = max(best.get(group, factor), factor)
        points = floor(points * max(Fraction(0), 1 + sum(each - 1 for each in best.values())))
        cap = rule.get("cap", {})
        given, times = taken.get(rule["id"], (0, 0))
        if times >= cap.get("times", times + 1):
            return 0
        return max(0, min(points, int(cap.get("points", given + points)) - given))

    def _base(self, rule: Document, order: Order) -> int:
        """The points of a purchase rule before multipliers and cap."""
        if "per_amount" not in rule:
            return int(rule["points"])
        exclude = self._program(order.event.at).get("exclude", {})
        amount = order.counting(exclude, rule.get("lines"))
        return amount // int(rule["per_amount"]) * int(rule["points"])

    def _taken(self, at: Instant) -> dict[str, tuple[int, int]]:
        """Points and times that each rule has given on the local day, as it stands now."""
        day, taken = self._local(at).date(), dict[str, tuple[int, int]]()
        for gift in self.gifts:
            if gift.day == day and gift.counts and gift.points:
                points, times = taken.get(gift.rule, (0, 0))
                taken[gift.rule] = (points + gift.points, times + 1)
        return taken

    def _feature(self, name: str, event: Event, order: Order | None) -> Any:
        local = self._local(event.at)
        values: dict[str, Any] = {"month": local.month, "hour": local.hour}
        values["weekday"] = local.isoweekday()
        if order is not None:
            attribution = event.data.attribution
            values["total"] = order.total
            values["skus"] = {line[0] for line in order.lines}
            values["categories"] = {line[1] for line in order.lines}
            values["campaign_id"] = None if attribution is None else attribution.campaign_id
        if name == "tier":
            tiers = [told for told in self._before(event) if told.type == types.TIER_CHANGED]
            return tiers[-1].data.to if tiers else None
        if name == "birthday_month":
            months = [month for told in self._before(event) if (month := _birthday(told))]
            return bool(months) and months[-1] == local.month
        return values[name] if name in values else getattr(event.data, name)

    def _before(self, event: Event) -> list[Event]:
        return [told for told in self._told if _order(told) < _order(event)]

    def _order_of(self, event: Event) -> Order | None:
        purchase = event.type == types.PURCHASE_COMPLETED
        return self._orders[event.data.order_id] if purchase else None

    def _program(self, at: Instant) -> Document:
        """The version in force; the first is in force since ever."""
        return [each for since, each in self._versions if since <= at or not since][-1]

    def _local(self, at: Instant) -> datetime:
        zone = ZoneInfo(self._program(at).get("time_zone", "UTC"))
        return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


def _order(event: Event) -> tuple[Instant, bool, bytes]:
    return event.at, event.type == types.TIER_CHANGED, event.key


def _is_listed(rule: Document, event: Event) -> bool:
    if rule["source"] == "task":
        return event.data.kind == "task_done" and event.data.task_id in rule["tasks"]
    return rule["source"] == "interaction" and event.data.kind in rule["kinds"]


def _birthday(event: Event) -> int | None:
    profile = getattr(event.data, "profile", None)
    return profile.birthday.month if profile is not None and profile.birthday else None


def _months_later(day: date, months: int | None) -> date | None:
    if months is None:
        return None
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
