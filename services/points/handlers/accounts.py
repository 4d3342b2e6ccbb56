"""Answers about accounts: what a member has, had at an instant, and why."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.points.domain.ledger import ADJUSTMENT, Effect, Move
from services.points.domain.lots import expiries, lots_of
from services.points.domain.machine import PointsMachine
from services.points.domain.versions import Versions
from services.points.domain.wording import Sentence, explain, remark
from services.points.store import views
from services.points.store.views import Account, RemarkRow, TransferRow
from shared.clock import Instant
from shared.db import Transaction
from shared.kafka.partitioner import MemberKey
from shared.orders import Dated, fold_history
from shared.timers import timelines
from shared.timers.timelines import StoredFact


class AccountView(NamedTuple):
    """What a member has, and until when."""

    account: Account
    expiries: list[tuple[date | None, int]]


class Explained(NamedTuple):
    """A transfer with its figures and the sentence made of them."""

    transfer: TransferRow
    figures: dict[str, Any]
    text: Sentence


async def account_now(tx: Transaction, member: MemberKey) -> AccountView | None:
    """What a member has, as the books stand."""
    account = await views.account(tx, member)
    if account is None:
        return None
    return AccountView(account, await views.expiries(tx, member))


async def account_at(
    tx: Transaction, machine: PointsMachine, member: MemberKey, at: Instant
) -> AccountView | None:
    """What a member had at an instant, as we know it today: their history folded up to there."""
    if await views.account(tx, member) is None:
        return None
    partition, member_id = member
    facts = (await timelines.history(tx, partition, [member_id]))[member_id]
    effects = _told(machine, member_id, facts, at)
    moves = [effect for effect in effects if isinstance(effect, Move)]
    available = sum(move.points for move in moves)
    earned = sum(move.points for move in moves if move.rule != ADJUSTMENT)
    lots = list(lots_of(moves).values())
    return AccountView(Account(available, 0, 0, earned), expiries(lots))


def explained(row: TransferRow, versions: Versions) -> Explained:
    """Say why a transfer was posted."""
    figures = msgspec.json.decode(row.explanation, type=dict[str, Any])
    signed = row.points if row.credit == "available" else -row.points
    earning = versions.numbered(row.program_version)
    return Explained(row, figures, explain(row.code, row.rule, signed, figures, earning))


def remarked(row: RemarkRow) -> tuple[dict[str, Any], Sentence]:
    """Say why an event moved nothing, or less."""
    figures = msgspec.json.decode(row.figures, type=dict[str, Any])
    return figures, remark(row.code, figures)


def _told(
    machine: PointsMachine, member: UUID, facts: Sequence[StoredFact], until: Instant
) -> list[Effect]:
    """All effects of a history up to an instant (included), with what was withdrawn left out."""
    decode = msgspec.msgpack.Decoder(machine.fact_type).decode
    told = [
        Dated(fact.order.at, fact.order.key, decode(fact.body))
        for fact in timelines.as_told(facts)
        if fact.order.at <= until
    ]
    return fold_history(machine, member, told, until).effects
