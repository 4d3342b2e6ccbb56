# ruff: noqa: RUF001 - Chinese is punctuated in Chinese
"""Every reason is a sentence in both languages, with the figures that decided."""

from typing import Any

import pytest

from services.points.domain.earning import compile_program
from services.points.domain.program import read_program
from services.points.domain.wording import Sentence, explain, remark
from tests.property.services.points.points_history import document

TEA = {"id": "tea", "source": "purchase", "points": 1, "per_amount": 100}
EARNING = compile_program(
    1,
    read_program(
        document(
            TEA | {"id": "cup"}, TEA | {"name": {"zh": "茶", "en": "Tea"}}, TEA | {"id": "mug"}
        )
    ),
)
LEFT: dict[str, Any] = {"left": 2520, "total": 3520, "had": 70, "has": 50}


def told(code: str, points: int, figures: dict[str, Any]) -> Sentence:
    return explain(code, "tea", points, figures, EARNING)


def test_so_much_each_time() -> None:
    assert told("earn", 5, {"each": 5}) == ("茶：每次 5 分，共 5 分", "Tea: 5 each time: 5 points")


def test_so_much_for_every_full_amount_times_a_factor_up_to_the_cap() -> None:
    figures = {
        "amount": 3520,
        "per_amount": 100,
        "each": 2,
        "factor": 1.5,
        "multipliers": ["gold", "may"],
        "uncapped": 105,
    }
    assert told("earn", 40, figures) == (
        (
            "茶：金额 3520，每满 100 得 2 分，乘以 1.5（gold, may），"
            "当日上限，由 105 减至 40，共 40 分"
        ),
        (
            "Tea: 2 for every full 100 of 3520, times 1.5 (gold, may),"
            " the day's cap leaves 40 of 105: 40 points"
        ),
    )


@pytest.mark.parametrize(
    ("figures", "zh", "en"),
    [
        (
            {"refunded": 1000, "order_id": "o"},
            "退款 1000，订单 o 剩余 2520（共 3520），应得由 70 分变为 50 分",
            "refund of 1000 leaves 2520 of 3520 of order o, which earns 50 in place of 70",
        ),
        (
            {"reversed": True, "refund_id": "r", "order_id": "o"},
            "退款 r 已撤销，订单 o 剩余 2520（共 3520），应得由 70 分变为 50 分",
            "refund r was undone, there are 2520 of 3520 of order o, which earns 50 in place of 70",
        ),
        (
            {"changed": True, "order_id": "o"},
            "订单变更，订单 o 剩余 2520（共 3520），应得由 70 分变为 50 分",
            (
                "the order was changed, there are 2520 of 3520 of order o, "
                "which earns 50 in place of 70"
            ),
        ),
        (
            {"part": "2", "order_id": "o", "of": "event e"},
            "订单新增部分 2，订单 o 剩余 2520（共 3520），event e 应得由 70 分变为 50 分",
            (
                "part 2 was added, there are 2520 of 3520 of order o, "
                "so that event e earns 50 in place of 70"
            ),
        ),
        (
            {"refunded": 1000},
            "退款 1000，订单  剩余 2520（共 3520），应得由 70 分变为 50 分",
            "refund of 1000 leaves 2520 of 3520 of order , which earns 50 in place of 70",
        ),
    ],
)
def test_an_order_that_became_another_one(figures: dict[str, Any], zh: str, en: str) -> None:
    assert told("clawback", -20, LEFT | figures) == (
        f"茶：{zh}，-20 分",
        f"Tea: {en}: -20 points",
    )


def test_points_given_and_taken_by_hand() -> None:
    figures = {"by": "li", "reason": "a cold meal"}
    assert told("adjust", 1, figures) == (
        "li 手工发放 1 分：a cold meal",
        "1 points given by li: a cold meal",
    )
    assert told("adjust", -30, figures) == (
        "li 手工扣除 30 分：a cold meal",
        "30 points taken by li: a cold meal",
    )


def test_somebody_who_was_referred_buys_and_gives_it_all_back() -> None:
    figures = {"newcomer": "m", "cause": "e", "each": 50}
    assert told("earn", 1, figures) == (
        "茶：推荐的会员 m 首次消费，+1 分",
        "Tea: m, who was referred, has become a buyer: +1 points",
    )
    assert told("clawback", -50, figures) == (
        "茶：推荐的会员 m 已全部退款，-50 分",
        "Tea: m, who was referred, has given back all that was bought: -50 points",
    )


def test_a_correction_names_the_event_that_came_late() -> None:
    # what the correction corrects is told along with it, and says nothing of its own
    figures = {"was": 10, "is": 20, "cause": "e", "because": {}, "had": 1, "newcomer": "m"}
    assert told("correction", 10, figures) == (
        "茶：因迟到的事件 e 重新计算，由 10 分更正为 20 分",
        "Tea: decided again because of event e: 20 points in place of 10",
    )


def test_a_rule_that_is_not_known_any_more_is_called_by_its_id() -> None:
    for earning in (None, EARNING):
        assert explain("earn", "gone", 5, {"each": 5}, earning).en == "gone: 5 each time: 5 points"


FIGURES = {
    "order_id": "o",
    "counted_by": "e",
    "total": 0,
    "amount": 400,
    "refund_id": "r",
    "paid": "CNY",
    "refunded": "USD",
    "left": 100,
}


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        (
            "order_counted_before",
            "订单 o 已由事件 e 计入，不重复积分",
            "order o was counted by event e, so it earns nothing again",
        ),
        (
            "order_differs",
            "订单 o 已由事件 e 计入，且内容不同：请核对",
            "order o was counted by event e, which says otherwise: please look",
        ),
        (
            "nothing_paid",
            "订单 o 实付 0，不计为订单",
            "nothing was paid for order o (0), so it is not counted as one",
        ),
        (
            "refund_waits_for_order",
            "订单 o 的购买尚未收到，退款 400 待其到达后处理",
            "the purchase of order o has not come yet; its refund of 400 waits for it",
        ),
        (
            "refund_counted_before",
            "订单 o 的退款 r 已处理",
            "refund r of order o was counted before",
        ),
        (
            "refund_reversed_before",
            "订单 o 的退款 r 已先被撤销",
            "refund r of order o was undone before it was told",
        ),
        (
            "reversal_counted_before",
            "订单 o 的退款 r 已撤销过",
            "refund r of order o was undone before",
        ),
        (
            "reversal_before_refund",
            "订单 o 的退款 r 尚未收到，其撤销已记下",
            "refund r of order o has not come; when it does, it will not count",
        ),
        (
            "refund_in_another_currency",
            "订单 o 以 CNY 支付，退款 r 为 USD，未处理",
            "order o was paid in CNY, refund r is in USD: not applied",
        ),
        (
            "refund_exceeds_order",
            "订单 o 仅剩 100，退款 400 按剩余处理",
            "of order o only 100 was left, so no more of the refund of 400 counts",
        ),
    ],
)
def test_why_a_report_moved_nothing_or_less(code: str, zh: str, en: str) -> None:
    assert remark(code, FIGURES) == (zh, en)
