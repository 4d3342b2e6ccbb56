"""The features: what conditions may ask about a member, and how each is read.

How a feature's value moves with no further event decides how its end is found (`horizons`):

- *fixed*: only events change it. Instants are fixed too; conditions compare them with the present.
- *falling*: a count or sum over a window. Without events it only falls, when what was counted
  leaves the window: an order at t counts in a window of W from t on and until t + W, exclusive.

Scoped features hold for one category or one store of the member; rules with `each` look at them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.segmentation.domain.history import (
    ACTIONS,
    ORDERS,
    PROFILE,
    History,
)
from services.segmentation.domain.reading import (
    NAMESPACE,
    Scope,
    counted,
    newest,
    stretch,
    summed,
)
from shared.clock import DAY, Instant
from shared.conditions import Catalogue, Feature, FeatureType

WINDOWS: Final = (7, 30, 90, 180, 365)
"""The windows, in days of 86,400 seconds."""

_ALL: Final = 2**31

Measure = Literal["orders", "spend", "interactions"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A feature and how it is read.

    Attributes:
        feature: name, type, unit and words.
        moved_by: which facts change it: a sum of ORDERS, ACTIONS and PROFILE.
        read: its value now, as (history, now) → value; of a scoped feature (history, now, place) →
            value.
        source: the Python expression of a fixed feature over `m` (the history) and `k` (the place),
            for generated code; None for a falling one.
        measure: what a falling feature counts.
        days: the window of a falling feature.
    """

    feature: Feature
    moved_by: int
    read: Callable[..., Any]
    source: str | None = None
    measure: Measure | None = None
    days: int = 0


def _fixed(
    name: str, kind: FeatureType, source: str, moved_by: int, *, keyed: bool = False, **words: str
) -> Figure:
    unit = words.pop("unit", "")
    read = eval(f"lambda m, now, k=None: {source}", dict(NAMESPACE))  # noqa: S307 - our own text, below
    return Figure(Feature(name, kind, words, unit, keyed=keyed), moved_by, read, source)


def _falling(days: int) -> Iterable[Figure]:
    yield Figure(
        Feature(f"orders_{days}d", "int", _words(days, "订单数", "orders"), "orders"),
        ORDERS,
        lambda m, now: counted(m.order_at, now, days),
        measure="orders",
        days=days,
    )
    yield Figure(
        Feature(f"spend_{days}d", "int", _words(days, "消费额", "amount spent"), "minor units"),
        ORDERS,
        lambda m, now: summed(m.order_at, m.order_sums, now, days),
        measure="spend",
        days=days,
    )
    yield Figure(
        Feature(f"interactions_{days}d", "int", _words(days, "互动次数", "interactions"), "times"),
        ACTIONS,
        lambda m, now: counted(m.action_at, now, days),
        measure="interactions",
        days=days,
    )


def _falling_in(scope: Scope, days: int) -> Iterable[Figure]:
    zh, en = ("该品类", "of the category") if scope == "category" else ("该门店", "at the store")
    yield Figure(
        Feature(
            f"{scope}.orders_{days}d", "int", _words(days, f"{zh}订单数", f"orders {en}"), "orders"
        ),
        ORDERS,
        lambda m, now, k: len(newest(m, scope, k, now - days * DAY, _ALL)),
        measure="orders",
        days=days,
    )
    yield Figure(
        Feature(
            f"{scope}.spend_{days}d",
            "int",
            _words(days, f"{zh}消费额", f"amount spent {en}"),
            "minor units",
        ),
        ORDERS,
        lambda m, now, k: stretch(m, scope, k, now - days * DAY)[1][-1],
        measure="spend",
        days=days,
    )


def _words(days: int, zh: str, en: str) -> dict[str, str]:
    return {"zh": f"最近 {days} 天{zh}", "en": f"{en}, last {days} days"}


_FIXED: Final = (
    _fixed("orders", "int", "m.orders", ORDERS, unit="orders", zh="累计订单数", en="orders ever"),
    _fixed(
        "spend",
        "int",
        "m.spend",
        ORDERS,
        unit="minor units",
        zh="累计消费额",
        en="amount spent ever",
    ),
    _fixed("refunds", "int", "m.refunds", ORDERS, unit="times", zh="退款次数", en="refunds ever"),
    _fixed(
        "first_order_at", "instant", "m.first_order_at", ORDERS, zh="首单时间", en="first order"
    ),
    _fixed(
        "last_order_at", "instant", "m.last_order_at()", ORDERS, zh="最近下单时间", en="last order"
    ),
    _fixed(
        "comeback_at",
        "instant",
        "m.comeback_at",
        ORDERS,
        zh="沉默后回归时间",
        en="last order that came after a long silence",
    ),
    _fixed(
        "recent_average_order",
        "int",
        "recent_average(m)",
        ORDERS,
        unit="minor units",
        zh="最近十单客单价",
        en="average of the last ten orders",
    ),
    _fixed("home_store", "text", "home_store(m)", ORDERS, zh="常去门店", en="store most visited"),
    _fixed(
        "categories", "set", "category_names(m)", ORDERS, zh="买过的品类", en="categories bought"
    ),
    _fixed(
        "category_orders",
        "int",
        "category_orders(m)",
        ORDERS,
        keyed=True,
        unit="orders",
        zh="分品类累计订单数",
        en="orders ever, by category",
    ),
    _fixed(
        "category_spend",
        "int",
        "category_spend(m)",
        ORDERS,
        keyed=True,
        unit="minor units",
        zh="分品类累计消费额",
        en="amount spent ever, by category",
    ),
    _fixed(
        "interactions",
        "int",
        "m.actions",
        ACTIONS,
        unit="times",
        zh="累计互动次数",
        en="interactions",
    ),
    _fixed(
        "interactions_by_kind",
        "int",
        "interactions_by_kind(m)",
        ACTIONS,
        keyed=True,
        unit="times",
        zh="分类型累计互动次数",
        en="interactions ever, by kind",
    ),
    _fixed(
        "last_interaction_at",
        "instant",
        "m.last_action_at",
        ACTIONS,
        zh="最近互动时间",
        en="last interaction",
    ),
    _fixed("joined_at", "instant", "m.joined_at", PROFILE, zh="入会时间", en="joined"),
    _fixed(
        "join_store", "text", "named(m, m.join_store)", PROFILE, zh="入会门店", en="store joined at"
    ),
    _fixed(
        "birthday_month", "int", "m.birthday_month", PROFILE, zh="生日月份", en="month of birth"
    ),
    _fixed("gender", "text", "m.gender", PROFILE, zh="性别", en="gender"),
    _fixed("city", "text", "m.city", PROFILE, zh="城市", en="city"),
    _fixed("interests", "set", "m.interests", PROFILE, zh="自选兴趣", en="interests told"),
    _fixed("communities", "set", "m.communities", PROFILE, zh="所在社群", en="communities"),
)

FIGURES: Final[dict[str, Figure]] = {
    figure.feature.name: figure
    for figure in (*_FIXED, *(figure for days in WINDOWS for figure in _falling(days)))
}
"""Every feature of a member, by name."""

SCOPED: Final[dict[Scope, dict[str, Figure]]] = {
    scope: {
        figure.feature.name: figure
        for figure in (
            _fixed(
                f"{scope}.last_order_at",
                "instant",
                "last_at(m.categories, k)" if scope == "category" else "last_at(m.stores, k)",
                ORDERS,
                zh="最近下单时间",
                en="last order",
            ),
            *(
                [
                    _fixed(
                        "store.recent_orders",
                        "int",
                        "recent_orders_at(m, k)",
                        ORDERS,
                        unit="orders",
                        zh="最近十单中的单数",
                        en="how many of the last ten orders",
                    )
                ]
                if scope == "store"
                else []
            ),
            *(figure for days in WINDOWS for figure in _falling_in(scope, days)),
        )
    }
    for scope in ("category", "store")
}
"""The features of one category or store of a member, by scope and name."""

CATALOGUE: Final = Catalogue(figure.feature for figure in FIGURES.values())
"""What rules of tags and tiers may look at."""

CATALOGUES: Final[dict[Scope, Catalogue]] = {
    scope: Catalogue(figure.feature for figure in figures.values())
    for scope, figures in SCOPED.items()
}
"""What rules with `each` may look at."""


def values_of(history: History, now: Instant, names: Iterable[str]) -> dict[str, Any]:
    """Some features as of an instant, with the present as "now"."""
    values: dict[str, Any] = {"now": now}
    for name in names:
        values[name] = FIGURES[name].read(history, now)
    return values


def scoped_values(
    history: History, now: Instant, names: Iterable[str], scope: Scope, place: int
) -> dict[str, Any]:
    """Some features of one category or store as of an instant, with the present as "now"."""
    values: dict[str, Any] = {"now": now}
    for name in names:
        values[name] = SCOPED[scope][name].read(history, now, place)
    return values


def window_row(history: History, now: Instant) -> tuple[list[int], list[Instant | None]]:
    """Every falling feature of FIGURES, in its order, and until when each window's are right.

    The second list has one instant for each window: when the first of what it counts leaves it;
    None where it is empty.
    """
    values: list[int] = []
    ends: list[Instant | None] = []
    orders, sums, actions = history.order_at, history.order_sums, history.action_at
    for span in _SPANS:
        since = now - span
        i, j = bisect_right(orders, since), bisect_right(actions, since)
        values += (len(orders) - i, sums[-1] - sums[i], len(actions) - j)
        end = orders[i] + span if i < len(orders) else None
        if j < len(actions) and (end is None or actions[j] + span < end):
            end = actions[j] + span
        ends.append(end)
    return values, ends


def fixed_row(history: History) -> list[Any]:
    """Every fixed feature of FIGURES, in its order."""
    row: list[Any] = _FIXED_ROW(history)
    return row


_SPANS: Final = tuple(days * DAY for days in WINDOWS)
_FIXED_ROW: Final[Callable[[History], list[Any]]] = eval(  # noqa: S307 - our own text, above
    f"lambda m: [{', '.join(str(figure.source) for figure in _FIXED)}]", dict(NAMESPACE)
)
