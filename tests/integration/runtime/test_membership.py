"""Coming, going and dying as a member of a consumer group."""

import asyncio
import secrets
import signal
import time

import pytest

from shared.kafka.consumer import GroupConsumer, GroupUnavailable
from tests.conftest import KafkaServer, NewStack, NewTopics

pytestmark = [pytest.mark.integration, pytest.mark.durable]

SESSION_SECONDS = 10.0


class _Member:
    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self.consumer = GroupConsumer(bootstrap, group, [topic], instance=secrets.token_hex(4))
        self.partitions: set[int] = set()
        self.changed = asyncio.Event()

    async def assigned(self, partitions: set[int]) -> None:
        self.partitions |= partitions
        self.changed.set()

    async def revoked(self, partitions: set[int]) -> None:
        self.partitions -= partitions

    async def holds(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.partitions) != count:
                self.changed.clear()
                await self.changed.wait()


async def test_a_clean_stop_hands_over_at_once_though_membership_is_static(
    kafka_server: KafkaServer, new_topics: NewTopics, topic_prefix: str
) -> None:
    [topic] = await new_topics("handover", partitions=4)
    first = _Member(kafka_server.address, f"{topic_prefix}g", topic)
    second = _Member(kafka_server.address, f"{topic_prefix}g", topic)
    await first.consumer.start(first.assigned, first.revoked)
    await first.holds(4)
    await second.consumer.start(second.assigned, second.revoked)
    await second.holds(2)
    stopped = time.monotonic()
    await first.consumer.stop()
    await second.holds(4)
    assert time.monotonic() - stopped < SESSION_SECONDS / 2
    await second.consumer.stop()


async def test_an_absent_broker_is_said_and_can_be_tried_again(topic_prefix: str) -> None:
    member = _Member("127.0.0.1:1", f"{topic_prefix}g", "nowhere")
    with pytest.raises(GroupUnavailable):
        await member.consumer.start(member.assigned, member.revoked)
    await member.consumer.stop()


async def test_a_broker_that_hangs_holds_up_neither_a_lane_nor_leaving(
    new_stack: NewStack, topic_prefix: str
) -> None:
    """The client would wait 40 s for each of its requests."""
    async with new_stack(run_services=False, services=()) as stack:
        member = _Member(stack.endpoints.kafka, f"{topic_prefix}g", "regulars.points")
        await member.consumer.start(member.assigned, member.revoked)
        await member.holds(4)
        stack.kill("kafka", signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                await member.consumer.commit(0, {"regulars.points": 0})
                await member.consumer.stop()
        finally:
            stack.kill("kafka", signal.SIGCONT)
