"""How figures are read off a history; `features` says what they are called and mean."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal

from services.segmentation.domain.history import ONLINE, RECENT, History, parts_before
from shared.clock import DAY, Instant

Scope = Literal["category", "store"]


def home_store(m: History) -> str | None:
    """The store of most of the last ten orders; of equals the one visited last."""
    recent = [place for place in m.order_store[-RECENT:] if place != ONLINE]
    if not recent:
        return None
    counts = Counter(recent)
    most = max(counts.values())
    return m.names[next(place for place in reversed(recent) if counts[place] == most)]


def recent_average(m: History) -> int | None:
    """What the last ten orders came to on average, in whole minor units."""
    n = min(len(m.order_at), RECENT)
    return (m.order_sums[-1] - m.order_sums[-1 - n]) // n if n else None


def recent_orders_at(m: History, place: int) -> int:
    """How many of the last ten orders were made at a store."""
    return m.order_store[-RECENT:].count(place)


def named(m: History, place: int | None) -> str | None:
    """The name of a place; None for none."""
    return None if place is None else m.names[place]


def category_names(m: History) -> list[str]:
    """Every category that the member has bought."""
    return sorted(m.names[place] for place in m.categories)


def category_orders(m: History) -> dict[str, int]:
    """Lifetime orders by category."""
    return {m.names[place]: sums[0] for place, sums in m.categories.items()}


def category_spend(m: History) -> dict[str, int]:
    """Lifetime amounts by category."""
    return {m.names[place]: sums[1] for place, sums in m.categories.items()}


def interactions_by_kind(m: History) -> dict[str, int]:
    """Lifetime interactions by kind, also those that are no activity."""
    return {m.names[place]: count for place, count in m.kinds.items()}


def last_at(counts: dict[int, list[int]], place: int) -> Instant | None:
    """The last order of one category, or at one store."""
    known = counts.get(place)
    return None if known is None else known[-1]


def newest(m: History, scope: Scope, place: int, after: Instant, limit: int) -> list[Instant]:
    """The last orders of one category, or at one store, after an instant: newest first."""
    found: list[Instant] = []
    if scope == "category":
        for at, categories in zip(reversed(m.order_at), reversed(m.order_categories), strict=True):
            if at <= after or len(found) == limit:
                break
            if place in categories:
                found.append(at)
    else:
        for at, store in zip(reversed(m.order_at), reversed(m.order_store), strict=True):
            if at <= after or len(found) == limit:
                break
            if store == place:
                found.append(at)
    return found


def stretch(
    m: History, scope: Scope, place: int, after: Instant
) -> tuple[list[Instant], list[int]]:
    """What one category, or one store, was paid after an instant.

    Returns:
        The instants of the orders, oldest first, and the sums before each and after the last.
    """
    instants, sums = list[Instant](), [0]
    for i in range(bisect_right(m.order_at, after), len(m.order_at)):
        if scope == "store":
            if m.order_store[i] != place:
                continue
            amount = m.order_sums[i + 1] - m.order_sums[i]
        elif place in m.order_categories[i]:
            amount = m.amounts[parts_before(m, i) + m.order_categories[i].index(place)]
        else:
            continue
        instants.append(m.order_at[i])
        sums.append(sums[-1] + amount)
    return instants, sums


def counted(instants: Sequence[Instant], now: Instant, days: int) -> int:
    """How many of the instants (ascending) lie in the window."""
    return len(instants) - bisect_right(instants, now - days * DAY)


def summed(instants: Sequence[Instant], sums: Sequence[int], now: Instant, days: int) -> int:
    """What lies in the window comes to so much."""
    return sums[-1] - sums[bisect_right(instants, now - days * DAY)]


NAMESPACE: Final[dict[str, Any]] = {
    function.__name__: function
    for function in (
        home_store,
        recent_average,
        recent_orders_at,
        named,
        category_names,
        category_orders,
        category_spend,
        interactions_by_kind,
        last_at,
    )
}
"""What the expressions of fixed features call."""
