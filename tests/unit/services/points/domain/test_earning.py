"""What the default program and every kind of rule give."""

from typing import Any

import pytest

from services.points.domain.earning import compile_program
from services.points.domain.program import read_program
from shared.clock import DAY, HOUR, MINUTE, parse_instant
from tests.property.services.points.points_history import (
    NOON,
    born,
    bought,
    default_document,
    did,
    document,
    fold,
    joined,
    machine_of,
    promoted,
)

PURCHASE = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}


@pytest.mark.parametrize(
    ("total", "points"), [(0, 0), (99, 0), (100, 1), (199, 1), (3520, 35), (100_000_000, 1_000_000)]
)
def test_one_point_per_full_hundred_rounded_down_per_order(total: int, points: int) -> None:
    assert fold(machine_of(), bought("e1", "o1", total)).state.available == points


def test_rounding_is_per_order_not_over_orders() -> None:
    history = fold(machine_of(), *(bought(f"e{i}", f"o{i}", 150) for i in range(4)))
    assert history.state.available == 4


def test_check_in_earns_once_a_local_day() -> None:
    check_ins = [did(f"c{i}", "check_in", NOON + i * HOUR) for i in range(3)]
    history = fold(machine_of(), *check_ins, did("next", "check_in", NOON + DAY))
    assert history.points == [("c0", "check_in", 5), ("next", "check_in", 5)]


def test_the_day_is_that_of_the_programs_time_zone() -> None:
    shanghai = default_document() | {"time_zone": "Asia/Shanghai"}
    before, after = "2024-03-15T15:59:59Z", "2024-03-15T16:00:00Z"  # midnight in Shanghai
    pair = [did("a", "check_in", parse_instant(before)), did("b", "check_in", parse_instant(after))]
    assert len(fold(machine_of(), *pair).moves) == 1
    assert len(fold(machine_of(shanghai), *pair).moves) == 2


def test_topic_reply_and_share_with_five_likes() -> None:
    history = fold(
        machine_of(),
        did("r", "topic_reply"),
        did("s4", "share", likes=4),
        did("s5", "share", NOON + 1, likes=5),
        did("s", "share"),
    )
    assert sorted(history.points) == [("r", "topic_reply", 10), ("s5", "share", 20)]


def test_no_task_earns_by_default_and_nothing_is_kept_of_it() -> None:
    machine = machine_of()
    assert machine.remember(did("t", "task_done", task_id="coupon:1")) is None
    assert machine.remember(did("l", "like")) is None


def test_birthday_month_doubles_purchases_only_and_only_from_when_it_is_known() -> None:
    march = NOON
    history = fold(
        machine_of(),
        bought("before", "o1", 1000, march - HOUR),
        born("b", 3, march),
        bought("after", "o2", 1050, march + HOUR),
        did("c", "check_in", march + HOUR),
        bought("april", "o3", 1000, march + 20 * DAY),
    )
    assert {event: points for event, _, points in history.points} == {
        "before": 10,
        "after": 20,
        "c": 5,
        "april": 10,
    }


def test_a_birthday_that_is_cleared_is_missing_from_then_on() -> None:
    birthday = {"feature": "birthday_month"}
    rules = [
        PURCHASE | {"id": "known", "when": birthday | {"exists": True}},
        PURCHASE | {"id": "unknown", "when": birthday | {"exists": False}},
        PURCHASE | {"id": "another", "when": birthday | {"equals": False}},
    ]
    machine = machine_of(document(*rules))
    told = [
        bought("never", "o0", 100, NOON - HOUR),
        born("set", 3, NOON),
        bought("march", "o1", 100, NOON + HOUR),
        born("cleared", None, NOON + 2 * HOUR),
        joined("j", None, NOON + 3 * HOUR),
        bought("after", "o2", 100, NOON + 4 * HOUR),
        born("again", 4, NOON + 5 * HOUR),
        joined("j2", None, NOON + 6 * HOUR),  # who joins leaves a field empty: that clears nothing
        bought("april", "o3", 100, NOON + 7 * HOUR),
    ]
    for order in (told, told[::-1]):
        assert {(event, rule) for event, rule, _ in fold(machine, *order).points} == {
            ("never", "unknown"),
            ("march", "known"),
            ("after", "unknown"),
            ("april", "known"),
            ("april", "another"),
        }


def test_a_birthday_told_at_joining_is_known_from_then_on() -> None:
    history = fold(
        machine_of(),
        bought("before", "o1", 1000, NOON - HOUR),
        joined("j", 3, NOON),
        bought("after", "o2", 1050, NOON + HOUR),
    )
    assert {event: points for event, _, points in history.points} == {"before": 10, "after": 20}
    silent = fold(machine_of(), joined("j", None, NOON), bought("e", "o", 1050, NOON + HOUR))
    assert silent.state.available == 10


def test_no_multiplier_by_tier_in_the_default_program() -> None:
    history = fold(machine_of(), promoted("t", "diamond"), bought("e", "o", 1000, NOON + 1))
    assert history.state.available == 10


def test_tier_at_the_time_of_the_event_decides() -> None:
    gold = {"id": "gold", "factor": 1.5, "when": {"feature": "tier", "equals": "gold"}}
    machine = machine_of(document(PURCHASE | {"multipliers": [gold]}))
    history = fold(
        machine,
        bought("same_instant", "o1", 1000, NOON),  # a decision of that instant comes after it
        promoted("t", "gold", NOON),
        bought("after", "o2", 1100, NOON + 1),
    )
    assert history.points == [("same_instant", "purchase", 10), ("after", "purchase", 16)]
    assert history.figures(1)["factor"] == 1.5
    assert history.figures(1)["multipliers"] == ["gold"]
    assert history.figures(1)["tier"] == "gold"


def test_best_of_a_group_and_sum_over_groups() -> None:
    always: dict[str, Any] = {"feature": "total", "at_least": 0}
    multipliers = [
        {"id": "a", "factor": 2, "when": always, "group": "season"},
        {"id": "b", "factor": 3, "when": always, "group": "season"},
        {"id": "c", "factor": 1.5, "when": always},
        {"id": "d", "factor": 10, "when": {"feature": "total", "more_than": 999_999}},
    ]
    history = fold(
        machine_of(document(PURCHASE | {"multipliers": multipliers})), bought("e", "o", 1000)
    )
    assert history.state.available == 35
    assert history.figures()["multipliers"] == ["b", "c"]


def test_cap_of_points_a_day() -> None:
    machine = machine_of(document(PURCHASE | {"cap": {"points": 15}}))
    orders = [bought(f"e{i}", f"o{i}", 1000, NOON + i * MINUTE) for i in range(3)]
    history = fold(machine, *orders, bought("next", "o9", 1000, NOON + DAY))
    assert [points for _, _, points in history.points] == [10, 5, 10]
    assert history.figures(1)["uncapped"] == 10


@pytest.mark.parametrize(
    ("when", "points"),
    [
        ({"feature": "store_id", "equals": "s1"}, 10),
        ({"feature": "store_id", "equals": "s2"}, 0),
        ({"feature": "categories", "contains": "dairy"}, 10),
        ({"feature": "skus", "contains": "milk"}, 10),
        ({"feature": "campaign_id", "equals": "spring"}, 10),
        ({"feature": "currency", "equals": "USD"}, 0),
        ({"feature": "month", "equals": 3}, 10),
        ({"feature": "weekday", "equals": 5}, 10),
        ({"feature": "hour", "between": [12, 13]}, 10),
        ({"not": {"feature": "tier", "exists": True}}, 10),
    ],
)
def test_conditions_of_a_purchase(when: dict[str, Any], points: int) -> None:
    event = bought("e", "o", 1000, lines=[("milk", "dairy", 1000)], campaign="spring")
    assert fold(machine_of(document(PURCHASE | {"when": when})), event).state.available == points


def test_a_task_earns_where_the_program_lists_it() -> None:
    task = {"id": "survey", "source": "task", "tasks": ["survey:1"], "points": 7}
    machine = machine_of(document(task))
    history = fold(
        machine,
        did("t1", "task_done", task_id="survey:1"),
        did("t2", "task_done", task_id="survey:2"),
        did("t3", "task_done"),
    )
    assert history.points == [("t1", "survey", 7)]


def test_a_rule_may_list_every_task_that_is_done() -> None:
    """Found by the model: such an interaction was not kept when it named its task."""
    every = {"id": "any", "source": "interaction", "kinds": ["task_done"], "points": 3}
    task = {"id": "survey", "source": "task", "tasks": ["survey:1"], "points": 7}
    history = fold(
        machine_of(document(every, task)),
        did("t1", "task_done", task_id="survey:1"),
        did("t2", "task_done", NOON + 1, task_id="survey:2"),
        did("t3", "task_done", NOON + 2),
    )
    assert history.points == [
        ("t1", "any", 3),
        ("t1", "survey", 7),
        ("t2", "any", 3),
        ("t3", "any", 3),
    ]


def test_lines_that_never_earn_and_the_part_paid_with_points() -> None:
    """Odoo #114004: points were earned on the part that was paid with points."""
    exclude = {"categories": ["gift_card"], "tenders": ["points"]}
    machine = machine_of(document(PURCHASE, exclude=exclude))
    history = fold(
        machine,
        bought(
            "e",
            "o",
            10_000,
            lines=[("card", "gift_card", 4_000), ("tea", "drinks", 6_000)],
            tenders=[("points", 1_000), ("cash", 9_000)],
        ),
    )
    assert history.state.available == 50


def test_extra_points_on_some_lines() -> None:
    dairy = {"id": "dairy", "source": "purchase", "points": 2, "per_amount": 100}
    machine = machine_of(document(PURCHASE, dairy | {"lines": {"categories": ["dairy"]}}))
    order = bought("e", "o", 1_000, lines=[("milk", "dairy", 350), ("tea", "drinks", 650)])
    assert sorted(fold(machine, order).points) == [("e", "dairy", 6), ("e", "purchase", 10)]


def test_the_version_in_force_when_it_happened_decides() -> None:
    double = PURCHASE | {"points": 2}
    machine = machine_of(document(PURCHASE), document(double))
    history = fold(
        machine, bought("late_till", "o1", 1000, NOON), bought("new", "o2", 1000, NOON + HOUR)
    )
    assert [(move.points, move.version) for move in history.moves] == [(10, 1), (20, 2)]


def test_every_point_is_explained() -> None:
    """open-loyalty #79: "why did I get these points?" has no answer."""
    history = fold(machine_of(), born("b", 3, NOON - 1), bought("e", "o", 3520))
    assert history.figures() == {
        "amount": 3520,
        "per_amount": 100,
        "each": 1,
        "birthday_month": True,
        "factor": 2.0,
        "multipliers": ["birthday_month"],
    }


def test_rolling_expiry_sets_the_last_day() -> None:
    machine = machine_of(document(PURCHASE, expiry={"policy": "rolling", "months": 12}))
    leap_day = parse_instant("2024-02-29T10:00:00Z")
    history = fold(machine, bought("e", "o", 1000, leap_day), bought("f", "p", 1000))
    assert [str(move.expires_on) for move in history.moves] == ["2025-02-28", "2025-03-15"]


def test_a_program_is_one_function() -> None:
    earning = compile_program(1, read_program(default_document()))
    assert earning.source.count("def ") == 1
    assert earning.kinds == {"check_in", "topic_reply", "share"}
    assert not earning.needs_lines
