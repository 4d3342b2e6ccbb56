"""A machine that writes down, line by line, what a fold asks of it."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from shared.clock import Instant
from shared.orders import Amendment, Bought, Content, Dated, Order, PaidBack, Report, Reversed
from shared.orders.book import Remark

MEMBER = UUID(int=7)


class Said(NamedTuple):
    """A fact.

    Attributes:
        name: of whatever it is.
        total: that it adds.
        report: what it says of an order.
        wakes: when the member is next woken, and how many times in all, each ten later.
        struck: whether it does not count.
    """

    name: str
    total: int = 0
    report: Report | None = None
    wakes: tuple[Instant, int] | None = None
    struck: bool = False


class Page(msgspec.Struct):
    """What is known: the sum of all that was bought, and when the member is woken."""

    member_id: str
    sum: int = 0
    wakes_at: Instant | None = None
    wakes_left: int = 0
    awaited: tuple[bytes, ...] = ()


class Diary:
    """Effects are lines of text: when, what, and what is known after it."""

    state_type = Page

    def initial(self, member_id: UUID) -> Page:
        return Page(str(member_id))

    def report(self, fact: Said) -> Report | None:
        return fact.report

    def as_it_stands(self, fact: Said, order: Order) -> Said:
        return fact._replace(total=order.left.total)

    def may_be_withdrawn(self, fact: Said) -> bool:
        return fact.report is None

    def standing(self, facts: Sequence[Dated[Said]]) -> Sequence[Dated[Said]]:
        return [each for each in facts if not each.fact.struck]

    def apply(self, state: Page, at: Instant, fact: Said, effects: list[str]) -> None:
        state.sum += fact.total
        if fact.wakes is not None:
            state.wakes_at, state.wakes_left = fact.wakes
        effects.append(f"{at} {fact.name} {fact.total}, {state.sum} in all")

    def remark(self, state: Page, at: Instant, remark: Remark, effects: list[str]) -> None:
        effects.append(f"{at} {remark.code} of {remark.fact}, {state.sum} in all")

    def settle(
        self,
        before: Page,
        now: Page,
        at: Instant,
        amendment: Amendment[Said, str],
        effects: list[str],
    ) -> None:
        assert amendment.order is not None, "nothing is taken back here"
        was, would = "; ".join(amendment.was), "; ".join(amendment.would)
        effects.append(
            f"{at} {amendment.fact.name}: {amendment.order.order_id} has "
            f"{amendment.order.left.total} left, {before.sum} becomes {now.sum}: "
            f"[{was}] becomes [{would}]"
        )

    def due(self, state: Page) -> Instant | None:
        return state.wakes_at

    def fire(self, state: Page, effects: list[str]) -> None:
        assert state.wakes_at is not None
        effects.append(f"{state.wakes_at} woken, {state.sum} in all")
        state.wakes_left -= 1
        state.wakes_at = state.wakes_at + 10 if state.wakes_left else None


def buys(
    order: str,
    total: int,
    *,
    part: str = "",
    whole: bool = False,
    wakes: tuple[Instant, int] | None = None,
) -> Said:
    """A purchase."""
    content = Content(total)
    report = Bought(
        f"e-{order}", f"e-{order}", order, "s", "CNY", content, str(total).encode(), part, whole
    )
    return Said(order, total, report, wakes)


def returns(order: str, amount: int, refund: str = "r") -> Said:
    """A refund."""
    paid = PaidBack(
        f"e-{refund}",
        f"e-{refund}",
        order,
        "s",
        sure=True,
        refund_id=refund,
        currency="CNY",
        amount=amount,
    )
    return Said(f"back-{refund}", 0, paid)


def undoes(order: str, refund: str = "r") -> Said:
    """The reversal of a refund."""
    report = Reversed(f"e-u-{refund}", f"e-u-{refund}", order, "s", sure=True, refund_id=refund)
    return Said(f"undo-{refund}", 0, report)
