"""What comes back without its receipt, and orders that turn out to be somebody else's."""

import json
from typing import Any

import pytest

from services.points.domain.earning import compile_program
from services.points.domain.lots import lots_of
from services.points.domain.program import ProgramError, read_program
from services.points.domain.wording import explain
from shared.clock import DAY, HOUR
from tests.property.services.points.points_history import (
    NOON,
    born,
    bought,
    document,
    fold,
    machine_of,
    moved,
    refunded,
)

PURCHASE: dict[str, Any] = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}


def test_p14_what_comes_back_without_its_receipt_takes_what_it_would_earn_rounded_up() -> None:
    history = fold(machine_of(), bought("e", "o", 10_000), refunded("r", None, 4_650))
    assert history.points == [("e", "purchase", 100), ("r", "purchase", -47)]
    assert (history.state.available, history.state.lifetime) == (53, 53)
    assert [lot.remaining for lot in lots_of(history.moves).values()] == [53]
    taken = history.moves[1]
    assert (taken.code, taken.order_id, taken.expires_on) == ("clawback", None, None)
    figures = history.figures(1)
    assert (figures["returned"], figures["per_amount"], figures["each"]) == (-4_650, 100, 1)
    said = explain(taken.code, taken.rule, taken.points, history.figures(1), None)
    assert "4650 came back without its receipt, 1 for every 100 begun" in said.en
    assert "无小票退货 4650" in said.zh


def test_it_is_counted_once_by_its_own_number() -> None:
    history = fold(
        machine_of(),
        refunded("r1", None, 4_600, refund="same"),
        refunded("r2", None, 4_600, NOON + HOUR, refund="same"),
        refunded("r3", None, 4_700, NOON + 2 * HOUR, refund="same"),
        refunded("r4", None, 100, NOON + 3 * HOUR, refund="another"),
    )
    assert history.state.available == -47
    assert [remark.code for remark in history.remarks] == ["order_counted_before", "order_differs"]


def test_it_is_no_order_and_makes_nobody_a_buyer() -> None:
    history = fold(machine_of(), refunded("r", None, 100))
    assert history.state.first is None
    assert history.remarks == []


def test_it_is_rated_at_its_own_time() -> None:
    march = 3  # as NOON: what it would earn now is doubled
    history = fold(machine_of(), born("b", march), refunded("r", None, 4_650))
    assert history.points == [("r", "purchase", -94)]
    assert history.figures()["factor"] == 2


def test_a_cap_neither_counts_nor_limits_it() -> None:
    rule = PURCHASE | {"cap": {"times": 1, "points": 20}}
    history = fold(
        machine_of(document(rule)),
        refunded("r", None, 5_000, NOON),
        bought("e", "o", 10_000, NOON + HOUR),
    )
    assert [points for _, _, points in history.points] == [-50, 20]


@pytest.mark.parametrize(
    ("program", "points"),
    [
        (document(PURCHASE, exclude={"categories": ["gift_card"]}), -20),
        (document(PURCHASE, exclude={"tenders": ["points"]}), -25),
        (document(PURCHASE | {"lines": {"categories": ["tea"]}}), -20),
        (document(PURCHASE | {"lines": {"skus": ["nothing"]}}), 0),
        (document(PURCHASE | {"when": {"feature": "total", "at_least": 1_000}}), 0),
        (document({"id": "visit", "source": "purchase", "points": 5}), 0),
    ],
)
def test_what_does_not_earn_is_not_taken(program: dict[str, Any], points: int) -> None:
    back = refunded(
        "r",
        None,
        3_000,
        lines=[("t", "tea", 2_000), ("g", "gift_card", 1_000)],
        tenders=[("points", 500), ("cash", 2_500)],
    )
    assert fold(machine_of(program), back).state.available == points


def test_a_program_may_leave_it_alone_and_says_so() -> None:
    history = fold(
        machine_of(document(PURCHASE, unlinked_returns="ignore")), refunded("r", None, 4_650)
    )
    assert history.points == []
    [remark] = history.remarks
    assert (remark.code, json.loads(remark.figures)) == ("return_ignored", {"amount": 4_650})
    with pytest.raises(ProgramError):
        read_program(document(PURCHASE, unlinked_returns="sometimes"))


def test_p15_an_order_that_is_somebody_elses_takes_its_points_along() -> None:
    history = fold(
        machine_of(),
        bought("e", "o", 10_000),
        moved("m", "o", NOON + HOUR),
        bought("f", "p", 1_000, NOON + DAY),
    )
    assert history.points == [
        ("e", "purchase", 100),
        ("m", "purchase", -100),
        ("f", "purchase", 10),
    ]
    figures = history.figures(1)
    assert (figures["moved"], figures["had"], figures["has"]) == ("away", 100, 0)
    earning = compile_program(1, read_program(document(PURCHASE)))
    said = explain("clawback", "purchase", -100, figures, earning)
    assert "the order is another member's" in said.en
    assert "订单属于其他会员" in said.zh


def test_and_brings_them_back_where_it_was_the_members_own_after_all() -> None:
    history = fold(
        machine_of(),
        bought("e", "o", 10_000),
        moved("m", "o", NOON + HOUR),
        moved("n", "o", NOON + DAY, here=True),
    )
    assert history.state.available == 100
    figures = history.figures(2)
    assert (figures["moved"], figures["had"], figures["has"]) == ("here", 0, 100)
    assert "after all" in explain("earn", "purchase", 100, figures, None).en
