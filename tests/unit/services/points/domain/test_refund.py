"""Refunds take back exactly what the purchase gave."""

from services.points.domain.lots import lots_of
from shared.clock import DAY, HOUR, MINUTE
from tests.property.services.points.points_history import (
    NOON,
    born,
    bought,
    document,
    fold,
    machine_of,
    promoted,
    refunded,
)

PURCHASE = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}


def test_a_whole_refund_takes_back_all() -> None:
    """Odoo PR 257854, ERPNext #32951: a refund left the points."""
    history = fold(machine_of(), bought("e", "o", 3520), refunded("r", "o", 3520))
    assert history.points == [("e", "purchase", 35), ("r", "purchase", -35)]
    assert (history.state.available, history.state.lifetime) == (0, 0)
    assert [lot.remaining for lot in lots_of(history.moves).values()] == [0]


def test_a_part_takes_back_the_difference_of_rating_the_rest() -> None:
    history = fold(machine_of(), bought("e", "o", 3520), refunded("r", "o", 30))
    assert history.state.available == 34  # 34.90 are left
    assert history.figures(1) == {
        "order_id": "o",
        "refund_id": "refund-r",
        "refunded": 30,
        "total": 3520,
        "left": 3490,
        "had": 35,
        "has": 34,
    }


def test_a_refund_is_taken_back_once() -> None:
    """Odoo PR 212922, Blnk PR 315: refunds took the points twice."""
    history = fold(
        machine_of(),
        bought("e", "o", 1000),
        refunded("r1", "o", 400, refund="same"),
        refunded("r2", "o", 400, NOON + HOUR, refund="same"),
    )
    assert history.state.available == 6
    assert [remark.code for remark in history.remarks] == ["refund_counted_before"]


def test_a_till_that_retries_counts_an_order_once() -> None:
    """OCA/pos PR 185, Odoo PR 222372 and PR 270532: a retrying or offline till doubled points."""
    history = fold(machine_of(), bought("e1", "o", 1000), bought("e2", "o", 1000, NOON + HOUR))
    assert history.points == [("e1", "purchase", 10)]
    assert [(remark.code, remark.event_id) for remark in history.remarks] == [
        ("order_counted_before", "e2")
    ]


def test_a_refund_before_its_purchase_waits_for_it() -> None:
    machine = machine_of()
    early = refunded("r", "o", 400, NOON - HOUR)
    waiting = fold(machine, early)
    assert waiting.state.available == 0
    assert [remark.code for remark in waiting.remarks] == ["refund_waits_for_order"]
    history = fold(machine, early, bought("e", "o", 1000))
    assert history.points == [("e", "purchase", 6)]


def test_more_than_the_total_takes_back_no_more_than_was_given() -> None:
    history = fold(
        machine_of(), bought("e", "o", 1000), refunded("r1", "o", 700), refunded("r2", "o", 700)
    )
    assert history.state.available == 0
    assert [remark.code for remark in history.remarks] == ["refund_exceeds_order"]


def test_another_currency_takes_back_nothing_and_says_so() -> None:
    history = fold(machine_of(), bought("e", "o", 1000), refunded("r", "o", 1000, currency="USD"))
    assert history.state.available == 10
    assert [remark.code for remark in history.remarks] == ["refund_in_another_currency"]


def test_orders_in_several_currencies_keep_apart() -> None:
    history = fold(
        machine_of(),
        bought("e1", "o1", 1000, currency="CNY"),
        bought("e2", "o2", 2000, currency="USD"),
        refunded("r", "o2", 2000, currency="USD"),
    )
    assert history.state.available == 10


def test_refunding_the_lines_that_never_earned_takes_back_nothing() -> None:
    machine = machine_of(document(PURCHASE, exclude={"categories": ["gift_card"]}))
    order = bought("e", "o", 10_000, lines=[("card", "gift_card", 4_000), ("tea", "drink", 6_000)])
    card = refunded("r1", "o", 4_000, lines=[("card", "gift_card", 4_000)])
    tea = refunded("r2", "o", 6_000, NOON + HOUR, lines=[("tea", "drink", 6_000)])
    assert fold(machine, order, card).points == [("e", "purchase", 60)]
    assert fold(machine, order, card, tea).state.available == 0


def test_a_refund_is_rated_as_the_purchase_was() -> None:
    """Double points in the birthday month are taken back double, also in another month."""
    history = fold(
        machine_of(),
        born("b", 3, NOON - 1),
        bought("e", "o", 1000),
        refunded("r", "o", 500, NOON + 40 * DAY),
    )
    assert [points for _, _, points in history.points] == [20, -10]


def test_tier_bonus_is_taken_back_with_the_tier_of_the_purchase() -> None:
    gold = {"id": "gold", "factor": 2, "when": {"feature": "tier", "equals": "gold"}}
    machine = machine_of(document(PURCHASE | {"multipliers": [gold]}))
    history = fold(
        machine,
        bought("e", "o", 1000),
        promoted("t", "gold", NOON + MINUTE),
        refunded("r", "o", 1000, NOON + HOUR),
    )
    assert [points for _, _, points in history.points] == [10, -10]


def test_a_refund_gives_the_days_cap_its_room_back() -> None:
    machine = machine_of(document(PURCHASE | {"cap": {"points": 15, "times": 2}}))
    history = fold(
        machine,
        bought("e1", "o1", 1000),
        bought("e2", "o2", 1000, NOON + 1),
        refunded("r", "o1", 1000, NOON + 2),
        bought("e3", "o3", 1000, NOON + 3),
    )
    assert [points for _, _, points in history.points] == [10, 5, -10, 5, 5], (
        "the second order was cut off by the first, which never was"
    )
    assert history.state.used == {"purchase": (15, 2)}


def test_a_refund_that_makes_a_rule_give_takes_its_room_under_the_cap() -> None:
    """Found by the model: the points came, and the cap did not count them."""
    halved = {"id": "large", "factor": 0.5, "when": {"feature": "total", "at_least": 1000}}
    once = {"id": "visit", "source": "purchase", "points": 1, "cap": {"times": 1}}
    history = fold(
        machine_of(document(once | {"multipliers": [halved]})),
        bought("e1", "o1", 1000),
        refunded("r", "o1", 1, NOON + 1),
        bought("e2", "o2", 500, NOON + 2),
    )
    assert history.points == [("r", "visit", 1)]


def test_a_capped_order_gives_back_only_what_it_got() -> None:
    machine = machine_of(document(PURCHASE | {"cap": {"points": 10}}))
    half = fold(machine, bought("e", "o", 2000), refunded("r", "o", 500))
    assert half.points == [("e", "purchase", 10)]  # 15 would still fill the cap
    whole = fold(machine, bought("e", "o", 2000), refunded("r", "o", 2000))
    assert whole.state.available == 0


def test_a_refund_without_lines_takes_from_all_in_proportion() -> None:
    dairy = {"id": "dairy", "source": "purchase", "points": 1, "per_amount": 100}
    machine = machine_of(document(dairy | {"lines": {"categories": ["dairy"]}}))
    order = bought("e", "o", 1000, lines=[("milk", "dairy", 600), ("tea", "drink", 400)])
    assert fold(machine, order, refunded("r", "o", 500)).points == [
        ("e", "dairy", 6),
        ("r", "dairy", -3),
    ]


def test_what_is_left_is_never_less_than_nothing() -> None:
    history = fold(machine_of(), bought("e", "o", 1000), refunded("r", "o", 5000))
    assert history.figures(1)["left"] == 0
