"""Writing the books of a batch: COPY for what is only appended, UNNEST for the rest."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - made of 16 bytes in no time

from services.points.domain.ledger import Remark
from services.points.domain.posting import Posted, Slot, Transfer
from shared.clock import Instant
from shared.db import Transaction


class LotRow(NamedTuple):
    """A row of `lots`, without its member."""

    id: bytes
    event_at: Instant
    granted: int
    remaining: int
    expires_on: date | None


class AccountRow(NamedTuple):
    """What a member has."""

    member_id: UUID
    available: int
    lifetime: int


_TRANSFER_COLUMNS = (
    "partition",
    "member_id",
    "id",
    "event_at",
    "debit",
    "credit",
    "points",
    "code",
    "event_id",
    "event_key",
    "rule",
    "program_version",
    "explanation",
    "balance_after",
    "store_id",
    "funder",
    "order_id",
    "correction",
    "recorded_at",
)
_LOT_COLUMNS = ("partition", "member_id", "id", "event_at", "granted", "remaining", "expires_on")
_REMARK_COLUMNS = (
    "partition",
    "member_id",
    "event_id",
    "event_key",
    "event_at",
    "code",
    "figures",
)

_ACCOUNTS = """
INSERT INTO accounts AS a (partition, member_id, available, pending, held, lifetime, recorded_at)
SELECT u.partition, u.member_id, u.available, 0, 0, u.lifetime, u.recorded_at
  FROM unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
       AS u (partition, member_id, available, lifetime, recorded_at)
    ON CONFLICT (partition, member_id) DO UPDATE SET available = EXCLUDED.available,
       lifetime = EXCLUDED.lifetime, recorded_at = EXCLUDED.recorded_at
"""

_FLOWS = """
INSERT INTO flows AS f (partition, store_id, debit, credit, points)
SELECT u.partition, u.store_id, u.debit, u.credit, u.points
  FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::bigint[])
       AS u (partition, store_id, debit, credit, points)
    ON CONFLICT (partition, store_id, debit, credit) DO UPDATE SET
       points = f.points + EXCLUDED.points
"""

_POSTED = """
SELECT member_id, event_key, rule, event_at, store_id, event_id, funder, order_id,
       sum(CASE WHEN credit = 'available' THEN points ELSE -points END)::bigint AS points,
       count(*)::int AS transfers, max(program_version) AS program_version
  FROM transfers WHERE partition = $1 AND member_id = ANY($2::uuid[])
 GROUP BY member_id, event_key, rule, event_at, store_id, event_id, funder, order_id
"""

_LOTS = """
SELECT member_id, id, event_at, granted, remaining, expires_on
  FROM lots WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""

_PUT_LOTS = """
INSERT INTO lots (partition, member_id, id, event_at, granted, remaining, expires_on)
SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[],
                     $6::bigint[], $7::date[])
    ON CONFLICT (partition, member_id, id) DO UPDATE SET event_at = EXCLUDED.event_at,
       granted = EXCLUDED.granted, remaining = EXCLUDED.remaining, expires_on = EXCLUDED.expires_on
"""

_DROP_LOTS = """
DELETE FROM lots USING unnest($2::uuid[], $3::uuid[]) AS gone (member_id, id)
 WHERE lots.partition = $1 AND lots.member_id = gone.member_id AND lots.id = gone.id
"""

_DROP_REMARKS = "DELETE FROM remarks WHERE partition = $1 AND member_id = ANY($2::uuid[])"


def id_text(id_: bytes) -> str:
    """The text form of a transfer's id."""
    return str(DriverUUID(id_))


async def append_transfers(
    tx: Transaction,
    partition: int,
    posted: Iterable[tuple[UUID, Sequence[Transfer]]],
    recorded_at: Instant,
) -> None:
    """Append the transfers of some members."""
    records = [
        (partition, member, DriverUUID(transfer[0]), *transfer[1:-1], recorded_at)
        for member, transfers in posted
        for transfer in transfers
    ]
    if records:
        await tx.copy("transfers", _TRANSFER_COLUMNS, records)


async def append_lots(tx: Transaction, partition: int, rows: Sequence[tuple[UUID, LotRow]]) -> None:
    """Append the lots of new grants."""
    if rows:
        records = [(partition, member, DriverUUID(lot[0]), *lot[1:]) for member, lot in rows]
        await tx.copy("lots", _LOT_COLUMNS, records)


async def replace_lots(
    tx: Transaction, partition: int, wanted: Mapping[UUID, Mapping[bytes, LotRow]]
) -> None:
    """Make the lots of some members exactly these, touching only those that differ."""
    present: set[tuple[UUID, bytes]] = set()
    gone: list[tuple[UUID, bytes]] = []
    same: set[tuple[UUID, bytes]] = set()
    for member, id_, *rest in await tx.fetch(_LOTS, partition, list(wanted)):
        key = (member, id_.bytes)
        present.add(key)
        lot = wanted[member].get(id_.bytes)
        if lot is None:
            gone.append(key)
        elif lot[1:] == tuple(rest):
            same.add(key)
    changed = [
        (partition, member, DriverUUID(lot.id), *lot[1:])
        for member, lots in wanted.items()
        for lot in lots.values()
        if (member, lot.id) not in same
    ]
    if changed:
        await tx.execute(_PUT_LOTS, *map(list, zip(*changed, strict=True)))
    if gone:
        members, ids = zip(*gone, strict=True)
        await tx.execute(_DROP_LOTS, partition, list(members), [DriverUUID(id_) for id_ in ids])


async def posted_of(
    tx: Transaction, partition: int, members: Sequence[UUID]
) -> dict[UUID, dict[Slot, Posted]]:
    """What stands in the books of some members, by event, rule, time and store."""
    posted: dict[UUID, dict[Slot, Posted]] = {member: {} for member in members}
    for row in await tx.fetch(_POSTED, partition, members):
        slot = Slot(row["event_key"], row["rule"], row["event_at"], row["store_id"])
        posted[row["member_id"]][slot] = Posted(
            row["event_id"],
            row["points"],
            row["transfers"],
            row["program_version"],
            row["funder"],
            row["order_id"],
        )
    return posted


async def put_accounts(
    tx: Transaction, partition: int, rows: Sequence[AccountRow], recorded_at: Instant
) -> None:
    """Write what some members have."""
    if rows:
        lanes, recorded = [partition] * len(rows), [recorded_at] * len(rows)
        await tx.execute(_ACCOUNTS, lanes, *zip(*rows, strict=True), recorded)


async def add_flows(
    tx: Transaction, partition: int, flows: Mapping[tuple[str, str, str], int]
) -> None:
    """Add to the sums by store, debit and credit."""
    if flows:
        keys = sorted(flows)
        stores, debits, credits_ = zip(*keys, strict=True)
        points = [flows[key] for key in keys]
        await tx.execute(_FLOWS, [partition] * len(keys), stores, debits, credits_, points)


async def replace_remarks(
    tx: Transaction, partition: int, remarks: Mapping[UUID, Sequence[Remark]]
) -> None:
    """Make the remarks of some members exactly these."""
    if not remarks:
        return
    await tx.execute(_DROP_REMARKS, partition, list(remarks))
    records = [
        (partition, member, each.event_id, each.key, each.at, each.code, each.figures)
        for member, told in remarks.items()
        for each in told
    ]
    if records:
        await tx.copy("remarks", _REMARK_COLUMNS, records)
