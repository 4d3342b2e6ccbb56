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


def digest_of(data: facts.PurchaseChanged) -> bytes:
    """Eight bytes that are equal where what was bought and paid is.

    Names of articles and who sold them may differ from system to system.
    """
    said = (
        data.currency,
        data.total,
        [(line.sku, line.quantity, line.amount) for line in data.lines or ()],
        tenders_of(data.tenders),
    )
    return blake2b(_encode(said), digest_size=_DIGEST_BYTES).digest()
