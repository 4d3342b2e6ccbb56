"""A lane publishes from memory what it has just committed; its outbox rows are the safety net.

Waking the relay by way of the database costs more than everything else that a small batch does. So
a lane that is up to date publishes by itself: the rows that it writes carry its name, the relay
passes them over, and the lane deletes them in a later transaction, once Kafka has confirmed them.

Order is kept because there is only ever one who publishes a lane's rows: the lane, when each post
before is confirmed and the relay has nothing left of it; or the relay, to which the rows are handed
over when something was not confirmed, when a batch is large (the relay has a core of its own to
share), and when the lane passes to another process.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from shared.clock import Instant
from shared.db import Transaction
from shared.outbox.append import CHANNEL, Outgoing, append

_CONFIRM_SECONDS_MAX = 5.0

_HAND_OVER = f"""
WITH given AS (UPDATE outbox SET lane = NULL WHERE partition = $1 AND lane = $2)
SELECT pg_notify('{CHANNEL}', '')
"""  # noqa: S608 - a constant of this module
_WAITS = "SELECT EXISTS (SELECT FROM outbox WHERE partition = $1 AND lane IS NULL) AS waits"
_DELETE = """
DELETE FROM outbox o
 USING unnest($1::smallint[], $2::text[], $3::bigint[]) AS c (partition, lane, at)
 WHERE o.partition = ANY($1) AND o.partition = c.partition AND o.lane = c.lane
   AND o.created_at <= c.at
"""


class Post(Protocol):
    """Messages on their way: what is known of them."""

    async def confirmed(self, seconds: float) -> bool:
        """Wait at most so long; whether Kafka has confirmed all of them."""
        ...


class Poster(Protocol):
    """What posts messages to Kafka without waiting for it."""

    def post(self, messages: Sequence[Outgoing]) -> Post:
        """Send messages, in order per partition."""
        ...


class Plan(NamedTuple):
    """What a transaction has written, to be acted on once it is committed."""

    relayed: bool
    messages: Sequence[Outgoing]
    at: Instant


class DirectOutbox:
    """The outbox as one lane uses it: `settle`; in a transaction `append`; then `committed`."""

    def __init__(self, name: str, partition: int, poster: Poster | None) -> None:
        """Write rows under this name, and publish them through this poster, if there is one."""
        self._name = name
        self._partition = partition
        self._poster = poster
        self._relayed = True
        self._post: Post | None = None
        self._posted_at: Instant = 0
        self._confirmed_at: Instant | None = None
        self._failed = False

    async def take_over(self, tx: Transaction) -> None:
        """Leave to the relay what an earlier owner of the lane may not have published."""
        await tx.execute(_HAND_OVER, self._partition, self._name)
        self._relayed, self._failed = True, False
        self._post = self._confirmed_at = None

    async def settle(self) -> None:
        """Wait, for a bounded time, until what was posted last is confirmed."""
        if self._post is not None:
            if await self._post.confirmed(_CONFIRM_SECONDS_MAX):
                self._confirmed_at = self._posted_at
            else:
                self._failed = True
            self._post = None

    async def append(
        self, tx: Transaction, messages: Sequence[Outgoing], now: Instant, *, direct: bool
    ) -> Plan:
        """Write messages, in order, as the last statements of a transaction.

        Args:
            tx: the transaction.
            messages: what goes out.
            now: wall time.
            direct: whether this lane would publish them by itself, if it may.
        """
        relayed, direct = self._relayed, direct and self._poster is not None
        if self._confirmed_at is not None:
            await tx.execute(_DELETE, [self._partition], [self._name], [self._confirmed_at])
        if relayed and direct:
            relayed = (await tx.fetch(_WAITS, self._partition))[0]["waits"]
        elif not relayed and (self._failed or not direct):
            await tx.in_order()
            await tx.execute(_HAND_OVER, self._partition, self._name)
            relayed = True
        lane = None if relayed else self._name
        await append(tx, messages, now, partition=self._partition, lane=lane)
        return Plan(relayed, messages, now)

    def committed(self, plan: Plan) -> None:
        """What `append` wrote is in the database: publish it, unless the relay does."""
        self._relayed, self._confirmed_at, self._failed = plan.relayed, None, False
        if plan.messages and not plan.relayed and self._poster is not None:
            self._post, self._posted_at = self._poster.post(plan.messages), plan.at

    @property
    def dirty(self) -> bool:
        """Whether rows wait to be deleted; an empty `append` does it."""
        return self._post is not None or self._confirmed_at is not None
