"""What a batch does to the books, in one transaction with its position.

`PointsEffectWriter.write` in its order:

1. what was posted before is loaded, for histories that were folded anew
2. moves become transfers: new ones as they are, folded-anew ones as the difference
3. transfers and new lots are appended; lots of folded-anew histories are made what they should be
4. member accounts and the stores' sums are brought up to date
5. `points.moved` goes out, one for each transfer, at the time of the transfer
6. whoever sent a newcomer is told what that gives
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.points.domain.ledger import Effect, Move, Remark, State
from services.points.domain.lots import lots_of
from services.points.domain.posting import Transfer, post_difference, post_new, transfer_id
from services.points.domain.program import PointsProgram
from services.points.domain.versions import Version, Versions
from services.points.handlers.awards import Awards
from services.points.metrics import LedgerFigures
from services.points.store import books
from services.points.store.books import AccountRow, LotRow
from shared.clock import Instant
from shared.db import Transaction
from shared.events import encode, topics, types
from shared.events.decisions import PointsMoved
from shared.runtime.batch import Batch
from shared.runtime.machine import Outcome
from shared.runtime.program import ProgramHistory

SOURCE: Final = "urn:regulars:points"

PointsOutcome = Outcome[State, Effect]
_Posting = tuple[UUID, list[Transfer]]


class PointsEffectWriter:
    """Writes effects: transfers, lots, accounts, sums by store, and `points.moved`."""

    def __init__(
        self,
        history: ProgramHistory[PointsProgram],
        versions: Versions,
        figures: LedgerFigures,
        *,
        rehearse: bool = False,
        topic: str = topics.POINTS,
        facts: str = topics.EVENTS,
    ) -> None:
        """Join the program's history with what the machine judges by.

        Args:
            history: of the program.
            versions: what the machine judges by.
            figures: where transfers are counted.
            rehearse: what is written is rolled back; the sums by store, which all members of a
                lane share, are left alone, so that no lane waits for it.
            topic: where `points.moved` goes.
            facts: where effects on other members go.
        """
        self._history = history
        self._versions = versions
        self._figures = figures
        self._rehearse = rehearse
        self._topic = topic
        self._awards = Awards(SOURCE, facts)

    async def prepare(self, tx: Transaction) -> None:
        """Bring the machine's versions of the program up to date."""
        if await self._history.refresh(tx):
            withdrawn = {each.version for each in self._history.withdrawn}
            self._versions.take((Version(*each) for each in self._history.versions), withdrawn)

    async def write(self, tx: Transaction, outcomes: Sequence[PointsOutcome], batch: Batch) -> None:
        """Write the batch's effects, in sets."""
        folded_on = [each for each in outcomes if each.effects and not each.rebuilt]
        folded_anew = [each for each in outcomes if each.rebuilt]
        posted: list[_Posting] = []
        lots: list[tuple[UUID, LotRow]] = []
        for each in folded_on:
            moves = moves_of(each.effects)
            before = each.state.available - sum(move.points for move in moves)
            transfers = post_new(each.member_id.bytes, moves, before)
            posted.append((each.member_id, transfers))
            # points that go spend lots, and for that a history is folded anew
            lots.extend((each.member_id, _lot(transfer)) for transfer in transfers)
        if folded_anew:
            posted += await self._folded_anew(tx, batch.partition, folded_anew)
        lane = batch.partition
        await books.append_transfers(tx, lane, posted, batch.now)
        await books.append_lots(tx, lane, lots)
        await books.put_accounts(tx, lane, _accounts((*folded_on, *folded_anew)), batch.now)
        if not self._rehearse:
            await books.add_flows(tx, lane, _flows(posted))
        _publish(posted, batch, self._topic)
        await self._awards.write(tx, outcomes, batch)
        self._figures.count(transfer for _, transfers in posted for transfer in transfers)

    async def _folded_anew(
        self, tx: Transaction, lane: int, outcomes: Sequence[PointsOutcome]
    ) -> list[_Posting]:
        """The differences to what was posted; lots and remarks are put right on the way."""
        await tx.in_order()
        members = [each.member_id for each in outcomes]
        before = await books.posted_of(tx, lane, members)
        posted = [
            (
                each.member_id,
                post_difference(
                    each.member_id.bytes, moves_of(each.effects), before[each.member_id], each.cause
                ),
            )
            for each in outcomes
        ]
        wanted = {
            each.member_id: lots_left(each.member_id.bytes, moves_of(each.effects))
            for each in outcomes
        }
        await books.replace_lots(tx, lane, wanted)
        await books.replace_remarks(
            tx,
            lane,
            {
                each.member_id: [effect for effect in each.effects if isinstance(effect, Remark)]
                for each in outcomes
            },
        )
        return posted


def moves_of(effects: Sequence[Effect]) -> list[Move]:
    """The moves among some effects."""
    return [effect for effect in effects if type(effect) is Move]


def _lot(transfer: Transfer) -> LotRow:
    """The lot of a new grant: named after the transfer, and whole."""
    return LotRow(
        transfer.id, transfer.event_at, transfer.points, transfer.points, transfer.expires_on
    )


def lots_left(member: bytes, moves: Sequence[Move]) -> dict[bytes, LotRow]:
    """The lots that a whole history leaves, by their names."""
    rows = {}
    for (event_key, rule), lot in lots_of(moves).items():
        id_ = transfer_id(member, event_key, rule)
        rows[id_] = LotRow(id_, lot.at, lot.granted, lot.remaining, lot.expires_on)
    return rows


def _accounts(outcomes: Sequence[PointsOutcome]) -> list[AccountRow]:
    return [
        AccountRow(each.member_id, each.state.available, each.state.lifetime) for each in outcomes
    ]


def _flows(posted: Sequence[_Posting]) -> dict[tuple[str, str, str], int]:
    """Points by store, debit and credit: both sides of the stores' accounts in one figure."""
    flows: dict[tuple[str, str, str], int] = {}
    for _, transfers in posted:
        for transfer in transfers:
            key = (transfer.store_id, transfer.debit, transfer.credit)
            flows[key] = flows.get(key, 0) + transfer.points
    return flows


def _publish(posted: Sequence[_Posting], batch: Batch, topic: str) -> None:
    for member, transfers in posted:
        subject = str(member)
        for transfer in transfers:
            batch.emit(topic, subject, _message(subject, transfer, batch.now))


def _message(subject: str, transfer: Transfer, recorded_at: Instant) -> bytes:
    id_ = books.id_text(transfer.id)
    return encode(
        type=types.POINTS_MOVED,
        source=SOURCE,
        id=id_,
        subject=subject,
        at=transfer.event_at,
        recorded_at=recorded_at,
        data=PointsMoved(
            transfer_id=id_,
            code=transfer.code,
            points=transfer.signed,
            balance=transfer.balance_after,
            rule=transfer.rule,
            program_version=transfer.program_version,
            cause=transfer.event_id,
            expires_on=transfer.expires_on,
            order_id=transfer.order_id,
            store_id=transfer.store_id or None,
            correction=transfer.correction,
        ),
    )
