"""Who says what of which order, and what the order is then."""

from typing import Any

import pytest

from services.points.domain.wording import remark
from shared.orders import Book, Bought, Content, Moved, Order, PaidBack, Report, Reversed
from shared.orders.book import Amends, Nothing, Opens


def bought(total: int = 1000, order: str = "o", **more: Any) -> Bought:
    told: dict[str, Any] = {"scope": "s1", "digest": str(total).encode(), "currency": "CNY"} | more
    return Bought("e", None, order_id=order, content=Content(total), **told)


def back(amount: int, refund: str = "r", order: str = "o", **more: Any) -> PaidBack:
    told: dict[str, Any] = {"scope": "s1", "sure": False, "currency": "CNY"} | more
    return PaidBack("b", None, order_id=order, refund_id=refund, amount=amount, **told)


def undone(refund: str = "r", order: str = "o", **more: Any) -> Reversed:
    told: dict[str, Any] = {"scope": "", "sure": False} | more
    return Reversed("u", None, order_id=order, refund_id=refund, **told)


class Till:
    """A book with what came of each report."""

    def __init__(self) -> None:
        self.book = Book()
        self.orders: dict[int, Order] = {}
        self.codes: list[str] = []

    def __call__(self, *reports: Report) -> type:
        does: type = Nothing
        for report in reports:
            verdict = self.book.take(report, len(self.orders))
            does = type(verdict)
            if isinstance(verdict, Opens):
                self.orders[len(self.orders)] = verdict.order
            self.codes += [each.code for each in verdict.remarks]
            for each in verdict.remarks:
                assert remark(each.code, each.figures).en
        return does

    @property
    def left(self) -> list[int]:
        return [order.left.total for order in self.orders.values()]


def moved(order: str = "o", *, here: bool = False, **more: Any) -> Moved:
    return Moved("m", None, order, here=here, **({"scope": "s1"} | more))


def test_p15_an_order_that_is_somebody_elses_was_never_bought_here() -> None:
    till = Till()
    till(bought(1000), back(300))
    assert till(moved()) is Amends
    assert till.left == [0]
    assert till(moved()) is Nothing
    # a refund that comes now has nothing to take from
    till(back(200, "r2"))
    assert till.codes == ["refund_exceeds_order"]
    # and it was the member's own after all, with everything that was said of it
    assert till(moved(here=True)) is Amends
    assert till.left == [500]
    assert till(moved(here=True)) is Nothing


def test_an_order_that_moved_is_opened_again_by_another_report() -> None:
    till = Till()
    till(bought(1000), moved())
    assert till(bought(1000)) is Opens
    assert till.left == [0, 1000]


@pytest.mark.parametrize("other", [moved("p"), moved(scope="s2"), moved(scope="")])
def test_only_the_order_that_is_named_moves(other: Moved) -> None:
    till = Till()
    till(bought(1000))
    assert till(other) is Nothing
    assert till.left == [1000]


def test_p1_whoever_reports_it_again_it_is_one_order() -> None:
    till = Till()
    assert till(bought(3520)) is Opens
    assert till(bought(3520)) is Nothing
    assert (till.left, till.codes) == ([3520], ["order_counted_before"])


def test_other_content_under_its_name_is_not_counted_and_said() -> None:
    till = Till()
    till(bought(3520), bought(9900), bought(3520, currency="USD"))
    assert (till.left, till.codes) == ([3520], ["order_differs", "order_differs"])


def test_one_number_at_two_stores_is_two_orders() -> None:
    till = Till()
    till(bought(1000), bought(2000, scope="s2"), back(500, scope="s2"))
    assert till.left == [1000, 1500]


def test_p12_parts_add_up_to_one_order() -> None:
    till = Till()
    assert till(bought(6900, part="1")) is Opens
    assert till(bought(2144, part="2")) is Amends
    assert till(bought(2144, part="2")) is Nothing
    assert (till.left, till.codes) == ([9044], ["order_counted_before"])
    till(bought(9999, part="2"), bought(9044))
    assert (till.left, till.codes[1:]) == ([9044], ["order_differs", "order_differs"])


def test_a_change_says_what_the_order_is_now_and_refunds_stay() -> None:
    till = Till()
    till(bought(1000), back(300))
    assert till(bought(800, whole=True)) is Amends
    assert till.left == [500]
    assert till(bought(800, whole=True)) is Nothing
    till(bought(1000))
    assert till.codes == ["order_counted_before"]


def test_a_change_told_first_is_the_order() -> None:
    till = Till()
    till(bought(800, whole=True), bought(1000))
    assert (till.left, till.codes) == ([800], ["order_differs"])


def test_p7_eight_refunds_at_once_leave_nothing_and_no_less() -> None:
    till = Till()
    till(bought(10_000), *(back(6_000, f"r{i}") for i in range(8)))
    assert (till.left, till.codes) == ([0], ["refund_exceeds_order"] * 7)


def test_a_refund_counts_once_and_in_its_currency() -> None:
    till = Till()
    till(bought(1000), back(300), back(300), back(300, "x", currency="USD"), back(0, "y"))
    assert till.left == [700]
    assert till.codes == ["refund_counted_before", "refund_in_another_currency"]


@pytest.mark.parametrize("scope", ["s1", "s9", ""])
def test_p8_a_refund_before_its_order_waits_wherever_it_is_paid(scope: str) -> None:
    till = Till()
    till(back(400, scope=scope), bought(1000))
    assert (till.left, till.codes) == ([600], ["refund_waits_for_order"])


def test_a_refund_that_names_its_store_takes_no_other_order() -> None:
    till = Till()
    till(bought(1000), back(400, scope="s2", sure=True))
    assert (till.left, till.codes) == ([1000], ["refund_waits_for_order"])
    till(bought(2000, scope="s2"))
    assert till.left == [1000, 1600]


def test_of_two_orders_with_one_number_a_refund_elsewhere_is_of_neither() -> None:
    till = Till()
    till(bought(1000), bought(2000, scope="s2"), back(400, scope="s3"))
    assert (till.left, till.codes) == ([1000, 2000], ["refund_waits_for_order"])


def test_a_reversed_refund_is_none_also_if_it_is_told_later() -> None:
    till = Till()
    till(bought(1000), back(400))
    assert till(undone()) is Amends
    assert till(undone(), back(400)) is Nothing
    assert till.left == [1000]
    till(undone("x"), back(400, "x"))
    assert till.left == [1000]
    assert till.codes == [
        "reversal_counted_before",
        "refund_counted_before",
        "reversal_before_refund",
        "refund_reversed_before",
    ]


def test_a_waiting_refund_can_be_reversed() -> None:
    till = Till()
    till(back(400), undone(), bought(1000))
    assert till.left == [1000]


def test_bought_again_after_it_came_back_in_full_it_is_open_again() -> None:
    till = Till()
    till(bought(1000), back(1000))
    assert till(bought(1000)) is Opens
    assert till.left == [0, 1000]
    till(back(1000), back(400, "again"))
    assert (till.left, till.codes) == ([0, 600], ["refund_counted_before"])


def test_p18_paid_with_nothing_it_is_no_order_and_says_so() -> None:
    till = Till()
    assert till(bought(0)) is Opens
    assert till.codes == ["nothing_paid"]
