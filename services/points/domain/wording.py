# ruff: noqa: RUF001 - Chinese is punctuated in Chinese
"""Why points came or went, as a sentence in both languages, from the figures that decided.

Amounts are minor units of the order's currency, as they are everywhere.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.points.domain.earning import Earning
from services.points.domain.posting import CORRECTION


class Sentence(NamedTuple):
    """The same in both languages."""

    zh: str
    en: str


def explain(
    code: str, rule: str, points: int, figures: Mapping[str, Any], earning: Earning | None
) -> Sentence:
    """Say why a transfer was posted.

    Args:
        code: of the transfer: earn, clawback, adjust or correction.
        rule: the rule's id.
        points: signed.
        figures: the explanation kept with the transfer.
        earning: the version of the program that decided, for the rule's name.
    """
    name = _name(rule, earning)
    if code == CORRECTION:
        return _correction(name, figures)
    if code == "adjust":
        return _adjusted(points, figures)
    if "newcomer" in figures:
        return _referred(name, points, figures)
    if "had" in figures:
        return _amended(name, points, figures)
    return _earned(name, points, figures)


def remark(code: str, figures: Mapping[str, Any]) -> Sentence:
    """Say why an event moved no points, or fewer than it asked for."""
    zh, en = _REMARKS[code]
    return Sentence(zh.format_map(figures), en.format_map(figures))


_REMARKS = {
    "order_counted_before": (
        "订单 {order_id} 已由事件 {counted_by} 计入，不重复积分",
        "order {order_id} was counted by event {counted_by}, so it earns nothing again",
    ),
    "order_differs": (
        "订单 {order_id} 已由事件 {counted_by} 计入，且内容不同：请核对",
        "order {order_id} was counted by event {counted_by}, which says otherwise: please look",
    ),
    "nothing_paid": (
        "订单 {order_id} 实付 {total}，不计为订单",
        "nothing was paid for order {order_id} ({total}), so it is not counted as one",
    ),
    "return_ignored": (
        "无小票退货 {amount}，按规则不扣积分",
        "{amount} came back without its receipt; the program takes no points for that",
    ),
    "refund_waits_for_order": (
        "订单 {order_id} 的购买尚未收到，退款 {amount} 待其到达后处理",
        "the purchase of order {order_id} has not come yet; its refund of {amount} waits for it",
    ),
    "refund_counted_before": (
        "订单 {order_id} 的退款 {refund_id} 已处理",
        "refund {refund_id} of order {order_id} was counted before",
    ),
    "refund_reversed_before": (
        "订单 {order_id} 的退款 {refund_id} 已先被撤销",
        "refund {refund_id} of order {order_id} was undone before it was told",
    ),
    "reversal_counted_before": (
        "订单 {order_id} 的退款 {refund_id} 已撤销过",
        "refund {refund_id} of order {order_id} was undone before",
    ),
    "bought_again_since": (
        "订单 {order_id} 此后已重新购买，退款 {refund_id} 不再撤销",
        "order {order_id} was bought again since, so its refund {refund_id} stays",
    ),
    "reversal_before_refund": (
        "订单 {order_id} 的退款 {refund_id} 尚未收到，其撤销已记下",
        "refund {refund_id} of order {order_id} has not come; when it does, it will not count",
    ),
    "refund_in_another_currency": (
        "订单 {order_id} 以 {paid} 支付，退款 {refund_id} 为 {refunded}，未处理",
        "order {order_id} was paid in {paid}, refund {refund_id} is in {refunded}: not applied",
    ),
    "refund_exceeds_order": (
        "订单 {order_id} 仅剩 {left}，退款 {amount} 按剩余处理",
        "of order {order_id} only {left} was left, so no more of the refund of {amount} counts",
    ),
    "withdrawal_waits": (
        "互动 {withdrawn} 尚未带来积分；若之后到达，也不计分",
        "interaction {withdrawn} has given nothing here, and will not, for it is withdrawn",
    ),
    "withdrawn_before": (
        "互动 {withdrawn} 已撤回过",
        "interaction {withdrawn} was withdrawn before",
    ),
    "withdrawn_early": (
        "互动 {withdrawn} 已先被撤回，不计分",
        "interaction {withdrawn} was withdrawn before it was told, so it gives nothing",
    ),
}


def _name(rule: str, earning: Earning | None) -> Sentence:
    for each in earning.program.rules if earning is not None else ():
        if each.id == rule:
            return Sentence(each.name.zh, each.name.en)
    return Sentence(rule, rule)


def _earned(name: Sentence, points: int, figures: Mapping[str, Any]) -> Sentence:
    zh, en = [], []
    if "amount" in figures:
        zh.append("金额 {amount}，每满 {per_amount} 得 {each} 分".format_map(figures))
        en.append("{each} for every full {per_amount} of {amount}".format_map(figures))
    elif "returned" in figures:
        told = {**figures, "amount": -figures["returned"]}
        zh.append("无小票退货 {amount}，每 {per_amount}（不足亦计）扣 {each} 分".format_map(told))
        words = "{amount} came back without its receipt, {each} for every {per_amount} begun"
        en.append(words.format_map(told))
    else:
        zh.append("每次 {each} 分".format_map(figures))
        en.append("{each} each time".format_map(figures))
    if "factor" in figures:
        because = ", ".join(figures["multipliers"])
        zh.append(f"乘以 {figures['factor']:g}（{because}）")
        en.append(f"times {figures['factor']:g} ({because})")
    if "uncapped" in figures:
        zh.append(f"当日上限，由 {figures['uncapped']} 减至 {points}")
        en.append(f"the day's cap leaves {points} of {figures['uncapped']}")
    return Sentence(
        f"{name.zh}：{'，'.join(zh)}，共 {points} 分",
        f"{name.en}: {', '.join(en)}: {points} points",
    )


def _amended(name: Sentence, points: int, figures: Mapping[str, Any]) -> Sentence:
    """The past is another one now, and what is amended, or another event, earns otherwise."""
    told = {"order_id": "", **figures}
    zh, en = _taken_back() if "withdrawn" in told else _of_order(told)
    if "of" in told:
        zh, en = zh + "{of} ", en.rpartition(", ")[0] + ", so that {of} earns "
    zh += "应得由 {had} 分变为 {has} 分"
    en += "{has} in place of {had}"
    return Sentence(
        f"{name.zh}：{zh.format_map(told)}，{points:+d} 分",
        f"{name.en}: {en.format_map(told)}: {points:+d} points",
    )


def _taken_back() -> Sentence:
    return Sentence(
        "互动 {withdrawn} 已撤回，", "interaction {withdrawn} was withdrawn, so that it earns "
    )


def _of_order(told: Mapping[str, Any]) -> Sentence:
    if "refunded" in told:
        zh, en = "退款 {refunded}，", "refund of {refunded} leaves "
    elif "reversed" in told:
        zh, en = "退款 {refund_id} 已撤销，", "refund {refund_id} was undone, there are "
    elif told.get("moved") == "away":
        zh, en = "订单属于其他会员，", "the order is another member's, here there are "
    elif "moved" in told:
        zh, en = "订单归还本会员，", "the order is this member's after all, there are "
    elif "changed" in told:
        zh, en = "订单变更，", "the order was changed, there are "
    else:
        zh, en = "订单新增部分 {part}，", "part {part} was added, there are "
    return Sentence(
        zh + "订单 {order_id} 剩余 {left}（共 {total}），",
        en + "{left} of {total} of order {order_id}, which earns ",
    )


def _adjusted(points: int, figures: Mapping[str, Any]) -> Sentence:
    told = {"points": abs(points), **figures}
    if points > 0:
        zh, en = "{by} 手工发放 {points} 分：{reason}", "{points} points given by {by}: {reason}"
    else:
        zh, en = "{by} 手工扣除 {points} 分：{reason}", "{points} points taken by {by}: {reason}"
    return Sentence(zh.format_map(told), en.format_map(told))


def _referred(name: Sentence, points: int, figures: Mapping[str, Any]) -> Sentence:
    if points > 0:
        zh = "推荐的会员 {newcomer} 首次消费"
        en = "{newcomer}, who was referred, has become a buyer"
    else:
        zh = "推荐的会员 {newcomer} 已全部退款"
        en = "{newcomer}, who was referred, has given back all that was bought"
    return Sentence(
        f"{name.zh}：{zh.format_map(figures)}，{points:+d} 分",
        f"{name.en}: {en.format_map(figures)}: {points:+d} points",
    )


def _correction(name: Sentence, figures: Mapping[str, Any]) -> Sentence:
    zh = "因迟到的事件 {cause} 重新计算，由 {was} 分更正为 {is} 分"
    en = "decided again because of event {cause}: {is} points in place of {was}"
    return Sentence(f"{name.zh}：{zh.format_map(figures)}", f"{name.en}: {en.format_map(figures)}")
