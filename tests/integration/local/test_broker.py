"""Both brokers of the local stack do what the stack needs of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.broker import Broker, provide_broker
from deploy.local.errors import TopicsError
from deploy.local.ports import choose
from deploy.local.supervisor import Supervisor
from deploy.local.topics import Topic, make_topics, read_topics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture(params=[True, False], ids=["kafka", "tansu"])
async def running(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Broker, Supervisor]]:
    port, controller_port = choose([None, None])
    broker = await provide_broker(tmp_path / "broker", (port, controller_port), jvm=request.param)
    if request.param and broker.kind != "kafka":
        pytest.skip(str(broker.notice))
    async with Supervisor(tmp_path / "logs") as supervisor:
        await supervisor.start(broker.child)
        yield broker, supervisor


async def test_topics_are_made_once_and_carry_messages(
    running: tuple[Broker, Supervisor],
) -> None:
    broker, _ = running
    topics = read_topics(partitions=3)
    assert await make_topics(broker.address, topics) == [topic.name for topic in topics]
    assert await make_topics(broker.address, topics) == []

    await _publish(broker, b"first")
    assert await _read(broker, 1) == [b"first"]


async def test_another_number_of_partitions_is_refused(
    running: tuple[Broker, Supervisor],
) -> None:
    broker, _ = running
    await make_topics(broker.address, [Topic("regulars.events", 2, {})])
    with pytest.raises(TopicsError, match=r"regulars\.events has 2 partitions"):
        await make_topics(broker.address, [Topic("regulars.events", 4, {})])


async def test_kafka_keeps_its_log_over_kill_9_and_the_other_says_that_it_does_not(
    running: tuple[Broker, Supervisor],
) -> None:
    broker, supervisor = running
    if not broker.durable:
        assert "in-memory" in str(broker.notice)
        assert not broker.child.restart
        return
    await make_topics(broker.address, [Topic("regulars.events", 1, {})])
    await _publish(broker, b"kept")
    supervisor.kill("kafka")
    await supervisor.ready("kafka")
    await _publish(broker, b"after")
    assert await _read(broker, 2) == [b"kept", b"after"]


async def _publish(broker: Broker, value: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.address, acks="all", enable_idempotence=broker.durable
    )
    await producer.start()
    try:
        await producer.send_and_wait("regulars.events", value, partition=0)
    finally:
        await producer.stop()


async def _read(broker: Broker, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        "regulars.events", bootstrap_servers=broker.address, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()
