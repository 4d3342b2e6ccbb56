"""The whole way: events on Kafka → lanes → books, the same for every batch size."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

import pytest

from shared.clock import HOUR, MINUTE
from shared.events import types
from shared.kafka.producer import Outcome, Producer
from shared.runtime.batch import Input
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.group import LaneGroup
from shared.runtime.http.health import HealthBoard
from tests.conftest import KafkaServer, NewTopics
from tests.integration.services.log import messages
from tests.integration.services.points.conftest import NewLedger
from tests.integration.services.points.ledger import Ledger, about
from tests.property.services.points.points_history import (
    NOON,
    born,
    bought,
    did,
    promoted,
    refunded,
)

pytestmark = pytest.mark.integration

PARTITIONS = 2
MEMBERS = [UUID(int=number, version=4) for number in range(6)]
HISTORY = [
    born("b", 3, NOON + 2 * HOUR),
    bought("e1", "o1", 3520, NOON),
    bought("e1_again", "o1", 3520, NOON + MINUTE),
    bought("e2", "o2", 999, NOON + 3 * HOUR),
    refunded("r0", "o3", 300, NOON - HOUR),
    bought("e3", "o3", 1000, NOON + HOUR),
    refunded("r1", "o1", 1000, NOON + 4 * HOUR),
    did("c1", "check_in", NOON),
    did("c2", "check_in", NOON + HOUR),
    did("s", "share", NOON, likes=9),
    promoted("t", "gold", NOON + HOUR),
]
POINTS = 25 + 2 * 9 + 7 + 5 + 20


async def fold(ledger: Ledger, kafka: str, group: str, inputs: Sequence[str], size: int) -> None:
    """Run the consumer in batches of a size until it has read everything."""
    place = Workplace(
        database=ledger.database,
        clock=ledger.clock,
        metrics=ledger.metrics,
        health=HealthBoard(ledger.clock),
        partitions=PARTITIONS,
        batch_events=size,
        chance=Random(1),
    )
    spec = ConsumerSpec(
        name=group,
        inputs=tuple(Input(topic) for topic in inputs),
        handler=ledger.handler,
        source="urn:test",
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(40):
        tasks.create_task(LaneGroup(spec, kafka, place, instance=None).run(stop))
        while True:  # the database is the only one who knows
            if await handled(ledger) == 2 * len(HISTORY) * len(MEMBERS):
                break
            await asyncio.sleep(0.05)
        stop.set()


async def handled(ledger: Ledger) -> int:
    [(count,)] = await ledger.fetch("SELECT coalesce(sum(position), 0)::int FROM positions")
    return int(count)


async def books(ledger: Ledger) -> list[Any]:
    """What must not depend on how events came."""
    told: list[Any] = []
    for member in MEMBERS:
        told += [member, await ledger.net(member), await ledger.lots(member)]
        told += [await ledger.state(member)]
    return told


@pytest.mark.timeout(150)
async def test_batch_sizes_give_the_same_books(
    new_ledger: NewLedger, kafka_server: KafkaServer, new_topics: NewTopics, topic_prefix: str
) -> None:
    inputs = await new_topics("events", "segments", partitions=PARTITIONS)
    mixed = [event for member in MEMBERS for event in about(member, HISTORY)] * 2
    Random(7).shuffle(mixed)
    async with Producer(kafka_server.address, client_id="test") as producer:
        tiers = [event for event in mixed if event.type == types.TIER_CHANGED]
        facts = [event for event in mixed if event.type != types.TIER_CHANGED]
        sent = messages(inputs[0], PARTITIONS, facts) + messages(inputs[1], PARTITIONS, tiers)
        assert set(await producer.send_many(sent, 20)) == {Outcome.CONFIRMED}
    told = []
    for size in (1, 7, 1000):
        ledger = await new_ledger()
        await fold(ledger, kafka_server.address, f"{topic_prefix}{size}", inputs, size)
        await ledger.check()
        assert await ledger.fetch("SELECT DISTINCT available FROM accounts") == [(POINTS,)]
        assert await ledger.fetch("SELECT count(*) FROM dead_letters") == [(0,)]
        told.append(await books(ledger))
    assert told[0] == told[1] == told[2]
