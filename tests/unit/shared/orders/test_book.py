"""Who says what of which order, and what the order is then."""

from typing import Any

import pytest

from services.points.domain.wording import remark
from shared.orders import Book, Bought, Content, Moved, Order, OrderReport, PaidBack, Reversed
from shared.orders.book import Amends, Nothing, Opens


def bought(total: int = 1000, order: str = "o", **more: Any) -> Bought:
    told: dict[str, Any] = {"scope": "s1", "digest": str(total).encode(), "currency": "CNY"}
    return Bought(
        **{"id": "e", "fact": None, "order_id": order, "content": Content(total)} | told | more
    )


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
        self.figures: list[dict[str, Any]] = []

    def __call__(self, *reports: OrderReport) -> type:
        does: type = Nothing
        for report in reports:
            verdict = self.book.take(report, len(self.orders))
            does = type(verdict)
            if isinstance(verdict, Opens):
                self.orders[len(self.orders)] = verdict.order
            self.codes += [each.code for each in verdict.remarks]
            self.figures += [each.figures for each in verdict.remarks]
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
    assert till.figures == [{"order_id": "o", "total": 0}]
    # nothing was taken back: it is not opened again
    assert till(bought(500)) is Nothing
    assert till.codes == ["nothing_paid", "order_differs"]


def test_p18_the_least_that_can_be_paid_is_an_order_and_comes_back_in_full() -> None:
    till = Till()
    till(bought(1), back(1))
    assert till(bought(1)) is Opens
    assert (till.left, till.codes) == ([0, 1], [])


def test_an_order_of_which_anything_is_left_is_not_opened_again() -> None:
    till = Till()
    till(bought(1000), back(999))
    assert till(bought(1000)) is Nothing
    assert (till.left, till.codes) == ([1], ["order_counted_before"])


def test_a_change_does_not_open_an_order_again_that_came_back_in_full() -> None:
    till = Till()
    till(bought(1000), back(1000))
    assert till(bought(800, whole=True)) is Nothing
    assert till(bought(1500, whole=True)) is Amends
    assert (till.left, till.codes) == ([500], [])


def test_what_was_told_whole_gets_no_parts() -> None:
    till = Till()
    till(bought(1000, id="first"), bought(500, part="2"))
    till(bought(1000, order="p", part="1"), bought(1200, order="p", whole=True))
    till(bought(500, order="p", part="2"))
    assert (till.left, till.codes) == ([1000, 1200], ["order_differs"] * 2)


def test_it_is_said_who_counted_an_order_and_from_when_on_it_differs() -> None:
    till = Till()
    till(bought(600, id="one", part="1"), bought(400, id="two", part="2"))
    till(bought(400, part="2"), bought(7, part="2"), bought(600), bought(7))
    till(bought(900, id="whole", whole=True), bought(900, part="3"), bought(600, part="3"))
    till(bought(900, part="2"), bought(900, currency="USD"))
    counted = zip(till.codes, [each["counted_by"] for each in till.figures], strict=True)
    assert list(counted) == [
        ("order_counted_before", "two"),
        ("order_differs", "two"),
        ("order_counted_before", "one"),
        ("order_differs", "one"),
        ("order_counted_before", "whole"),
        ("order_counted_before", "whole"),
        ("order_differs", "two"),
        ("order_differs", "one"),
    ]


def test_what_says_nothing_of_its_parts_differs_from_nothing() -> None:
    till = Till()
    till(bought(1000, digest=b""), bought(2000))
    assert (till.left, till.codes) == ([1000], ["order_counted_before"])
    till(bought(1000, order="p"), bought(1000, order="p", digest=b""))
    assert till.codes[1:] == ["order_differs"]


def test_of_facts_of_old_no_currency_is_known_and_any_will_do() -> None:
    till = Till()
    till(bought(1000, currency=""), back(300), back(200, "r2", currency=""))
    till(bought(1000, order="p"), back(300, order="p", currency=""))
    assert (till.left, till.codes) == ([500, 700], [])


def test_a_refund_told_twice_before_its_order_counts_once() -> None:
    till = Till()
    till(back(400), back(400), bought(1000))
    assert till.left == [600]
    assert till.codes == ["refund_waits_for_order"] * 2 + ["refund_counted_before"]


def test_a_refund_at_another_store_is_of_the_only_order_so_called_as_it_is_now() -> None:
    till = Till()
    till(bought(1000), back(300, scope="s9"))
    assert till.left == [700]
    till(back(700, "all"), bought(2000), back(400, "more", scope="s9"))
    assert till.left == [0, 1600]
    till(back(1600, "rest"), bought(50), back(20, "r3", scope="s9"))
    assert (till.left, till.codes) == ([0, 0, 30], [])


def test_refunds_of_two_orders_with_one_number_may_have_one_number_too() -> None:
    till = Till()
    till(bought(1000), bought(2000, scope="s2"), back(100), back(200, scope="s2"))
    assert (till.left, till.codes) == ([900, 1800], [])
    till(undone(scope="s2", sure=True))
    assert (till.left, till.codes) == ([900, 2000], [])
    till(undone(scope="s3", sure=True))
    assert (till.left, till.codes) == ([900, 2000], ["reversal_before_refund"])


def test_waiting_refunds_are_reversed_one_by_one() -> None:
    till = Till()
    till(back(400), back(50, "other"), undone(), back(9, order="p"), bought(1000))
    assert till.left == [950]
    till(bought(1000, order="p"))
    assert till.left == [950, 991]


def test_of_the_refunds_that_wait_each_store_takes_its_own() -> None:
    till = Till()
    till(back(1, "a", scope="s2", sure=True), back(20, "b"), back(300, "c", scope="s3", sure=True))
    till(back(4000, "d", scope="s2", sure=True))
    till(bought(10_000), bought(10_000, scope="s2"), bought(10_000, scope="s3"))
    assert till.left == [9980, 5999, 9700]


def test_it_is_said_how_much_a_refund_is_too_much() -> None:
    till = Till()
    till(back(50, "early"), bought(1000), back(2000, "late"), back(1, "x", currency="USD"))
    refund = {"order_id": "o", "refund_id": "early"}
    assert till.figures == [
        refund | {"amount": 50},
        refund | {"refund_id": "late", "amount": 2000, "left": 950},
        refund | {"refund_id": "x", "paid": "CNY", "refunded": "USD"},
    ]


def test_a_refund_of_all_that_is_left_is_not_too_much() -> None:
    till = Till()
    till(bought(1000), back(1000))
    assert (till.left, till.codes) == ([0], [])


def test_a_refund_takes_the_lines_and_tenders_that_it_names() -> None:
    till = Till()
    content = Content(
        1000, (("t", "tea", 600), ("c", "cup", 400)), (("cash", 700), ("points", 300))
    )
    till(bought(content=content), back(400, lines=[("c", "", 400)], tenders=[("cash", 400)]))
    [order] = till.orders.values()
    assert order.left == Content(600, (("t", "tea", 600),), (("cash", 300), ("points", 300)))


def test_of_an_order_at_most_one_stands() -> None:
    till = Till()
    till(bought(1000), back(1000, "r1"), bought(1000), undone("r1"))
    assert till.left == [0, 1000]
    assert till.codes == ["bought_again_since"]
    till(back(1000, "r2"))
    assert till.left == [0, 0]


def test_told_again_as_paid_with_nothing_it_is_not_bought_again() -> None:
    till = Till()
    till(bought(1000), back(1000, "r1"), bought(0), undone("r1"))
    assert (till.left, till.codes) == ([1000], ["nothing_paid"])


def test_the_reversal_of_one_stores_refund_leaves_anothers_alone() -> None:
    till = Till()
    till(back(400, sure=True, scope="s2"), undone(sure=True, scope="s3"))
    till(bought(1000, scope="s2"))
    assert till.left == [600]
    later = Till()
    later(bought(1000, scope="s2"), undone(sure=True, scope="s3"))
    later(back(400, sure=True, scope="s2"))
    assert later.left == [600]


def test_a_reversal_that_names_no_store_undoes_what_it_can_only_mean() -> None:
    till = Till()
    till(back(400, sure=True, scope="s2"), undone(), bought(1000, scope="s2"))
    assert till.left == [1000]
