"""A lane publishes by itself what it committed, and leaves to the relay what it cannot."""

from collections.abc import Sequence

import asyncpg
import pytest

from shared.db import Database
from shared.outbox import DirectOutbox, Outgoing

pytestmark = pytest.mark.integration


class Post:
    def __init__(self, *, arrives: bool) -> None:
        self._arrives = arrives

    async def confirmed(self, seconds: float) -> bool:
        assert seconds > 0
        return self._arrives


class Mailbox:
    """A Kafka that confirms everything, or nothing."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []
        self.arrives = True

    def post(self, messages: Sequence[Outgoing]) -> Post:
        self.posted += [message.value for message in messages]
        return Post(arrives=self.arrives)


def _message(text: str) -> Outgoing:
    return Outgoing("out", 0, b"key", text.encode())


async def batch(
    database: Database, outbox: DirectOutbox, at: int, *texts: str, few: bool = True
) -> None:
    """A batch of a lane, up to its commit and what follows."""
    await outbox.settle()
    async with database.write_set() as tx:
        plan = await outbox.append(tx, [_message(text) for text in texts], at, direct=few)
    outbox.committed(plan)


async def left(database: Database) -> list[tuple[object, ...]]:
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT lane, count FROM outbox ORDER BY id")
    return [tuple(row) for row in rows]


async def test_what_is_confirmed_is_deleted_with_the_next_batch(database: Database) -> None:
    mailbox = Mailbox()
    outbox = DirectOutbox("points-0", 0, mailbox)
    await batch(database, outbox, 1, "a", "b")
    assert await left(database) == [("points-0", 2)]
    assert outbox.dirty, "on its way"
    await outbox.settle()
    assert outbox.dirty, "confirmed, and not deleted yet"
    await batch(database, outbox, 2, "c")
    assert await left(database) == [("points-0", 1)]
    await batch(database, outbox, 3)
    assert await left(database) == []
    dirty: bool = outbox.dirty
    assert not dirty
    assert mailbox.posted == [b"a", b"b", b"c"]


async def test_what_is_not_confirmed_goes_to_the_relay_and_what_follows_stays_behind_it(
    database: Database,
) -> None:
    mailbox = Mailbox()
    outbox = DirectOutbox("points-0", 0, mailbox)
    mailbox.arrives = False
    await batch(database, outbox, 1, "a")
    mailbox.arrives = True
    await batch(database, outbox, 2, "b")
    assert await left(database) == [(None, 1), (None, 1)]
    assert mailbox.posted == [b"a"]
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM outbox")  # as the relay does once all is published
    await batch(database, outbox, 3, "c")
    assert await left(database) == [("points-0", 1)]
    assert mailbox.posted == [b"a", b"c"]


async def test_a_large_batch_is_left_to_the_relay_after_what_was_posted(
    database: Database,
) -> None:
    mailbox = Mailbox()
    outbox = DirectOutbox("points-0", 0, mailbox)
    await batch(database, outbox, 1, "a")
    await batch(database, outbox, 2, *"bcd", few=False)
    assert await left(database) == [(None, 3)]  # "a" is confirmed, and gone
    await batch(database, outbox, 3, "e")  # it may not overtake them
    assert await left(database) == [(None, 3), (None, 1)]
    assert mailbox.posted == [b"a"]


async def test_a_new_owner_leaves_to_the_relay_what_the_old_one_may_not_have_published(
    database: Database,
) -> None:
    await batch(database, DirectOutbox("points-0", 0, Mailbox()), 1, "a")
    await batch(database, DirectOutbox("points-1", 1, Mailbox()), 1, "other")
    heir = DirectOutbox("points-0", 0, Mailbox())
    async with database.transaction() as tx:
        await heir.take_over(tx)
    assert await left(database) == [(None, 1), ("points-1", 1)]


async def test_a_lane_that_comes_back_stays_behind_what_it_left_to_the_relay(
    database: Database,
) -> None:
    mailbox = Mailbox()
    outbox = DirectOutbox("points-0", 0, mailbox)
    await batch(database, outbox, 1, "a")
    async with database.transaction() as tx:
        await outbox.take_over(tx)
    assert not outbox.dirty
    await batch(database, outbox, 2, "b")
    assert await left(database) == [(None, 1), (None, 1)]
    assert mailbox.posted == [b"a"]


async def test_what_was_not_confirmed_before_it_came_back_condemns_nothing_after(
    database: Database,
) -> None:
    mailbox = Mailbox()
    outbox = DirectOutbox("points-0", 0, mailbox)
    mailbox.arrives = False
    await batch(database, outbox, 1, "a")
    await outbox.settle()
    async with database.transaction() as tx:
        await outbox.take_over(tx)
        await tx.execute("DELETE FROM outbox")  # as the relay does once all is published
    mailbox.arrives = True
    await batch(database, outbox, 2, "b")
    await batch(database, outbox, 3, "c")
    assert mailbox.posted == [b"a", b"b", b"c"]
    assert await left(database) == [("points-0", 1)]


async def test_only_rows_up_to_what_is_confirmed_are_deleted(database: Database) -> None:
    mailbox = Mailbox()
    first, other = DirectOutbox("points-0", 0, mailbox), DirectOutbox("points-1", 1, mailbox)
    await batch(database, other, 1, "other")
    await batch(database, first, 1, "a")
    await batch(database, first, 2, "b", "b")
    assert await left(database) == [("points-1", 1), ("points-0", 2)]


async def test_what_others_left_to_the_relay_does_not_stop_a_lane_that_publishes_by_itself(
    database: Database,
) -> None:
    mailbox = Mailbox()
    outbox = DirectOutbox("points-0", 0, mailbox)
    await batch(database, outbox, 1, "a")
    await batch(database, DirectOutbox("points-1", 1, None), 2, "other")
    await batch(database, outbox, 3, "b")
    assert mailbox.posted == [b"a", b"b"]
    assert await left(database) == [(None, 1), ("points-0", 1)]


async def _fails(database: Database, outbox: DirectOutbox) -> None:
    async with database.write_set() as tx:
        await outbox.append(tx, [_message("lost")], 2, direct=False)
        await tx.fetch("SELECT 1 / 0")


async def test_a_batch_that_is_rolled_back_changes_nothing(database: Database) -> None:
    mailbox = Mailbox()
    outbox = DirectOutbox("points-0", 0, mailbox)
    await batch(database, outbox, 1, "a")
    await outbox.settle()
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _fails(database, outbox)
    await batch(database, outbox, 3, "b")
    assert await left(database) == [("points-0", 1)]
    assert mailbox.posted == [b"a", b"b"]


async def test_without_a_way_of_its_own_a_lane_leaves_everything_to_the_relay(
    database: Database,
) -> None:
    outbox = DirectOutbox("points-0", 0, None)
    await batch(database, outbox, 1, "a")
    assert await left(database) == [(None, 1)]
