"""The producer on a real broker."""

import asyncio
import json
import random

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.kafka.producer import Limits, Message, Outcome, Producer
from tests.conftest import KafkaServer, NewTopics

pytestmark = pytest.mark.integration


async def values(server: KafkaServer, topic: str, partition: int) -> list[bytes]:
    """What stands on a partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=server.address, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        where = TopicPartition(topic, partition)
        consumer.assign([where])
        end = (await consumer.end_offsets([where]))[where]
        found: list[bytes] = []
        while await consumer.position(where) < end:
            batch = await consumer.getmany(where, timeout_ms=1_000)
            found += [record.value for record in batch.get(where, [])]
        return found
    finally:
        await consumer.stop()


async def test_many_at_once_stand_in_order_on_their_partitions(
    kafka_server: KafkaServer, new_topics: NewTopics
) -> None:
    [topic] = await new_topics("t", partitions=3)
    async with Producer(kafka_server.address, client_id="test") as producer:
        assert await producer.partitions(topic, 30) == 3

        async def send(who: int) -> None:
            for number in range(5):
                messages = [
                    Message(topic, index % 3, b"k", b"%d.%d.%d" % (who, number, index))
                    for index in range(30)
                ]
                outcomes = await producer.send_many(messages, 30)
                assert outcomes == [Outcome.CONFIRMED] * 30

        async with asyncio.TaskGroup() as tasks:
            for who in range(8):
                tasks.create_task(send(who))
        headers = [("h", b"v")]
        alone = await producer.send(Message(topic, 0, None, b"alone", headers), 30)
        assert alone is Outcome.CONFIRMED
        assert await producer.send_batch(topic, 1, [(b"k", b"v", ())], 30) == [Outcome.CONFIRMED]
    for partition in range(3):
        found = await values(kafka_server, topic, partition)
        mine = [[v for v in found if v.startswith(b"%d." % who)] for who in range(8)]
        for who, told in enumerate(mine):
            assert told == [
                b"%d.%d.%d" % (who, number, index)
                for number in range(5)
                for index in range(partition, 30, 3)
            ]


async def test_too_large_is_told_by_size_and_harms_nobody(
    kafka_server: KafkaServer, new_topics: NewTopics
) -> None:
    [topic] = await new_topics("t", partitions=1)
    limits = Limits(message_bytes_max=1_000)
    async with Producer(kafka_server.address, client_id="test", limits=limits) as producer:
        small, large = Message(topic, 0, b"k", b"s"), Message(topic, 0, b"k", b"l" * 1_001)
        outcomes = await producer.send_many([small, large, small], 30)
        assert outcomes == [Outcome.CONFIRMED, Outcome.TOO_LARGE, Outcome.CONFIRMED]
        assert await producer.send(large, 30) is Outcome.TOO_LARGE
    assert await values(kafka_server, topic, 0) == [b"s", b"s"]


@pytest.mark.durable
async def test_after_a_batch_that_the_broker_refuses_sending_goes_on(
    kafka_server: KafkaServer, new_topics: NewTopics
) -> None:
    """A message too large for the topic makes every later one of that client fail: replace it."""
    [topic] = await new_topics("t", partitions=1)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.address)
    await admin.start()
    change = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "2000"})
    await admin.alter_configs([change])
    await admin.close()
    async with Producer(kafka_server.address, client_id="test") as producer:
        assert await producer.send(Message(topic, 0, b"k", b"before"), 30) is Outcome.CONFIRMED
        large = Message(topic, 0, b"k", random.Random(1).randbytes(5_000))
        async with asyncio.timeout(30):
            while True:  # the broker takes a moment to learn of the new limit
                if await producer.send(large, 30) is Outcome.UNCONFIRMED:
                    break
        repeated = Message(topic, 0, b"k", b"x" * 5_000)  # it is the compressed size that counts
        assert await producer.send(repeated, 30) is Outcome.CONFIRMED
        for number in range(3):
            outcome = await producer.send(Message(topic, 0, b"k", b"%d" % number), 30)
            assert outcome is Outcome.CONFIRMED
    assert (await values(kafka_server, topic, 0))[-3:] == [b"0", b"1", b"2"]


async def test_a_topic_or_partition_that_is_not_there_is_not_waited_for_for_ever(
    kafka_server: KafkaServer, new_topics: NewTopics, topic_prefix: str
) -> None:
    [topic] = await new_topics("t", partitions=1)
    limits = Limits(request_timeout_seconds=2, close_seconds=1)
    async with Producer(kafka_server.address, client_id="test", limits=limits) as producer:
        assert await producer.send(Message(topic, 0, b"k", b"v"), 30) is Outcome.CONFIRMED
        assert await producer.send(Message(topic, 7, b"k", b"v"), 30) is Outcome.UNCONFIRMED
        nowhere = Message(topic_prefix + "nowhere", 0, b"k", b"v")
        assert await producer.send(nowhere, 0.3) is Outcome.UNCONFIRMED
        with pytest.raises(TimeoutError):
            await producer.partitions(topic_prefix + "nowhere", 0.3)
        assert await producer.send(Message(topic, 0, b"k", b"w"), 30) is Outcome.CONFIRMED
    assert await values(kafka_server, topic, 0) == [b"v", b"w"]


async def test_a_closed_producer_refuses(kafka_server: KafkaServer, new_topics: NewTopics) -> None:
    [topic] = await new_topics("t", partitions=1)
    message = Message(topic, 0, b"k", json.dumps({}).encode())
    async with Producer(kafka_server.address, client_id="test") as producer:
        assert await producer.send(message, 30) is Outcome.CONFIRMED
    assert await producer.send(message, 30) is Outcome.REFUSED
