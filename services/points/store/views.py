"""Reading the books for people: an account, its transfers, the trial balance."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from shared.clock import Instant
from shared.db import Transaction
from shared.kafka.partitioner import MemberKey


class Account(NamedTuple):
    """What a member has."""

    available: int
    pending: int
    held: int
    lifetime: int


class TransferRow(NamedTuple):
    """A row of `transfers`, without its member and the event's key."""

    id: UUID
    event_at: Instant
    recorded_at: Instant
    debit: str
    credit: str
    points: int
    code: str
    event_id: str
    rule: str
    program_version: int
    explanation: bytes
    balance_after: int
    store_id: str
    funder: str
    order_id: str | None
    correction: str | None


class RemarkRow(NamedTuple):
    """A row of `remarks`, without its member."""

    event_at: Instant
    event_key: bytes
    code: str
    event_id: str
    figures: bytes


class TotalRow(NamedTuple):
    """Debits and credits of an account; `store_id` None: of all stores."""

    account: str
    store_id: str | None
    debits: int
    credits: int


class MemberSums(NamedTuple):
    """What all members have together."""

    members: int
    available: int
    pending: int
    held: int
    lifetime: int


_ACCOUNT = """
SELECT coalesce(a.available, 0), coalesce(a.pending, 0), coalesce(a.held, 0),
       coalesce(a.lifetime, 0)
  FROM timelines t LEFT JOIN accounts a USING (partition, member_id)
 WHERE t.partition = $1 AND t.member_id = $2
"""

_EXPIRIES = """
SELECT expires_on, sum(remaining)::bigint FROM lots
 WHERE partition = $1 AND member_id = $2 AND remaining > 0
 GROUP BY expires_on ORDER BY expires_on NULLS LAST
"""

_TRANSFERS = f"""
SELECT {", ".join(TransferRow._fields)} FROM transfers
 WHERE partition = $1 AND member_id = $2 AND (event_at, id) < ($3, $4)
   AND ($5::text[] IS NULL OR store_id = ANY($5))
 ORDER BY event_at DESC, id DESC LIMIT $6
"""  # noqa: S608 - column names of this module

_BY_ID = f"""
SELECT {", ".join(TransferRow._fields)} FROM transfers
 WHERE partition = $1 AND member_id = $2 AND recorded_at = $3 ORDER BY event_at, id
"""  # noqa: S608 - column names of this module

_REMARKS = f"""
SELECT {", ".join(RemarkRow._fields)} FROM remarks
 WHERE partition = $1 AND member_id = $2 AND (event_at, event_key, code) < ($3, $4, $5)
 ORDER BY event_at DESC, event_key DESC, code DESC LIMIT $6
"""  # noqa: S608 - column names of this module

_TOTALS = """
SELECT account, CASE WHEN $2 THEN store_id END AS store_id,
       sum(debits)::bigint AS debits, sum(credits)::bigint AS credits
  FROM (SELECT partition, store_id, debit AS account, points AS debits, 0 AS credits FROM flows
         UNION ALL
        SELECT partition, store_id, credit, 0, points FROM flows) AS side
 WHERE $1::text[] IS NULL OR store_id = ANY($1)
 GROUP BY 1, 2 ORDER BY 2, 1
"""

_MEMBERS = """
SELECT count(*), coalesce(sum(available), 0)::bigint, coalesce(sum(pending), 0)::bigint,
       coalesce(sum(held), 0)::bigint, coalesce(sum(lifetime), 0)::bigint FROM accounts
"""


class TransferCursor(NamedTuple):
    """What transfers are sorted by."""

    event_at: Instant
    id: UUID


class RemarkCursor(NamedTuple):
    """What remarks are sorted by."""

    event_at: Instant
    event_key: bytes
    code: str


_AFTER_ALL = TransferCursor(2**63 - 1, UUID(int=2**128 - 1))
_AFTER_ALL_REMARKS = RemarkCursor(2**63 - 1, b"\xff" * 16, "~")


async def account(tx: Transaction, member: MemberKey) -> Account | None:
    """What a member has; zeros for one who never earned, None for one never heard of."""
    for row in await tx.fetch(_ACCOUNT, *member):
        return Account(*row)
    return None


async def expiries(tx: Transaction, member: MemberKey) -> list[tuple[date | None, int]]:
    """Points by their last day, soonest first."""
    return [(day, points) for day, points in await tx.fetch(_EXPIRIES, *member)]


async def transfers(
    tx: Transaction,
    member: MemberKey,
    *,
    limit: int,
    after: TransferCursor | None = None,
    stores: Sequence[str] | None = None,
) -> list[TransferRow]:
    """Some transfers of a member, newest first; `stores` None: of all stores."""
    at, id_ = after or _AFTER_ALL
    return [
        TransferRow(*row) for row in await tx.fetch(_TRANSFERS, *member, at, id_, stores, limit)
    ]


async def transfers_recorded(
    tx: Transaction, member: MemberKey, recorded_at: Instant
) -> list[TransferRow]:
    """The transfers that one batch posted for a member, oldest first."""
    return [TransferRow(*row) for row in await tx.fetch(_BY_ID, *member, recorded_at)]


async def remarks(
    tx: Transaction, member: MemberKey, *, limit: int, after: RemarkCursor | None = None
) -> list[RemarkRow]:
    """Why some events of a member moved nothing, newest first."""
    at, key, code = after or _AFTER_ALL_REMARKS
    return [RemarkRow(*row) for row in await tx.fetch(_REMARKS, *member, at, key, code, limit)]


async def totals(
    tx: Transaction, *, by_store: bool = False, stores: Sequence[str] | None = None
) -> list[TotalRow]:
    """Debits and credits by account, or by store and account."""
    return [TotalRow(*row) for row in await tx.fetch(_TOTALS, stores, by_store)]


async def member_sums(tx: Transaction) -> MemberSums:
    """The sums over all member accounts: the other side of what was issued."""
    return MemberSums(*(await tx.fetch(_MEMBERS))[0])
