"""How many messages the topics of a broker hold."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition


class TopicEnds:
    """Asks a broker for the ends of topics."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: int) -> None:
        """Ask through a started consumer that reads nothing."""
        self._consumer = consumer
        self._partitions = partitions

    async def of(self, topics: Sequence[str]) -> dict[str, int]:
        """How many messages each topic has had, over all its partitions."""
        places = [
            TopicPartition(topic, number) for topic in topics for number in range(self._partitions)
        ]
        ends = await self._consumer.end_offsets(places)
        return {
            topic: sum(end for place, end in ends.items() if place.topic == topic)
            for topic in topics
        }


@asynccontextmanager
async def topic_ends(kafka: str, partitions: int) -> AsyncIterator[TopicEnds]:
    """Connect to a broker for as long as the block lasts."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        yield TopicEnds(consumer, partitions)
    finally:
        await consumer.stop()
