"""Lots: what is left of each grant, and until when. Spending takes the soonest expiry first."""

from collections.abc import Iterable, Sequence
from datetime import date
from heapq import heappop, heappush
from typing import NamedTuple

from services.points.domain.ledger import Move
from shared.clock import Instant


class LotKey(NamedTuple):
    """A lot's name within its member: the identity of the event that earned it, and the rule."""

    event_key: bytes
    rule: str


class Lot(NamedTuple):
    """What is left of one grant.

    Attributes:
        at: when it was earned, as an instant.
        granted: points that came in.
        remaining: points still there; 0 <= remaining <= granted.
        expires_on: the last day on which they can be used; None: no last day.
    """

    key: LotKey
    at: Instant
    granted: int
    remaining: int
    expires_on: date | None


def lots_of(moves: Iterable[Move]) -> dict[LotKey, Lot]:
    """The lots that a whole history of moves leaves, those used up included.

    What a refund takes back comes from the lot of its order first. Whatever else is taken, and what
    that lot does not hold any more, is spent. What no lot holds is owed: the next points that come
    in pay for it. So the lots sum to the balance, or to nothing where the balance is below zero.
    """
    lots: dict[LotKey, Lot] = {}
    spendable: list[tuple[bool, date, Instant, LotKey]] = []
    owed = 0
    for move in moves:
        key = LotKey(move.lot, move.rule)
        lot = lots.get(key)
        if move.points > 0:
            lot = lot or Lot(key, move.at, 0, 0, move.expires_on)
            paid = min(owed, move.points)
            owed -= paid
            lots[key] = lot = lot._replace(
                granted=lot.granted + move.points, remaining=lot.remaining + move.points - paid
            )
            heappush(spendable, _soonest(lot))
            continue
        missing = -move.points
        if lot is not None:
            part = min(lot.remaining, missing)
            lots[key] = lot._replace(remaining=lot.remaining - part)
            missing -= part
        owed += _spend(lots, spendable, missing)
    return lots


def _spend(
    lots: dict[LotKey, Lot], spendable: list[tuple[bool, date, Instant, LotKey]], points: int
) -> int:
    """Spend from the lots, soonest expiry first; returns how many points are missing."""
    while points and spendable:
        lot = lots[spendable[0][-1]]
        part = min(lot.remaining, points)
        lots[lot.key] = lot._replace(remaining=lot.remaining - part)
        points -= part
        if part == lot.remaining:
            heappop(spendable)
    return points


def expiries(lots: Sequence[Lot]) -> list[tuple[date | None, int]]:
    """Points by their last day, soonest first, those without one at the end; they sum up."""
    by_day: dict[date | None, int] = {}
    for lot in lots:
        if lot.remaining:
            by_day[lot.expires_on] = by_day.get(lot.expires_on, 0) + lot.remaining
    return sorted(by_day.items(), key=lambda entry: (entry[0] is None, entry[0] or date.max))


def _soonest(lot: Lot) -> tuple[bool, date, Instant, LotKey]:
    return (lot.expires_on is None, lot.expires_on or date.max, lot.at, lot.key)
