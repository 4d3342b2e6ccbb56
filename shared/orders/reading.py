"""What events say of orders, in the form in which it is folded."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from shared.events import facts
from shared.orders.content import Line, Tender

_DIGEST_BYTES: Final = 8
_encode: Final = msgspec.msgpack.Encoder().encode


def lines_of(lines: Iterable[facts.Line] | None) -> tuple[Line, ...]:
    """Lines by what they are and what was paid for them."""
    return tuple([(line.sku or "", line.category or "", line.amount) for line in lines or ()])


def tenders_of(tenders: Iterable[facts.Tender] | None) -> tuple[Tender, ...]:
    """Means of payment, and what was paid by them."""
    return tuple([(tender.kind, tender.amount) for tender in tenders or ()])


def returned_as(refund_id: str) -> str:
    """The order that a return without its receipt is; no till calls one so."""
    return f"(return) {refund_id}"


def back(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Lines of what comes back."""
    return tuple([(sku, category, -amount) for sku, category, amount in lines])


def digest_of_return(data: facts.PurchaseRefunded) -> bytes:
    """The same of what came back without its receipt."""
    return _digest(data.currency, -data.amount, data.lines, data.tenders)


def digest_of(data: facts.PurchaseChanged) -> bytes:
    """Eight bytes that are equal where what was bought and paid is.

    Names of articles and who sold them may differ from system to system.
    """
    return _digest(data.currency, data.total, data.lines, data.tenders)


def _digest(
    currency: str,
    total: int,
    lines: Iterable[facts.Line] | None,
    tenders: Iterable[facts.Tender] | None,
) -> bytes:
    said = (
        currency,
        total,
        [(line.sku, line.quantity, line.amount) for line in lines or ()],
        tenders_of(tenders),
    )
    return blake2b(_encode(said), digest_size=_DIGEST_BYTES).digest()
