"""What events say of orders, as the order index takes it."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.ingest.domain.whose import Receipt, Sale, code_name, order_name
from shared.clock import Instant
from shared.events import Event, types
from shared.orders import digest_of


class Word(NamedTuple):
    """What is said of an order besides who bought it: a refund, its reversal, a change.

    Attributes:
        order_id, store_id: as it is called; no store: none is told.
        sure: the store is said to be where it was bought.
        member: whom it is said of; None: nobody.
        at: when it happened.
        key: identity of the event.
        event: as it stands on the log.
    """

    order_id: str
    store_id: str
    sure: bool
    member: UUID | None
    at: Instant
    key: bytes
    event: bytes


class Basket(NamedTuple):
    """An order that nobody is known to have bought, with the code by which it can be claimed."""

    sale: Sale
    key: bytes
    event: bytes


class Told(NamedTuple):
    """All that some events say of orders."""

    sales: list[Sale]
    words: list[Word]
    baskets: list[Basket]
    receipts: list[Receipt]

    def __bool__(self) -> bool:
        """Whether they say anything."""
        return bool(self.sales or self.words or self.receipts)


def read(events: Iterable[tuple[Event, bytes]], own: str, now: Instant) -> Told:
    """Read events, each with its text; those of the source `own` are passed over."""
    told = Told([], [], [], [])
    for event, text in events:
        if event.source == own:
            continue
        if event.type == types.PURCHASE_COMPLETED:
            _bought(told, event, text, now)
        elif event.type == types.PURCHASE_CHANGED:
            data = event.data
            told.sales.append(_sale(event, None, now))
            told.words.append(_word(event, data.store_id or "", text, sure=True))
        elif event.type in (types.PURCHASE_REFUNDED, types.PURCHASE_REFUND_REVERSED):
            data = event.data
            if data.order_id is None:
                continue  # of an order that nobody can tell
            store = data.order_store_id or getattr(data, "store_id", None) or ""
            sure = data.order_store_id is not None
            told.words.append(_word(event, store, text, sure=sure))
        elif event.type == types.RECEIPT_CLAIMED:
            code = code_name(event.data.receipt_code)
            told.receipts.append(Receipt(code, None, UUID(event.subject)))
    return told


def data_of(event: bytes) -> tuple[str, msgspec.Raw]:
    """Type and data of an event, from its text."""
    stored = _stored.decode(event)
    return stored.type, stored.data


def _bought(told: Told, event: Event, text: bytes, now: Instant) -> None:
    sale = _sale(event, int.from_bytes(digest_of(event.data), "big", signed=True), now)
    told.sales.append(sale)
    code = event.data.receipt_code
    if sale.member is None and code is not None:
        told.baskets.append(Basket(sale, event.key, text))
        told.receipts.append(Receipt(code_name(code), sale.name, None))


def _sale(event: Event, digest: int | None, now: Instant) -> Sale:
    data = event.data
    store = data.store_id or ""
    return Sale(
        name=order_name(data.order_id, store),
        member=_member(event),
        digest=digest,
        at=event.at,
        recorded_at=event.recorded_at or now,
        order_id=data.order_id,
        store_id=store,
        event_id=event.id,
    )


def _word(event: Event, store_id: str, text: bytes, *, sure: bool) -> Word:
    order_id = event.data.order_id
    return Word(order_id, store_id, sure, _member(event), event.at, event.key, text)


def _member(event: Event) -> UUID | None:
    return UUID(event.subject) if event.subject else None


class _Stored(msgspec.Struct, frozen=True, gc=False):
    type: str
    data: msgspec.Raw


_stored = msgspec.json.Decoder(_Stored)
