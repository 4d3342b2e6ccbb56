"""Figures are what a recount of the plain facts gives, to the microsecond."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.domain.audience import AUDIENCE, row_of, stored_row
from services.segmentation.domain.facts import Interaction, Purchase, Refund, Withdrawal
from services.segmentation.domain.features import FIGURES, WINDOWS, values_of, window_row
from services.segmentation.domain.history import History
from shared.clock import DAY, Instant
from tests.property.services.segmentation.stories import (
    Item,
    histories,
    key_of,
    machine_of,
    replayed,
)

MACHINE = machine_of()
Order = tuple[Instant, int, Purchase]


def _orders(items: list[Item]) -> list[Order]:
    """Orders of which something is left, with how much; every refund here has an id of its own."""
    orders: list[Order] = []
    for at, _, fact in items:
        if isinstance(fact, Purchase):
            refunds = [f for _, _, f in items if isinstance(f, Refund)]
            back = sum(each.amount for each in refunds if each.order_id == fact.order_id)
            if fact.total > back:
                orders.append((at, fact.total - back, fact))
    return orders


@given(histories(least=1), st.integers(0, 400 * DAY))
@settings(max_examples=150, deadline=None)
def test_windows_are_exact(items: list[Item], later: Instant) -> None:
    history = _history(items)
    now = items[-1][0] + later
    orders = _orders(items)
    gone = {fact.of for _, _, fact in items if isinstance(fact, Withdrawal)}
    actions = [
        at
        for at, name, fact in items
        if isinstance(fact, Interaction) and fact.kind != "click" and key_of(name) not in gone
    ]
    values = values_of(history, now, FIGURES)
    for days in WINDOWS:
        since = now - days * DAY
        assert values[f"orders_{days}d"] == sum(at > since for at, _, _ in orders)
        assert values[f"spend_{days}d"] == sum(left for at, left, _ in orders if at > since)
        assert values[f"interactions_{days}d"] == sum(at > since for at in actions)
    assert values["orders"] == len(orders)
    assert values["spend"] == sum(left for _, left, _ in orders)
    assert values["first_order_at"] == min((at for at, _, _ in orders), default=None)
    assert values["last_order_at"] == max((at for at, _, _ in orders), default=None)
    assert sum(values["category_spend"].values()) <= values["spend"]
    assert set(values["categories"]) == set(values["category_orders"])


@given(histories(least=1), st.integers(0, 100 * DAY))
@settings(max_examples=80, deadline=None)
def test_what_is_stored_is_right_until_it_is_stale(items: list[Item], later: Instant) -> None:
    history = _history(items)
    now = items[-1][0] + later
    for days, stale in zip(WINDOWS, window_row(history, now)[1], strict=True):
        names = (f"orders_{days}d", f"spend_{days}d", f"interactions_{days}d")
        stored = _without_now(history, now, names)
        if stale is None:
            assert not any(stored.values())
            continue
        assert stale > now
        assert _without_now(history, stale - 1, names) == stored
        counts = (f"orders_{days}d", f"interactions_{days}d")
        assert _without_now(history, stale, counts) != {name: stored[name] for name in counts}


@given(histories(least=1))
@settings(max_examples=100, deadline=None)
def test_a_stored_row_holds_what_every_feature_reads(items: list[Item]) -> None:
    state = replayed(MACHINE, items, items[-1][0]).state
    assert state is not None
    values, _ = stored_row(MACHINE, state)
    read = row_of(MACHINE, state, state.history.at)
    assert values == [read[feature.name] for feature in AUDIENCE]


@given(histories(least=1))
@settings(max_examples=80, deadline=None)
def test_paying_everything_back_leaves_nothing_bought(items: list[Item]) -> None:
    end = items[-1][0]
    orders = [fact.order_id for _, _, fact in items if isinstance(fact, Purchase)]
    refunds: list[Item] = [
        (end, f"z-{i}", Refund(f"refund-{i}", order, 10**9)) for i, order in enumerate(orders)
    ]
    history = _history([*items, *refunds])
    bare = [item for item in items if not isinstance(item[2], Purchase)]
    values = values_of(history, end, FIGURES)
    without = (
        values_of(_history(bare), end, FIGURES) if bare else values_of(History(), end, FIGURES)
    )
    del values["refunds"], without["refunds"]
    assert values == without


def _history(items: list[Item]) -> History:
    state = replayed(MACHINE, items, items[-1][0]).state
    assert state is not None
    return state.history


def _without_now(history: History, now: Instant, names: tuple[str, ...]) -> dict[str, int]:
    values = values_of(history, now, names)
    del values["now"]
    return values
