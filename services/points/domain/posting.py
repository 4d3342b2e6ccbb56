"""From moves to transfers: double entry, append-only.

New moves are posted as they are. A history that was folded anew is compared with what was posted
for
it, event by event and rule by rule, and only the difference is posted: a correction that names its
cause. Nothing posted is ever changed.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from services.points.domain.ledger import ADJUSTMENT, Move
from shared.clock import Instant

ISSUED: Final = "issued"
AVAILABLE: Final = "available"
ADJUSTED: Final = "adjusted"
CORRECTION: Final = "correction"

_ID_BYTES: Final = 16
_json: Final = msgspec.json.Encoder()


class Transfer(NamedTuple):
    """Points from one account to another. `points` is positive; debit and credit say which way.

    `issued` and `adjusted` (by hand) are accounts of the chain, kept by store; `available` is the
    member's. The fields up to `correction` are the columns of the books; `expires_on` is kept by
    the lot.
    """

    id: bytes
    event_at: Instant
    debit: str
    credit: str
    points: int
    code: str
    event_id: str
    event_key: bytes
    rule: str
    program_version: int
    explanation: bytes
    balance_after: int
    store_id: str
    funder: str
    order_id: str | None
    correction: str | None
    expires_on: date | None

    @property
    def signed(self) -> int:
        """The points as the member sees them: in is positive, out is negative."""
        return self.points if self.credit == AVAILABLE else -self.points


class Slot(NamedTuple):
    """What one event moved by one rule, at which time and store: the grain of comparison."""

    event_key: bytes
    rule: str
    at: Instant
    store_id: str


class Posted(NamedTuple):
    """What stands in the books for a slot: the net of so many transfers."""

    event_id: str
    points: int
    transfers: int
    program_version: int
    funder: str
    order_id: str | None


def transfer_id(member: bytes, event_key: bytes, rule: str, generation: int = 0) -> bytes:
    """Sixteen bytes that name a transfer, always the same for the same cause.

    Generation 0 is the first posting of an event by a rule, and names its lot; corrections follow.
    """
    name = member + event_key + f"{generation}:{rule}".encode()
    return blake2b(name, digest_size=_ID_BYTES).digest()


def post_new(member: bytes, moves: Iterable[Move], balance_before: int) -> list[Transfer]:
    """Post moves of which nothing is in the books yet."""
    transfers = []
    balance = balance_before
    for move in moves:
        balance += move.points
        transfers.append(_transfer(member, move, balance))
    return transfers


def post_difference(
    member: bytes, moves: Iterable[Move], posted: Mapping[Slot, Posted], cause: str
) -> list[Transfer]:
    """Post what is missing between the books and a history folded anew.

    Args:
        member: the member's id, 16 bytes.
        moves: all moves of the history.
        posted: all that is in the books for the member.
        cause: id of the event that made it necessary to fold the history anew.
    """
    balance = sum(entry.points for entry in posted.values())
    generations: dict[tuple[bytes, str], int] = {}
    for slot, known in posted.items():
        name = (slot.event_key, slot.rule)
        generations[name] = generations.get(name, 0) + known.transfers
    wanted = {Slot(move.key, move.rule, move.at, move.store_id): move for move in moves}
    transfers = []
    for slot in sorted(wanted.keys() | posted.keys(), key=lambda slot: (slot.at, slot)):
        move, entry = wanted.get(slot), posted.get(slot)
        correcting = _correcting(slot, move, entry, cause)
        if correcting is None:
            continue
        generation = generations.get((slot.event_key, slot.rule), 0)
        generations[slot.event_key, slot.rule] = generation + 1
        balance += correcting.points
        correction = cause if entry is not None else None
        transfers.append(_transfer(member, correcting, balance, generation, correction))
    return transfers


def _correcting(slot: Slot, move: Move | None, entry: Posted | None, cause: str) -> Move | None:
    """The move that closes the gap between wanted and posted; None: there is none."""
    if entry is None:
        return move
    was, now = entry.points, 0 if move is None else move.points
    if was == now:
        return None
    figures: dict[str, Any] = {"was": was, "is": now, "cause": cause}
    if move is not None:
        figures["because"] = msgspec.Raw(move.figures)  # JSON within JSON
    return Move(
        event_id=entry.event_id,
        key=slot.event_key,
        at=slot.at,
        code=CORRECTION,
        rule=slot.rule,
        version=entry.program_version if move is None else move.version,
        points=now - was,
        lot=slot.event_key if move is None else move.lot,
        store_id=slot.store_id,
        funder=entry.funder,
        order_id=entry.order_id,
        expires_on=None if move is None else move.expires_on,
        figures=_json.encode(figures),
    )


def _transfer(
    member: bytes, move: Move, balance: int, generation: int = 0, correction: str | None = None
) -> Transfer:
    comes_in = move.points > 0
    ours = ADJUSTED if move.rule == ADJUSTMENT else ISSUED
    return Transfer(
        transfer_id(member, move.key, move.rule, generation),
        move.at,
        ours if comes_in else AVAILABLE,
        AVAILABLE if comes_in else ours,
        move.points if comes_in else -move.points,
        move.code,
        move.event_id,
        move.key,
        move.rule,
        move.version,
        move.figures,
        balance,
        move.store_id,
        move.funder,
        move.order_id,
        correction,
        move.expires_on,
    )
