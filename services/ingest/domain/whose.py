"""Whose an order is: pure decisions over what was told of it.

Who bought is who the newest report says. A report names the same order where number, store, content
and time agree; where the content differs, a till has used a number twice, and nothing is decided
over the heads of its customers.
"""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Literal, NamedTuple
from uuid import UUID

from shared.clock import HOUR, SECOND, Instant, from_datetime

SAME_WITHIN: Final = 12 * HOUR
"""Reports of one order tell times that lie no further apart; tills that begin anew do so daily."""

_HALF: Final = 8
_EPOCH: Final = from_datetime(datetime(2000, 1, 1, tzinfo=UTC))
_INT_MAX: Final = 2**31 - 1


def order_name(order_id: str, scope: str) -> UUID:
    """An order's name in the index: half of it is its number's, half its store's."""
    return UUID(bytes=_digest(order_id) + _digest(scope))


def names_of(order_id: str) -> tuple[UUID, UUID]:
    """The first and last name that an order of that number can have, in whichever store."""
    half = _digest(order_id)
    return UUID(bytes=half + bytes(_HALF)), UUID(bytes=half + b"\xff" * _HALF)


def code_name(receipt_code: str) -> UUID:
    """A receipt code as the index keeps it."""
    return UUID(bytes=blake2b(receipt_code.encode(), digest_size=2 * _HALF).digest())


def seconds(at: Instant) -> int:
    """An instant as the index keeps it: four bytes, seconds since 2000."""
    return max(-_INT_MAX, min(_INT_MAX, (at - _EPOCH) // SECOND))


def instant(kept: int) -> Instant:
    """The instant that was kept, to the second before it."""
    return _EPOCH + kept * SECOND


class Sale(NamedTuple):
    """A report of who bought.

    Attributes:
        name: of the order.
        member: who; None: nobody is known.
        digest: of the content; None: it says what the order is now, whatever it was.
        at, recorded_at: when it was bought, and when we were told.
        order_id, store_id: as it is called; the store is empty where it is the chain itself.
        event_id: of the report.
    """

    name: UUID
    member: UUID | None
    digest: int | None
    at: Instant
    recorded_at: Instant
    order_id: str = ""
    store_id: str = ""
    event_id: str = ""


class Receipt(NamedTuple):
    """A code on a receipt: of which order, and who claimed it, as far as either was told."""

    code: UUID
    order: UUID | None
    member: UUID | None


class Known(NamedTuple):
    """What the index knows of an order.

    `reused`: several orders have this name; `moves`: how often it went to somebody else.
    """

    member: UUID | None
    digest: int | None
    at: Instant
    recorded_at: Instant
    reused: bool
    moves: int = 0


class Verdict(NamedTuple):
    """What follows from a report.

    Attributes:
        kind: `same` (nothing), `owned` (the first to be named), `moved`, or `reused`.
        known: of the order from now on.
        loser: who bought it not after all, where it moved.
    """

    kind: Literal["same", "owned", "moved", "reused"]
    known: Known
    loser: UUID | None = None


def judge(known: Known, sale: Sale) -> Verdict:
    """Decide whose an order is that was told of before."""
    if sale.member is None or known.reused:
        first_told = known.member is None and known.digest is None
        return Verdict("same", _as_told(sale, known, known.moves) if first_told else known)
    if sale.member == known.member:
        told = max(known.recorded_at, sale.recorded_at)
        return Verdict("same", known._replace(recorded_at=told))
    if known.member is None:
        return Verdict("owned", _as_told(sale, known, known.moves))
    if not _is_same(known, sale):
        return Verdict("reused", known._replace(reused=True))
    if sale.recorded_at < known.recorded_at:
        return Verdict("moved", known._replace(moves=known.moves + 1), loser=sale.member)
    return Verdict("moved", _as_told(sale, known, known.moves + 1), loser=known.member)


def _as_told(sale: Sale, known: Known, moves: int) -> Known:
    digest = known.digest if sale.digest is None else sale.digest
    return Known(sale.member, digest, sale.at, sale.recorded_at, reused=False, moves=moves)


def _is_same(known: Known, sale: Sale) -> bool:
    if sale.digest is None:
        return True  # it says that it speaks of the order that there is
    if known.digest is not None and known.digest != sale.digest:
        return False
    return abs(known.at - sale.at) <= SAME_WITHIN


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_HALF).digest()
