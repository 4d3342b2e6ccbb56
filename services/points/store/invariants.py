"""What the books of a partition must agree with in themselves, asked in one statement each."""

from typing import Final, NamedTuple

from shared.db import Transaction

_FLOWS: Final = """
SELECT coalesce(f.store_id, t.store_id) AS store_id, coalesce(f.debit, t.debit) AS debit,
       coalesce(f.credit, t.credit) AS credit, t.points::bigint AS expected, f.points AS found
  FROM (SELECT store_id, debit, credit, points FROM flows WHERE partition = $1) f
  FULL JOIN (SELECT store_id, debit, credit, sum(points) AS points FROM transfers
              WHERE partition = $1 GROUP BY 1, 2, 3) t
       ON f.store_id = t.store_id AND f.debit = t.debit AND f.credit = t.credit
 WHERE f.points IS DISTINCT FROM t.points
 ORDER BY 1, 2, 3
"""

_BALANCE: Final = """
SELECT (SELECT coalesce(sum(available + pending + held), 0) FROM accounts
         WHERE partition = $1)::bigint AS members,
       (SELECT coalesce(sum(CASE WHEN credit = 'available' THEN points ELSE 0 END
                          - CASE WHEN debit = 'available' THEN points ELSE 0 END), 0)
          FROM flows WHERE partition = $1)::bigint AS stores
"""


class Flow(NamedTuple):
    """A sum by store, debit and credit that is not that of its transfers; None: there is no row."""

    store_id: str
    debit: str
    credit: str
    expected: int | None
    found: int | None


class Balance(NamedTuple):
    """Both sides of a partition's ledger: what members have, and what stores have given."""

    members: int
    stores: int


async def wrong_flows(tx: Transaction, partition: int) -> list[Flow]:
    """Which sums by store are not those of the transfers."""
    return [Flow(*row) for row in await tx.fetch(_FLOWS, partition)]


async def balance(tx: Transaction, partition: int) -> Balance:
    """The trial balance: both sides are equal."""
    return Balance(*(await tx.fetch(_BALANCE, partition))[0])
