"""The order index: a consumer of the log that puts right what was said of the wrong member.

It reads what ingest has let in, behind the requests, and adds facts where they are missing:

- an order that is reported for B after A was never A's: `order.moved` for both;
- a refund, reversal or change that names somebody else, or nobody, goes to the buyer, too, also
  when the purchase comes after it;
- a basket without a name belongs to who claims its receipt, as of its own time.

What it adds has an id that follows from what it came from: told twice, it counts once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar
from uuid import UUID

from services.ingest.domain.told import Basket, Word, data_of, read
from services.ingest.domain.whose import (
    Known,
    Receipt,
    Sale,
    Verdict,
    judge,
    names_of,
    order_name,
)
from services.ingest.handlers.added_facts import ORIGIN
from services.ingest.metrics import IngestMetrics
from services.ingest.store import orders
from services.ingest.store.orders import Note
from shared.clock import DAY, SECOND
from shared.db import Transaction
from shared.events import encode, topics, types
from shared.events.added import OrderMoved
from shared.runtime.batch import Arrived, Batch, WithoutTimers

CONSUMER: Final = "ingest-orders"
_CLOCKS_DIFFER: Final = DAY
"""What was said so long before an order was bought was said of an older one with its name."""

T = TypeVar("T", Sale, Receipt)


class OrderIndex(WithoutTimers):
    """What is done with a batch of `regulars.events`."""

    def __init__(
        self, metrics: IngestMetrics, *, stream: bool = False, topic: str = topics.EVENTS
    ) -> None:
        """Count there; under the stream clock, the present is what events say."""
        self._metrics = metrics
        self._stream = stream
        self._topic = topic

    async def handle(self, tx: Transaction, arrived: Sequence[Arrived], batch: Batch) -> None:
        """Enter what was said of orders, and emit what is missing."""
        told = read(
            ((each.event, each.record.value or b"") for each in arrived if each.event is not None),
            ORIGIN,
            batch.now,
        )
        if not told:
            return
        await tx.in_order()
        for sales in _rounds(told.sales, _order):
            await self._sold(tx, sales, batch)
        if told.words:
            await self._heard(tx, told.words, batch)
        if told.baskets:
            await orders.note(tx, [_note_of(each) for each in told.baskets], batch.now)
        for receipts in _rounds(told.receipts, _code):
            await self._shown(tx, receipts, batch)

    async def _sold(self, tx: Transaction, sales: Sequence[Sale], batch: Batch) -> None:
        """Take reports of who bought, one of each order at most."""
        new = await orders.add(tx, sales)
        again = {sale.name: sale for sale in sales if sale.name not in new}
        if not again:
            return
        known = await orders.lock(tx, again)
        verdicts = {name: judge(known[name], sale) for name, sale in again.items()}
        changed = {name: v.known for name, v in verdicts.items() if v.known != known[name]}
        if changed:
            await orders.change(tx, changed)
        theirs = {name: now for name, now in changed.items() if now.member != known[name].member}
        for name, verdict in verdicts.items():
            if verdict.kind in {"moved", "reused"} and verdict.known != known[name]:
                self._count(verdict.kind)
            if verdict.loser is not None:
                self._emit_moved(again[name], verdict, known[name], batch)
        await self._tell_buyers(tx, theirs, batch)

    async def _heard(self, tx: Transaction, words: Sequence[Word], batch: Batch) -> None:
        """Take refunds, reversals and changes, and tell the buyer where they name another."""
        unsure = [word for word in words if not word.sure]
        found = await orders.by_number(tx, [names_of(word.order_id) for word in unsure])
        numbered = dict(zip((word.key for word in unsure), found, strict=True))
        notes = [
            Note(
                name=_meant(word, numbered.get(word.key, {})),
                key=word.key,
                is_basket=False,
                member=word.member,
                at=word.at,
                event=word.event,
            )
            for word in words
        ]
        names = {note.name for note in notes}
        await orders.add(tx, [Sale(name, None, None, batch.now, batch.now) for name in names])
        known = await orders.lock(tx, names)
        await orders.note(tx, notes, batch.now)
        for note in notes:
            order = known[note.name]
            if order.member not in {None, note.member} and not order.reused:
                self._redirect(note, order.member, batch)

    async def _shown(self, tx: Transaction, codes: Sequence[Receipt], batch: Batch) -> None:
        """Take codes of receipts, from baskets and from those who claim them."""
        claims = {each.code: each.member for each in codes if each.member is not None}
        whole: dict[UUID, UUID] = {}
        for each in await orders.receipts(tx, codes, batch.now):
            if each.code in claims and claims[each.code] != each.member:
                self._count("claimed_before")
            elif each.order is not None and each.member is not None:
                whole[each.order] = each.member
        if not whole:
            return
        known = await orders.lock(tx, whole)
        theirs = {
            name: known[name]._replace(member=member)
            for name, member in whole.items()
            if known[name].member is None
        }
        for name, member in whole.items():
            if known[name].member not in {None, member}:
                self._count("claimed_before")
        if not theirs:
            return
        await orders.change(tx, theirs)
        await self._tell_buyers(tx, theirs, batch, baskets=True)

    async def _tell_buyers(
        self,
        tx: Transaction,
        bought: Mapping[UUID, Known],
        batch: Batch,
        *,
        baskets: bool = False,
    ) -> None:
        """Emit for new buyers what was said of their orders before, of others or nobody.

        `baskets`: also that they bought; else their own report says so.
        """
        if not bought:
            return
        for note in await orders.notes_of(tx, bought):
            order = bought[note.name]
            buyer = order.member
            if order.reused or buyer in {None, note.member} or note.at < order.at - _CLOCKS_DIFFER:
                continue
            if note.is_basket:
                if baskets:
                    self._count("claimed")
                    self._emit(note, buyer, f"claimed:{note.key.hex()}", batch)
            else:
                self._redirect(note, buyer, batch)

    def _redirect(self, note: Note, buyer: UUID | None, batch: Batch) -> None:
        self._count("redirected")
        self._emit(note, buyer, f"buyer:{note.key.hex()}:{buyer}", batch)

    def _emit(self, note: Note, buyer: UUID | None, event_id: str, batch: Batch) -> None:
        """Say of the buyer what stands in an event about somebody else."""
        event_type, data = data_of(note.event)
        subject = str(buyer)
        value = encode(
            type=event_type,
            source=ORIGIN,
            id=event_id,
            subject=subject,
            at=note.at,
            data=data,
            recorded_at=batch.now,
        )
        batch.emit_elsewhere(self._topic, subject, value)

    def _emit_moved(self, sale: Sale, verdict: Verdict, before: Known, batch: Batch) -> None:
        """Tell whoever is not the buyer, and the buyer, who may have been told otherwise before."""
        now = verdict.known
        loser, buyer = str(verdict.loser), str(now.member)
        bought = max(sale.at, before.at) + SECOND  # kept to the second
        at = (bought if self._stream else max(batch.now, bought)) + now.moves
        told = [loser] if now.member == before.member else [loser, buyer]
        for subject in told:
            value = encode(
                type=types.ORDER_MOVED,
                source=ORIGIN,
                id=f"moved:{sale.name}:{now.moves}:{subject}",
                subject=subject,
                at=at,
                data=OrderMoved(
                    order_id=sale.order_id,
                    store_id=sale.store_id or None,
                    from_=loser,
                    to=buyer,
                    cause=sale.event_id,
                ),
                recorded_at=batch.now,
            )
            batch.emit_elsewhere(self._topic, subject, value)

    def _count(self, what: str) -> None:
        self._metrics.orders.labels(what).inc()


def _note_of(basket: Basket) -> Note:
    sale = basket.sale
    return Note(sale.name, basket.key, is_basket=True, member=None, at=sale.at, event=basket.event)


def _meant(word: Word, numbered: Mapping[UUID, UUID | None]) -> UUID:
    """The order that is meant; `numbered` are those of its number, where its store is not sure.

    What is paid back in another store is the member's own order of that number, before it is
    somebody else's of the store.
    """
    exact = order_name(word.order_id, word.store_id)
    own = [name for name, buyer in numbered.items() if buyer is not None and buyer == word.member]
    if exact in own or len(own) > 1:
        return exact
    if own:
        return own[0]
    if not word.store_id and len(numbered) == 1:
        return next(iter(numbered))
    return exact


def _rounds(told: Sequence[T], name_of: Callable[[T], UUID]) -> Iterator[Sequence[T]]:
    """The same in their order, such that each name is in each round at most once."""
    left = told
    while left:
        first: dict[UUID, T] = {}
        others = [each for each in left if first.setdefault(name_of(each), each) is not each]
        yield list(first.values())
        left = others


def _order(sale: Sale) -> UUID:
    return sale.name


def _code(receipt: Receipt) -> UUID:
    return receipt.code
