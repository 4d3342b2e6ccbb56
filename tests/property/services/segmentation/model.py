"""Segmentation the slow way: tags and tier at every instant, counted anew from the list of facts.

A second way to the same answer, to hold the machine against. It knows the program as the YAML says
it and nothing of `services.segmentation`: no sums are kept, nothing is foreseen. The walk stops at
every instant at which anything could be different, and asks everything. In short:

- A window of so many days holds what happened after now less those days of 24 hours.
- A tag is held exactly while its condition is true; of an exclusive group the first such counts;
  a group with `each` asks once for every category, or store, that was bought, or visited.
- A tier is reached as soon as its condition is true, by a fact or by time alone, and then kept for
  `keep_days`. At the end its condition is asked again: true, and a new period begins; false, and
  the grace begins, in which it may become true again. After the grace the member goes one step
  down, or to the level whose condition is true, for a period of its own.
- An order is what is left of it (`tests/property/services/orders.py`); one of which nothing is
  left never was. When a refund makes an order smaller, everything is walked through again as if it
  had always been so; where the program says `on_refund: keep`, no level is lost by that.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec import UNSET

from shared.clock import DAY, Instant
from shared.events import Event, types
from tests.property.services.asking import holds
from tests.property.services.orders import is_interaction, orders_of, taken_back
from tests.property.services.segmentation.tier import Tier

Document = Mapping[str, Any]
Version = tuple[Instant, Document]
Change = tuple[Instant, str, tuple[str, ...], tuple[str, ...], str | None, str | None, int | None]
"""When, tags or tier, tags added and removed, tier before and now, its end."""

_WINDOWS = (7, 30, 90, 180, 365)
_WINDOW = re.compile(r"(orders|spend|interactions)_(\d+)d")


class Order(NamedTuple):
    """An order of which something is left; `parts` has what is left of each category."""

    id: str
    at: Instant
    store: str
    left: int
    parts: Mapping[str, int]

    def places(self, scope: str) -> Mapping[str, int]:
        """The categories of the order, or its store, with what is left of each."""
        return self.parts if scope == "category" else {self.store: self.left}


def standing(told: Sequence[Event]) -> dict[bytes, Order]:
    """The orders of which something is left, by the events that opened them."""
    orders = {}
    for each in orders_of(told)[0]:
        if each.total > 0:
            parts = Counter[str]()
            for _, category, amount in each.lines:
                if category:
                    parts[category] += amount
            name, store = each.event.id, each.event.data.store_id
            orders[each.event.key] = Order(name, each.event.at, store, each.total, parts)
    return orders


class Figures:
    """What is known of a member at an instant, from the events told so far."""

    def __init__(
        self,
        program: Document,
        told: Sequence[Event],
        now: Instant,
        orders: Mapping[bytes, Order] | None = None,
    ) -> None:
        """Ask as of now; interactions count that the program does not call passive."""
        orders = standing(told) if orders is None else orders
        self._program, self.now = program, now
        self._told = _happened(told, orders)
        self.orders = [orders[event.key] for event in self._told if event.key in orders]
        self._acts = [e for e in self._told if is_interaction(e)]
        passive = program.get("passive_interactions", ())
        self._active = [e.at for e in self._acts if e.data.kind not in passive]

    def read(self, name: str) -> Any:
        """The value of a feature."""
        window = _WINDOW.fullmatch(name)
        if window is not None:
            return self._window(window[1], self.now - int(window[2]) * DAY, self.orders)
        return getattr(self, f"_{name}")()

    def read_of(self, scope: str, key: str, name: str) -> Any:
        """The value of a feature of one category, or one store."""
        mine = [order for order in self.orders if key in order.places(scope)]
        word = name.removeprefix(f"{scope}.")
        if word == "recent_orders":
            return sum(order.store == key for order in self.orders[-10:])
        if word == "last_order_at":
            return mine[-1].at if mine else None
        window = _WINDOW.fullmatch(word)
        assert window is not None
        amounts = {order.id: order.places(scope)[key] for order in mine}
        return self._window(window[1], self.now - int(window[2]) * DAY, mine, amounts)

    def _window(
        self,
        what: str,
        after: Instant,
        orders: Iterable[Order],
        amounts: Mapping[str, int] | None = None,
    ) -> int:
        if what == "interactions":
            return sum(at > after for at in self._active)
        inside = [order for order in orders if order.at > after]
        if what == "orders":
            return len(inside)
        return sum(order.left if amounts is None else amounts[order.id] for order in inside)

    def _orders(self) -> int:
        return len(self.orders)

    def _spend(self) -> int:
        return sum(order.left for order in self.orders)

    def _refunds(self) -> int:
        return sum(event.type == types.PURCHASE_REFUNDED for event in self._told)

    def _first_order_at(self) -> Instant | None:
        return min((order.at for order in self.orders), default=None)

    def _last_order_at(self) -> Instant | None:
        return max((order.at for order in self.orders), default=None)

    def _comeback_at(self) -> Instant | None:
        silence = self._program.get("comeback_after_days", 180) * DAY
        times = [order.at for order in self.orders]
        late = [later for at, later in pairwise(times) if later - at >= silence]
        return max(late, default=None)

    def _recent_average_order(self) -> int | None:
        recent = [order.left for order in self.orders[-10:]]
        return sum(recent) // len(recent) if recent else None

    def _home_store(self) -> str | None:
        visits = Counter(order.store for order in self.orders[-10:])
        most = [store for store in visits if visits[store] == max(visits.values())]
        last = [order.store for order in self.orders if order.store in most]
        return last[-1] if last else None

    def _categories(self) -> list[str]:
        return sorted({category for order in self.orders for category in order.parts})

    def _category_orders(self) -> dict[str, int]:
        return dict(Counter(category for order in self.orders for category in order.parts))

    def _category_spend(self) -> dict[str, int]:
        spend: dict[str, int] = {}
        for order in self.orders:
            for category, amount in order.parts.items():
                spend[category] = spend.get(category, 0) + amount
        return spend

    def _interactions(self) -> int:
        return len(self._active)

    def _interactions_by_kind(self) -> dict[str, int]:
        return dict(Counter(event.data.kind for event in self._acts))

    def _last_interaction_at(self) -> Instant | None:
        return max(self._active, default=None)

    def _joined_at(self) -> Instant | None:
        return next((e.at for e in self._told if e.type == types.MEMBER_JOINED), None)

    def _join_store(self) -> str | None:
        return next((e.data.store_id for e in self._told if e.type == types.MEMBER_JOINED), None)

    def _profile(self, field: str) -> Any:
        value = None
        for event in self._told:
            told = getattr(getattr(event.data, "profile", None), field, UNSET)
            if told or (told is not UNSET and event.type == types.MEMBER_PROFILE_UPDATED):
                value = told or None  # null and [] clear, but not when somebody joins
        return value

    def _birthday_month(self) -> int | None:
        return getattr(self._profile("birthday"), "month", None)

    def _gender(self) -> Any:
        return self._profile("gender")

    def _city(self) -> Any:
        return self._profile("city")

    def _interests(self) -> list[str]:
        return sorted(set(self._profile("interests") or ()))

    def _communities(self) -> list[str]:
        there: set[str] = set()
        for event in self._told:
            if event.type == types.COMMUNITY_JOINED:
                there.add(event.data.community_id)
            elif event.type == types.COMMUNITY_LEFT:
                there.discard(event.data.community_id)
        return sorted(there)


def tags_of(program: Document, figures: Figures) -> set[str]:
    """The tags that a member has at an instant."""
    tags: set[str] = set()
    for group in program["groups"]:
        scope = group.get("each")
        if scope is None:
            true = [tag for tag in group["tags"] if holds(tag["when"], figures.read, figures.now)]
            names = [tag["tag"] for tag in true]
            tags.update(names[:1] if group.get("exclusive") else names)
            continue
        for name in {place for order in figures.orders for place in order.places(scope)}:

            def read(feature: str, key: str = name, scope: str = scope) -> Any:
                return figures.read_of(scope, key, feature)

            if holds(group["when"], read, figures.now):
                tags.add(f"{group['id']}:{name}")
    return tags


def changes(versions: Sequence[Version], events: Sequence[Event], until: Instant) -> list[Change]:
    """Every change of tags and tier up to an instant; versions oldest first, events in order."""
    return list(_Walk(versions, events).to(until))


def _happened(told: Sequence[Event], orders: Mapping[bytes, Order]) -> list[Event]:
    """Events without purchases that are no order, or none any more, and what is taken back."""
    gone = taken_back(told)
    return [
        e
        for e in told
        if (e.type != types.PURCHASE_COMPLETED or e.key in orders)
        and not (is_interaction(e) and e.key in gone)
    ]


class _Walk:
    """From instant to instant: first what time brings, then the events of that instant."""

    def __init__(
        self,
        versions: Sequence[Version],
        events: Sequence[Event],
        orders: Mapping[bytes, Order] | None = None,
    ) -> None:
        """Walk through events, with orders as they come to be, or as they always were."""
        self._versions, self._events, self._always = versions, events, orders
        self._orders: Mapping[bytes, Order] = orders or {}
        self._told: list[Event] = []
        self._tier = Tier()

    def to(self, until: Instant) -> Iterator[Change]:
        tags: set[str] = set()
        ahead = {event.at for event in self._events}
        if not ahead:
            return
        first = min(ahead)
        ahead |= {event.at + days * DAY for event in self._events for days in self._days()}
        ahead |= {since for since, _ in self._versions if since > first}
        at = first
        while at <= until:
            before = self._tier.name
            self._decide(at)
            program = self._program(at)
            figures = Figures(program, self._told, at, self._orders)
            now = tags_of(program, figures)
            if now != tags:
                came, went = tuple(sorted(now - tags)), tuple(sorted(tags - now))
                yield at, "tags", came, went, None, None, None
            if self._tier.name != before:
                yield at, "tier", (), (), before, self._tier.name, self._tier.until
            tags = now
            following = {each for each in ahead if each > at}
            if self._tier.ends is not None:
                following.add(self._tier.ends)
            if not following:
                return
            at = min(following)

    def _decide(self, at: Instant) -> None:
        if self._told:
            self._tier.grade(self._program(at)["tiers"], at, self._met(at))
        for event in [event for event in self._events if event.at == at]:
            self._told.append(event)
            if self._always is None:
                self._order(event)
            self._tier.grade(self._program(at)["tiers"], at, self._met(at))

    def _order(self, event: Event) -> None:
        """Note what orders there are now; if one is not what it was, that is so since ever."""
        before, self._orders = self._orders, standing(self._told)
        earlier = [each for each in _happened(self._told, self._orders) if each != event]
        same = earlier == _happened(self._told[:-1], self._orders)
        if same and all(self._orders.get(key) == order for key, order in before.items()):
            return
        again = _Walk(self._versions, earlier, self._orders)
        list(again.to(event.at))
        tiers = self._program(event.at)["tiers"]
        falls = again._tier.level < self._tier.level
        if not (falls and tiers.get("on_refund", "take_back") == "keep"):
            self._tier = again._tier

    def _met(self, at: Instant) -> int:
        """The highest level whose condition is true; the lowest has none."""
        program = self._program(at)
        figures = Figures(program, self._told, at, self._orders)
        levels = program["tiers"]["levels"]
        met = [i for i, each in enumerate(levels) if holds(each.get("when"), figures.read, at)]
        return max(met)

    def _program(self, at: Instant) -> Document:
        return [each for since, each in self._versions if since <= at or not since][-1]

    def _days(self) -> set[int]:
        text = repr([program for _, program in self._versions])
        return {*_WINDOWS, *map(int, re.findall(r"_days(?:_ago)?': (\d+)", text))}
