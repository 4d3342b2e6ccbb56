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
  that caps the rule.
- Points end on the same day so many months later, or on that month's last.
- An order is what is left of it (`orders.py`); one of which nothing is left never was, nor was an
  interaction that is taken back. So with every event all is rated again from the beginning; what is
  different then is what the event moves.
"""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET

from shared.clock import Instant
from shared.events import Event, types
from tests.property.services.asking import holds
from tests.property.services.orders import Order, is_interaction, orders_of, taken_back

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
        self.orders: list[Order] = []
        told = sorted({each.key: each for each in events}.values(), key=_order)
        for i, event in enumerate(told):
            before = {(gift.event.key, gift.rule): gift.points for gift in self.gifts}
            self._tell(told[: i + 1])
            after = {(gift.event.key, gift.rule): gift.points for gift in self.gifts}
            for lot in sorted(before.keys() | after.keys()):
                points = after.get(lot, 0) - before.get(lot, 0)
                if points:
                    self.moves.append((event.at, event.id, lot[1], points))

    @property
    def balance(self) -> int:
        """Points that can be spent in the end."""
        return sum(points for _, _, _, points in self.moves)

    @property
    def earned(self) -> int:
        """Points that rules gave and nobody took back."""
        return sum(points for _, _, rule, points in self.moves if rule != "adjustment")

    def _tell(self, told: Sequence[Event]) -> None:
        """Rate all that was told, each order with what is left of it now."""
        self._told, self.gifts = told, []
        self.orders, self.remarks = orders_of(told, self._is_listed)
        self._taken_back = taken_back(told)
        self._left = {order.event.key: order for order in self.orders if order.total > 0}
        for event in told:
            if event.type == types.ADJUSTMENT_DECIDED and event.data.granted:
                day, points = self._local(event.at).date(), event.data.points
                gift = Gift(event, "adjustment", day, points, counts=False, expires_on=None)
                self.gifts.append(gift)
            else:
                self._rate(event, self._taken(event.at))

    def _rate(self, event: Event, taken: dict[str, tuple[int, int]]) -> None:
        order = self._left.get(event.key)
        for rule in self._program(event.at)["rules"]:
            if order is not None and rule["source"] == "purchase":
                self._give(event, rule, self._base(rule, order), taken)
            elif event.key in self._taken_back:
                continue
            elif is_interaction(event) and _is_listed(rule, event):
                self._give(event, rule, rule["points"], taken)

    def _is_listed(self, event: Event) -> bool:
        """Whether an event is an interaction that any rule looks at."""
        rules = self._program(event.at)["rules"]
        return is_interaction(event) and any(_is_listed(rule, event) for rule in rules)

    def _give(
        self, event: Event, rule: Document, points: int, taken: dict[str, tuple[int, int]]
    ) -> None:
        points = self._worth(event, rule, points, taken, self._left.get(event.key))
        if points > 0:
            day = self._local(event.at).date()
            months = self._program(event.at).get("expiry", {}).get("months")
            last_day = _months_later(day, months)
            self.gifts.append(Gift(event, rule["id"], day, points, "cap" in rule, last_day))

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
        amount = _counting(order, exclude, rule.get("lines"))
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
            month = None
            for told in self._before(event):
                month = _birthday(told, month)
            return None if month is None else month == local.month
        return values[name] if name in values else getattr(event.data, name)

    def _before(self, event: Event) -> list[Event]:
        return [told for told in self._told if _order(told) < _order(event)]

    def _program(self, at: Instant) -> Document:
        """The version in force; the first is in force since ever."""
        return [each for since, each in self._versions if since <= at or not since][-1]

    def _local(self, at: Instant) -> datetime:
        zone = ZoneInfo(self._program(at).get("time_zone", "UTC"))
        return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


def _order(event: Event) -> tuple[Instant, bool, bytes]:
    return event.at, event.type == types.TIER_CHANGED, event.key


def _counting(order: Order, exclude: Mapping[str, Any], lines: Mapping[str, Any] | None) -> int:
    """How much of an order counts: without what is excluded, perhaps of some lines only."""
    paid_otherwise = sum(
        amount for kind, amount in order.tenders if kind in exclude.get("tenders", ())
    )
    dull = [line for line in order.lines if _belongs(line, exclude)]
    amount = order.total - paid_otherwise - sum(line[2] for line in dull)
    if lines is not None:
        mine = [line for line in order.lines if line not in dull and _belongs(line, lines)]
        amount = min(amount, sum(line[2] for line in mine))
    return int(max(0, amount))


def _belongs(line: tuple[str, str, int], lines: Mapping[str, Any]) -> bool:
    return line[0] in lines.get("skus", ()) or line[1] in lines.get("categories", ())


def _is_listed(rule: Document, event: Event) -> bool:
    if rule["source"] == "task":
        return event.data.kind == "task_done" and event.data.task_id in rule["tasks"]
    return rule["source"] == "interaction" and event.data.kind in rule["kinds"]


def _birthday(event: Event, before: int | None) -> int | None:
    """The month that is known after an event; whoever joins clears nothing."""
    profile = getattr(event.data, "profile", None)
    if profile is None or profile.birthday is UNSET:
        return before
    if profile.birthday is None:
        return None if event.type == types.MEMBER_PROFILE_UPDATED else before
    return int(profile.birthday.month)


def _months_later(day: date, months: int | None) -> date | None:
    if months is None:
        return None
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
