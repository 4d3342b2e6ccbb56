"""Lots: what is left of each grant, and until when. Spending takes the soonest expiry first."""

from collections.abc import Iterable, Sequence
from datetime import date
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


class InsufficientPoints(ValueError):  # noqa: N818 - a word of the field, as the API says it
    """Fewer points are there than were asked for."""


def lots_of(moves: Iterable[Move]) -> dict[LotKey, Lot]:
    """The lots that a whole history of moves leaves, those used up included."""
    lots: dict[LotKey, Lot] = {}
    for move in moves:
        key = LotKey(move.lot, move.rule)
        lot = lots.get(key) or Lot(key, move.at, 0, 0, move.expires_on)
        lots[key] = lot._replace(
            granted=lot.granted + max(0, move.points), remaining=lot.remaining + move.points
        )
    return lots


def spend(lots: Iterable[Lot], points: int) -> list[tuple[Lot, int]]:
    """Choose the lots to spend from: soonest expiry first, then the oldest.

    Returns:
        Each lot used, with how many points of it; they sum to `points`.

    Raises:
        InsufficientPoints: the lots do not hold so many.
    """
    taken: list[tuple[Lot, int]] = []
    missing = points
    for lot in sorted((lot for lot in lots if lot.remaining > 0), key=_soonest):
        if not missing:
            break
        part = min(lot.remaining, missing)
        taken.append((lot, part))
        missing -= part
    if missing:
        raise InsufficientPoints(f"{missing} of {points} points are missing")
    return taken


def expiries(lots: Sequence[Lot]) -> list[tuple[date | None, int]]:
    """Points by their last day, soonest first, those without one at the end; they sum up."""
    by_day: dict[date | None, int] = {}
    for lot in lots:
        if lot.remaining:
            by_day[lot.expires_on] = by_day.get(lot.expires_on, 0) + lot.remaining
    return sorted(by_day.items(), key=lambda entry: (entry[0] is None, entry[0] or date.max))


def _soonest(lot: Lot) -> tuple[bool, date, Instant, LotKey]:
    return (lot.expires_on is None, lot.expires_on or date.max, lot.at, lot.key)
