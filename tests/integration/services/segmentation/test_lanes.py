"""The whole way: events on Kafka → lanes in stream time → tags and tiers, for any batch size."""

import asyncio
from random import Random

import pytest

from shared.clock import WallClock
from shared.kafka.producer import Outcome, Producer
from shared.observability.metrics import Metrics
from shared.runtime.batch import Input
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.group import LaneGroup
from shared.runtime.http.health import HealthBoard
from tests.conftest import KafkaServer, NewTopics
from tests.integration.services.log import messages
from tests.integration.services.segmentation.conftest import NewDesk
from tests.integration.services.segmentation.desk import Desk
from tests.integration.services.segmentation.test_effects import chain

pytestmark = pytest.mark.integration

PARTITIONS = 2

_BOOKS = {
    "tags": "SELECT member_id, tag, since FROM member_tags ORDER BY 1, 2",
    "tiers": "SELECT member_id, tier, since, until, grace_until FROM member_tiers ORDER BY 1",
    "history": "SELECT member_id, at, kind, added, removed, before, now, until FROM changes"
    " WHERE NOT superseded AND (cardinality(added || removed) > 0"
    " OR before IS DISTINCT FROM now) ORDER BY 1, 2, 3",
}


async def _tell(desk: Desk, kafka: str, group: str, topic: str, size: int, count: int) -> None:
    """Run the consumer until it has read so many events."""
    clock = WallClock()
    place = Workplace(
        database=desk.database,
        clock=clock,
        metrics=Metrics("segmentation"),
        health=HealthBoard(clock),
        partitions=PARTITIONS,
        batch_events=size,
        chance=Random(1),
    )
    spec = ConsumerSpec(
        name=group,
        inputs=(Input(topic),),
        handler=desk.handler,
        source="urn:test",
        output="segments",
        stream=True,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(80):
        tasks.create_task(LaneGroup(spec, kafka, place, instance=None).run(stop))
        while True:  # the database is the only one who knows
            [(handled,)] = await desk.fetch("SELECT coalesce(sum(position), 0)::int FROM positions")
            if handled >= count:
                break
            await asyncio.sleep(0.05)
        stop.set()


@pytest.mark.timeout(240)
async def test_batch_sizes_and_restarts_give_the_same(
    new_desk: NewDesk, kafka_server: KafkaServer, new_topics: NewTopics, topic_prefix: str
) -> None:
    [topic] = await new_topics("events", partitions=PARTITIONS)
    events = sorted(chain(9), key=lambda event: event.at)
    sent = messages(topic, PARTITIONS, events)
    told = []
    desks = [await new_desk() for _ in range(2)]
    async with Producer(kafka_server.address, client_id="test") as producer:
        half = len(sent) // 2
        assert set(await producer.send_many(sent[:half], 20)) == {Outcome.CONFIRMED}
        # the first desk stops half-way and goes on in another process
        await _tell(desks[0], kafka_server.address, f"{topic_prefix}a", topic, 3, half)
        assert set(await producer.send_many(sent[half:], 20)) == {Outcome.CONFIRMED}
    for desk, name, size in zip(desks, "ab", (3, 1000), strict=True):
        group = f"{topic_prefix}{name}"
        await _tell(desk, kafka_server.address, group, topic, size, len(sent))
        told.append({part: await desk.fetch(sql) for part, sql in _BOOKS.items()})
    assert told[0] == told[1]
    assert told[0]["history"]
