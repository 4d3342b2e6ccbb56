"""Examples to read of when an answer changes by itself. Exactness is held by the property tests."""

from collections.abc import Sequence
from typing import Any

from shared.clock import DAY, HOUR
from shared.conditions import Catalogue, Feature, next_change, parse

NOW_AT = 19_000 * DAY
CATALOGUE = Catalogue(
    [
        Feature("orders_90d", "int"),
        Feature("interactions_30d", "int"),
        Feature("amount_90d", "int", keyed=True),
        Feature("last_order_at", "instant"),
    ]
)
FEW_ORDERS = {"feature": "orders_90d", "at_least": 2}
ACTIVE = {"feature": "interactions_30d", "at_least": 1}


def _change(tree: object, values: dict[str, Any], **steps: Sequence[tuple[int, Any]]) -> int | None:
    condition = parse(tree, CATALOGUE)

    def future(name: str, /, *of: str) -> Sequence[tuple[int, Any]]:
        return steps.get("__".join((name, *of)), ())

    return next_change(condition, NOW_AT, future, values)


def test_a_count_falls_under_its_threshold_when_the_second_but_last_order_leaves_the_window() -> (
    None
):
    steps = [(NOW_AT + DAY, 2), (NOW_AT + 5 * DAY, 1), (NOW_AT + 9 * DAY, 0)]
    assert _change(FEW_ORDERS, {"orders_90d": 3}, orders_90d=steps) == NOW_AT + 5 * DAY


def test_nothing_to_come_means_never() -> None:
    assert _change(FEW_ORDERS, {"orders_90d": 3}) is None
    assert _change({"all": []}, {}) is None
    assert _change(FEW_ORDERS, {}) is None


def test_any_holds_as_long_as_one_part_does() -> None:
    values = {"orders_90d": 2, "interactions_30d": 1}
    steps: dict[str, Any] = {
        "orders_90d": [(NOW_AT + DAY, 1)],
        "interactions_30d": [(NOW_AT + 3 * DAY, 0)],
    }
    assert _change({"any": [FEW_ORDERS, ACTIVE]}, values, **steps) == NOW_AT + 3 * DAY
    assert _change({"all": [FEW_ORDERS, ACTIVE]}, values, **steps) == NOW_AT + DAY


def test_two_changes_at_one_instant_that_cancel_are_none() -> None:
    tree = {"any": [FEW_ORDERS, {"not": ACTIVE}]}
    values = {"orders_90d": 2, "interactions_30d": 1}
    gone = NOW_AT + DAY
    assert _change(tree, values, orders_90d=[(gone, 1)], interactions_30d=[(gone, 0)]) is None


def test_what_comes_after_two_changes_that_cancel_is_still_found() -> None:
    tree = {"any": [FEW_ORDERS, {"not": ACTIVE}]}
    values = {"orders_90d": 2, "interactions_30d": 1}
    gone, back = NOW_AT + DAY, NOW_AT + 2 * DAY
    active = [(gone, 0), (back, 1)]
    assert _change(tree, values, orders_90d=[(gone, 1)], interactions_30d=active) == back


def test_a_window_ends_to_the_microsecond() -> None:
    values = {"last_order_at": NOW_AT - 3 * HOUR}
    lately = {"feature": "last_order_at", "within_last_days": 30}
    assert _change(lately, values) == NOW_AT - 3 * HOUR + 30 * DAY
    lapsed = {"feature": "last_order_at", "at_least_days_ago": 90}
    assert _change(lapsed, values) == NOW_AT - 3 * HOUR + 90 * DAY
    assert _change({"all": [lately, {"not": lapsed}]}, values) == NOW_AT - 3 * HOUR + 30 * DAY


def test_steps_that_are_not_after_now_are_history() -> None:
    steps = [(NOW_AT - 1, 0), (NOW_AT, 1), (NOW_AT + 1, 0)]
    assert _change(FEW_ORDERS, {"orders_90d": 3}, orders_90d=steps) == NOW_AT + 1


def test_a_keyed_feature_has_a_future_for_each_key() -> None:
    tree = {"feature": "amount_90d", "of": "WINE", "at_least": 100}
    values = {"amount_90d": {"WINE": 100, "BEER": 100}}
    assert _change(tree, values, amount_90d__BEER=[(NOW_AT + 1, 0)]) is None
    assert _change(tree, values, amount_90d__WINE=[(NOW_AT + 1, 0)]) == NOW_AT + 1
