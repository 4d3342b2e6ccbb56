"""Lanes that are up to date commit together and publish by themselves; what is true stays true."""

import random
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.clock import HOUR, ManualClock, parse_instant
from tests.integration.runtime.chain import PARTITIONS, Chain, purchase
from tests.integration.runtime.test_lanes import NewChain

pytestmark = pytest.mark.integration

START = parse_instant("2024-02-28T09:00:00Z")
MEMBERS = [UUID(int=number) for number in range(1, 30)]
STORY = [(random.Random(n).choice(MEMBERS), n, START + n * HOUR * 3) for n in range(1, 61)]


async def _singly(chain: Chain, story: list[tuple[UUID, int, int]]) -> None:
    """A few events at a time, so that lanes have little in hand."""
    for begin in range(0, len(story), 3):
        part = story[begin : begin + 3]
        await chain.publish([(chain.events, str(who), purchase(who, n, at)) for who, n, at in part])


async def _published(chain: Chain) -> list[bytes]:
    """What lies on the output topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=chain.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        places = [TopicPartition(chain.output, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        values: list[bytes] = []
        while [place for place in places if await consumer.position(place) < ends[place]]:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                values += [record.value for record in records if record.value is not None]
        return values
    finally:
        await consumer.stop()


async def test_live_or_in_batches_repeated_or_not_the_notes_are_the_same(
    new_chain: NewChain,
) -> None:
    clock = ManualClock(START + HOUR)  # nothing is due: every event goes the quick way
    chain = await new_chain(clock=clock)
    async with chain.running(relay=True):
        await _singly(chain, STORY)
        await _singly(chain, STORY[:9])  # known by heart
        await chain.handled(len(STORY) + 9)
        await chain.until("SELECT count(*)::int FROM outbox", 0)
    expected = await chain.notes()
    assert len(expected) == len(STORY)
    async with chain.running(relay=True):  # a process that remembers nobody
        await _singly(chain, STORY[-15:])
        late = [(MEMBERS[0], 999, START + HOUR)]
        await _singly(chain, late)
        await chain.handled(len(STORY) + 9 + 15 + 1)
        await chain.until("SELECT count(*)::int FROM outbox", 0)
    notes = await chain.notes()
    assert len(notes) == len(STORY) + 1
    assert len(await chain.fetch("SELECT FROM dead_letters")) == 0

    in_batches = await new_chain(clock=clock)
    async with in_batches.running():
        await in_batches.handled(len(STORY) + 9 + 15 + 1)
    assert await in_batches.notes() == notes
    # a note that was written anew because somebody came late is said again; nothing is missing
    said = set(await _published(chain))
    assert {f"{what} {at} {total}".encode() for _, what, at, total in notes} <= said
