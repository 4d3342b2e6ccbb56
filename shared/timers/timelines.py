"""Loading, saving and claiming timelines, always in sets."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol, TypeVar
from uuid import UUID

from shared.clock import Instant
from shared.db import Transaction

ABOUT_BYTES: Final = 8


def about(order_id: str) -> bytes:
    """The name of an order in the facts: its id alone, for a refund may not know where it was."""
    return blake2b(order_id.encode(), digest_size=ABOUT_BYTES).digest()


class Order(NamedTuple):
    """Where something stands in a member's history: by time, rank, then the event's identity."""

    at: Instant
    rank: int
    key: bytes


class StoredTimeline(NamedTuple):
    """A row of `timelines`."""

    as_of: Order
    due_at: Instant | None
    state: bytes


class StoredFact(NamedTuple):
    """A row of `facts`, without its member; `about` names the order that it is about, if any."""

    order: Order
    supersedes: bytes | None
    about: bytes | None
    body: bytes


class Told(Protocol):
    """Whatever has a place in a history, and may withdraw something else from it."""

    @property
    def order(self) -> Order:
        """Where it stands."""
        ...

    @property
    def supersedes(self) -> bytes | None:
        """The identity of what it withdraws."""
        ...


T = TypeVar("T", bound=Told)


def as_told(facts: Iterable[T]) -> list[T]:
    """A history in its order, without what was withdrawn."""
    facts = list(facts)
    withdrawn = {fact.supersedes for fact in facts if fact.supersedes is not None}
    return sorted((fact for fact in facts if fact.order.key not in withdrawn), key=_order)


class Loaded(NamedTuple):
    """What a batch needs to know of its members.

    Attributes:
        timelines: of those who have one.
        known: of the batch's events, those that are folded already: (member, event key).
        orders: by member, the names of the orders that were told of, one behind the other: those
            that were asked for, or all.
    """

    timelines: dict[UUID, StoredTimeline]
    known: set[tuple[UUID, bytes]]
    orders: dict[UUID, bytes]

    def tell_of(self, member: UUID, about: bytes) -> bool:
        """Note that an order is told of; returns whether it was before."""
        names = self.orders.get(member, b"")
        i = names.find(about)
        while i >= 0 and i % ABOUT_BYTES:
            i = names.find(about, i + 1)
        if i < 0:
            self.orders[member] = names + about
        return i >= 0


_LOAD = """
SELECT member_id, NULL::bytea AS event_key, NULL::bytea AS about,
       as_at, as_rank, as_key, due_at, state
  FROM timelines WHERE partition = $1 AND member_id = ANY($2::uuid[])
UNION ALL
SELECT f.member_id, f.event_key, NULL, NULL, NULL, NULL, NULL, NULL
  FROM unnest($3::uuid[], $4::bytea[]) AS asked (member_id, event_key)
  JOIN facts f ON f.partition = $1 AND f.member_id = asked.member_id
   AND f.event_key = asked.event_key
"""

_ORDERS_ASKED = """
UNION ALL
SELECT DISTINCT f.member_id, NULL::bytea, f.about, NULL::bigint, NULL::smallint, NULL::bytea,
       NULL::bigint, NULL::bytea
  FROM unnest($5::uuid[], $6::bytea[]) AS asked (member_id, about)
  JOIN facts f ON f.partition = $1 AND f.member_id = asked.member_id AND f.about = asked.about
"""

_ORDERS_ALL = """
UNION ALL
SELECT DISTINCT member_id, NULL::bytea, about, NULL::bigint, NULL::smallint, NULL::bytea,
       NULL::bigint, NULL::bytea
  FROM facts WHERE partition = $1 AND member_id = ANY($2::uuid[]) AND about IS NOT NULL
"""

_HISTORY = """
SELECT member_id, event_key, at, rank, supersedes, about, body FROM facts
 WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""

_SAVE = """
INSERT INTO timelines AS t (partition, member_id, as_at, as_rank, as_key, due_at, state)
SELECT u.partition, u.member_id, u.as_at, u.as_rank, u.as_key, u.due_at, u.state
  FROM unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::smallint[], $5::bytea[], $6::bigint[],
              $7::bytea[])
       AS u (partition, member_id, as_at, as_rank, as_key, due_at, state)
    ON CONFLICT (partition, member_id) DO UPDATE SET as_at = EXCLUDED.as_at,
       as_rank = EXCLUDED.as_rank, as_key = EXCLUDED.as_key, due_at = EXCLUDED.due_at,
       state = EXCLUDED.state
"""

_DUE = """
SELECT member_id, due_at FROM timelines
 WHERE partition = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3
"""

_NEXT_DUE = (
    "SELECT min(due_at) AS due_at FROM timelines WHERE partition = $1 AND due_at IS NOT NULL"
)

_EMPTY = "UPDATE timelines SET state = '', due_at = 0 WHERE partition = $1 AND member_id = $2"

_PUT_DUE = "UPDATE timelines SET due_at = $3 WHERE partition = $1 AND member_id = $2"


async def load(
    tx: Transaction,
    partition: int,
    members: Sequence[UUID],
    events: Sequence[tuple[UUID, bytes]],
    orders: Sequence[tuple[UUID, bytes]] | None = (),
) -> Loaded:
    """Load what a batch needs, in one statement.

    Args:
        tx: the batch's transaction.
        partition: the lane's, and so that of the members.
        members: whose timelines to load.
        events: (member, event key) of the batch's events.
        orders: (member, about) of the orders that it speaks of; None: all that the members have.
    """
    args: list[object] = [partition, members, *_columns(events)]
    sql = _LOAD
    if orders is None:
        sql += _ORDERS_ALL
    elif orders:
        sql += _ORDERS_ASKED
        args += _columns(orders)
    loaded = Loaded({}, set(), {})
    for member_id, event_key, about, as_at, as_rank, as_key, due_at, state in await tx.fetch(
        sql, *args
    ):
        if event_key is not None:
            loaded.known.add((member_id, event_key))
        elif about is not None:
            loaded.orders[member_id] = loaded.orders.get(member_id, b"") + about
        else:
            order = Order(as_at, as_rank, as_key)
            loaded.timelines[member_id] = StoredTimeline(order, due_at, state)
    return loaded


async def history(
    tx: Transaction, partition: int, members: Sequence[UUID]
) -> dict[UUID, list[StoredFact]]:
    """Load all facts of some members of a partition, in no particular order."""
    facts: dict[UUID, list[StoredFact]] = {member: [] for member in members}
    rows = await tx.fetch(_HISTORY, partition, members)
    for member_id, event_key, at, rank, supersedes, about, body in rows:
        facts[member_id].append(StoredFact(Order(at, rank, event_key), supersedes, about, body))
    return facts


async def save(
    tx: Transaction, partition: int, rows: Sequence[tuple[UUID, StoredTimeline]]
) -> None:
    """Write timelines, new or known, in one statement."""
    await tx.execute(
        _SAVE,
        [partition] * len(rows),
        [member for member, _ in rows],
        [row.as_of.at for _, row in rows],
        [row.as_of.rank for _, row in rows],
        [row.as_of.key for _, row in rows],
        [row.due_at for _, row in rows],
        [row.state for _, row in rows],
    )


async def remember(
    tx: Transaction, partition: int, rows: Iterable[tuple[UUID, StoredFact]]
) -> None:
    """Append facts."""
    await tx.copy(
        "facts",
        ("partition", "member_id", "event_key", "at", "rank", "supersedes", "about", "body"),
        [
            (partition, member, order.key, order.at, order.rank, supersedes, about, body)
            for member, (order, supersedes, about, body) in rows
        ],
    )


async def due(
    tx: Transaction, partition: int, until: Instant, limit: int
) -> list[tuple[UUID, Instant]]:
    """The members of a partition whose next timer is due, soonest first.

    They are not locked: only the lane writes them, and its position is its lock.
    """
    return [
        (member_id, due_at) for member_id, due_at in await tx.fetch(_DUE, partition, until, limit)
    ]


async def next_due(tx: Transaction, partition: int) -> Instant | None:
    """When the next timer of a partition is due."""
    rows = await tx.fetch(_NEXT_DUE, partition)
    due_at: Instant | None = rows[0]["due_at"]
    return due_at


async def park(tx: Transaction, partition: int, member: UUID) -> None:
    """Take a member out of the due queue: its timer fails, and is a dead letter now."""
    await tx.execute(_PUT_DUE, partition, member, None)


async def unpark(tx: Transaction, partition: int, member: UUID, due_at: Instant) -> None:
    """Put a member back into the due queue."""
    await tx.execute(_PUT_DUE, partition, member, due_at)


async def empty(tx: Transaction, partition: int, member: UUID) -> None:
    """Have a member folded anew with the next event, or when the due queue comes to it."""
    await tx.execute(_EMPTY, partition, member)


def _order(fact: Told) -> Order:
    return fact.order


def _columns(pairs: Sequence[tuple[UUID, bytes]]) -> list[object]:
    return [[member for member, _ in pairs], [key for _, key in pairs]]
