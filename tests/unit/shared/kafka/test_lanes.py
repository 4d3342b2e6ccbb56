"""Lanes over a client that a test confirms, fails or leaves silent, partition by partition."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, OutOfOrderSequenceNumber, ProducerClosed
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kafka.lanes import Generation, Lane, Limits, Outcome, Record, Submission
from shared.kafka.partitioner import partition_of


class FakeBuilder:
    """A batch that holds a number of messages."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.values: list[bytes] = []
        self.closed = False

    def append(self, *, timestamp: None, key: Any, value: bytes, headers: Any) -> object | None:
        if len(self.values) >= self.room:
            return None
        self.values.append(value)
        return self

    def close(self) -> None:
        self.closed = True


class FakeClient:
    """Hands out futures for batches; the test resolves them."""

    def __init__(self, room: int = 3) -> None:
        self.room = room
        self.sent: deque[tuple[int, list[bytes], asyncio.Future[object]]] = deque()
        self.trouble: list[Exception] = []

    def create_batch(self) -> FakeBuilder:
        return FakeBuilder(self.room)

    async def partitions_for(self, topic: str) -> set[int]:
        return {0, 1}

    async def send_batch(
        self, builder: FakeBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[object]:
        if self.trouble:
            raise self.trouble.pop(0)
        assert builder.closed
        future = asyncio.get_running_loop().create_future()
        self.sent.append((partition, builder.values, future))
        return future


@dataclass
class FakeLink:
    """A producer with a client that can be replaced."""

    limits: Limits = field(default_factory=Limits)
    clients: list[FakeClient] = field(default_factory=lambda: [FakeClient()])
    broken_by: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.generations = [Generation(cast(AIOKafkaProducer, each)) for each in self.clients]

    async def current(self) -> Generation:
        return self.generations[0]

    def confirmed(self) -> None:
        return

    def broken(self, generation: Generation, error: BaseException) -> None:
        self.broken_by.append(error)
        if generation is self.generations[0] and len(self.generations) > 1:
            del self.generations[0]


@asynccontextmanager
async def running(link: FakeLink, partition: int = 0) -> AsyncIterator[Lane]:
    lane = Lane("t", partition, link)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lane.run())
        yield lane
        task.cancel()


def records(*values: bytes) -> list[Record]:
    return [(b"k", value, ()) for value in values]


def submit(lane: Lane, *values: bytes) -> Submission:
    submission = lane.submit(records(*values), sum(map(len, values)))
    assert submission is not None
    return submission


async def turns(number: int = 12) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_batches_go_in_order_two_at_a_time_and_are_confirmed_from_the_front() -> None:
    link = FakeLink()
    client = link.clients[0]
    async with running(link) as lane:
        first = submit(lane, *(b"%d" % number for number in range(8)))
        second = submit(lane, b"8")
        await turns()
        assert [values for _, values, _ in client.sent] == [[b"0", b"1", b"2"], [b"3", b"4", b"5"]]
        client.sent[0][2].set_result(object())
        await turns()
        assert first.confirmed == 3
        assert not first.done.done()
        assert [values for _, values, _ in client.sent][2:] == [[b"6", b"7", b"8"]]
        assert first.outcomes() == [Outcome.CONFIRMED] * 3 + [Outcome.UNCONFIRMED] * 5
        for _, _, future in list(client.sent)[1:]:
            future.set_result(object())
        await turns()
        assert first.outcomes() == [Outcome.CONFIRMED] * 8
        assert second.outcomes() == [Outcome.CONFIRMED]
        await lane.drained()


async def test_six_hundred_submissions_at_once_wait_for_their_turn() -> None:
    link = FakeLink(clients=[FakeClient(room=100)])
    client = link.clients[0]
    async with running(link) as lane:
        submissions = [submit(lane, b"%d" % number) for number in range(600)]
        while not all(each.done.done() for each in submissions):
            await turns()
            for _, _, future in client.sent:
                if not future.done():
                    future.set_result(object())
    assert len(client.sent) < 20
    assert [value for _, values, _ in client.sent for value in values] == [
        b"%d" % number for number in range(600)
    ]


async def test_one_silent_partition_holds_up_nobody_else() -> None:
    link = FakeLink(limits=Limits(breaker_seconds=0.0))
    client = link.clients[0]
    async with running(link, 0) as silent, running(link, 1) as lively:
        stuck, fine = submit(silent, b"a"), submit(lively, b"b")
        await turns()
        for partition, _, future in client.sent:
            if partition == 1:
                future.set_result(object())
        await turns()
        assert fine.outcomes() == [Outcome.CONFIRMED]
        assert stuck.outcomes() == [Outcome.UNCONFIRMED]
        await asyncio.sleep(0.001)
        assert silent.submit(records(b"c"), 1) is None  # its breaker is open
        assert lively.submit(records(b"d"), 1) is not None
        # it comes back by itself when what is pending is confirmed
        client.sent[0][2].set_result(object())
        await turns()
        assert silent.submit(records(b"c"), 1) is not None


async def test_what_was_given_up_before_it_was_packed_is_not_sent() -> None:
    link = FakeLink(clients=[FakeClient(room=1)])
    client = link.clients[0]
    async with running(link) as lane:
        sent = [submit(lane, b"%d" % number) for number in range(4)]
        await turns()
        sent[2].give_up()
        client.sent[0][2].set_result(object())
        client.sent[1][2].set_result(object())
        await turns()
        assert [values for _, values, _ in client.sent] == [[b"0"], [b"1"], [b"3"]]
        assert sent[2].outcomes() == [Outcome.UNCONFIRMED]


async def test_after_an_error_that_is_final_the_next_client_is_used_and_order_is_kept() -> None:
    link = FakeLink(clients=[FakeClient(room=1), FakeClient(room=1)])
    old, new = link.clients
    async with running(link) as lane:
        first, second, third = (submit(lane, b"%d" % number) for number in range(3))
        await turns()
        old.sent[0][2].set_exception(OutOfOrderSequenceNumber())
        await turns()
        assert first.outcomes() == [Outcome.UNCONFIRMED]
        assert list(new.sent) == []  # the old client still owes us the second
        old.sent[1][2].set_result(object())
        await turns()
        assert second.outcomes() == [Outcome.CONFIRMED]
        assert [values for _, values, _ in new.sent] == [[b"2"]]
        new.sent[0][2].set_result(object())
        await turns()
        assert third.outcomes() == [Outcome.CONFIRMED]
    assert [type(each) for each in link.broken_by] == [OutOfOrderSequenceNumber]


async def test_a_client_that_takes_nothing_is_replaced_and_the_batch_goes_to_the_next() -> None:
    link = FakeLink(clients=[FakeClient(), FakeClient()])
    old, new = link.clients
    old.trouble = [KafkaTimeoutError(), ProducerClosed()]
    async with running(link) as lane:
        submission = submit(lane, b"a")
        await turns()
        new.sent[0][2].set_result(object())
        await turns()
        assert submission.outcomes() == [Outcome.CONFIRMED]


async def test_a_client_is_replaced_before_its_sequence_numbers_wrap() -> None:
    link = FakeLink(clients=[FakeClient(), FakeClient()], limits=Limits(records_per_client_max=5))
    old, new = link.clients
    async with running(link) as lane:
        for number in range(4):
            submit(lane, b"%d" % number, b"x", b"y")
            await turns()
            for client in link.clients:
                for _, _, future in client.sent:
                    if not future.done():
                        future.set_result(object())
            await turns()
    assert (len(old.sent), len(new.sent)) == (2, 2)


async def test_a_full_lane_refuses() -> None:
    link = FakeLink(clients=[FakeClient(room=1)], limits=Limits(lane_bytes_max=10))
    async with running(link) as lane:
        for _ in range(2):
            submit(lane, b"x" * 9)
            await turns()
        submit(lane, b"x" * 9)
        assert lane.submit(records(b"y" * 9), 9) is None


async def test_closing_answers_everybody_who_waits() -> None:
    link = FakeLink(clients=[FakeClient(room=1)])
    async with running(link) as lane:
        waiting = [submit(lane, b"%d" % number) for number in range(4)]
        await turns()
        lane.give_up()
        assert all(each.done.done() for each in waiting)


@given(st.binary(max_size=60), st.integers(1, 64))
@settings(max_examples=100)
def test_keys_belong_to_partitions_as_kafka_has_it(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, every, every)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_murmur2_as_kafkas_java_client_has_it(key: bytes, hashed: int) -> None:
    """Figures of org.apache.kafka.common.utils.UtilsTest."""
    assert partition_of(key, 1_000) == (hashed & 0x7FFFFFFF) % 1_000
