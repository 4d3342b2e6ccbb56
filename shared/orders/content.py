"""What an order consists of, and what is left of it when something comes back.

Amounts are in minor units of the order's one currency. A refund takes from the lines and tenders
that it names; what it does not name is taken from what is left in proportion, to the unit: parts
always add up to the whole. Nothing falls below nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec

Line = tuple[str, str, int]
"""sku, category, amount; either name may be empty."""

Tender = tuple[str, int]
"""kind, amount"""


class Content(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was bought, or what is left of it.

    Attributes:
        total: what was paid, or is left.
        lines: sum to the total (`spread`), or there are none.
        tenders: need not sum to anything: some systems tell only some of them.
    """

    total: int
    lines: tuple[Line, ...] = ()
    tenders: tuple[Tender, ...] = ()


def spread(total: int, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Lines that sum to the total: a difference (a discount on the whole) is spread over them.

    Where there is nothing to spread it over, it is a line of its own without names.
    """
    stated = sum(amount for _, _, amount in lines)
    if stated == total or not lines:
        return tuple(lines)
    if stated <= 0:
        return (*lines, ("", "", total - stated))
    return _renamed(lines, in_proportion([amount for _, _, amount in lines], stated, total))


def without(
    left: Content, amount: int, lines: Sequence[Line] = (), tenders: Sequence[Tender] = ()
) -> Content:
    """What is left when so much comes back.

    Args:
        left: before.
        amount: what comes back in all; no more than is left is taken.
        lines: those that come back: by sku, or by category where no sku is named. Should they come
            to more than the amount (a fee is kept), the rest is a line without names.
        tenders: what it is paid back by.
    """
    total = max(0, left.total - amount)
    return Content(
        total,
        _lines_without(left, total, lines) if left.lines else (),
        _tenders_without(left, total, tenders) if left.tenders else (),
    )


def together(parts: Iterable[Content]) -> Content:
    """One order told in several parts."""
    told = list(parts)
    if len(told) == 1:
        return told[0]
    return Content(
        sum(part.total for part in told),
        tuple(line for part in told for line in part.lines),
        tuple(tender for part in told for tender in part.tenders),
    )


def in_proportion(amounts: Sequence[int], whole: int, target: int) -> list[int]:
    """Scale amounts by target / whole, to whole units; if they sum to `whole`, then to `target`.

    Args:
        amounts: signed.
        whole: greater than 0.
        target: what `whole` becomes.
    """
    scaled, through, before = [], 0, 0
    for amount in amounts:
        through += amount
        after = through * target // whole
        scaled.append(after - before)
        before = after
    return scaled


def _lines_without(left: Content, total: int, gone: Sequence[Line]) -> tuple[Line, ...]:
    kept = list(left.lines)
    for sku, category, amount in gone:
        back = amount
        for i, (its_sku, its_category, there) in enumerate(kept):
            if its_sku == sku if sku else (category and its_category == category):
                taken = min(there, back) if back > 0 else max(there, back)
                if taken * back > 0:
                    kept[i] = its_sku, its_category, there - taken
                    back -= taken
    there = sum(amount for _, _, amount in kept)
    if there > total:
        kept = list(_renamed(kept, in_proportion([line[2] for line in kept], there, total)))
    elif there < total:
        kept.append(("", "", total - there))
    return tuple([line for line in kept if line[2]])


def _tenders_without(left: Content, total: int, gone: Sequence[Tender]) -> tuple[Tender, ...]:
    kept, named = list(left.tenders), 0
    for kind, amount in gone:
        back = amount
        for i, (its_kind, there) in enumerate(kept):
            if its_kind == kind:
                taken = min(there, back)
                kept[i] = kind, there - taken
                back -= taken
                named += taken
    rest = left.total - named
    if rest > total:
        amounts = in_proportion([amount for _, amount in kept], rest, total)
        kept = [(kind, amount) for (kind, _), amount in zip(kept, amounts, strict=True)]
    return tuple([tender for tender in kept if tender[1]])


def _renamed(lines: Sequence[Line], amounts: Sequence[int]) -> tuple[Line, ...]:
    return tuple(
        [(sku, category, new) for (sku, category, _), new in zip(lines, amounts, strict=True)]
    )
