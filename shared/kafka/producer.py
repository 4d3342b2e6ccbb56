"""The idempotent producer: an outcome per message, inside a deadline, whatever the broker does.

What the client library leaves to its user, and this adds:

- An idempotent client never gives up: with the broker gone a send is pending for ever. Here each
  call has a deadline, and every message an `Outcome`. UNCONFIRMED means *unknown*, never *not
  taken*.
- A breaker per partition refuses at once while that partition is silent (see `lanes`).
- After an error that is not retriable every later send of that client fails too: the client is
  replaced, and a partition moves to the new one when the old one owes it nothing, so that order is
  kept.
- A message that is too large is told by its size, before it can do that harm.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

from shared.kafka.lanes import (
    Generation,
    Headers,
    Lane,
    Limits,
    Outcome,
    Record,
    Submission,
)

__all__ = ["Headers", "Limits", "Message", "Outcome", "Producer", "Record"]

log = logging.getLogger(__name__)

FIRST_RECONNECT_SECONDS = 0.1


class Message(NamedTuple):
    """One message to send; `partition` is `shared.kafka.partitioner.partition_of(key, …)`."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


class Posted:
    """Messages on their way."""

    def __init__(self, submissions: Sequence[Submission | None]) -> None:
        """Know of them; None: refused."""
        self._submissions = submissions

    async def confirmed(self, seconds: float) -> bool:
        """Wait at most so long; whether all of them are confirmed. What is not is given up."""
        taken = [each for each in self._submissions if each is not None]
        await _settled(taken, seconds)
        return len(taken) == len(self._submissions) and all(
            each.confirmed == len(each.records) for each in taken
        )


class Producer:
    """Sends messages to Kafka. Use as an asynchronous context manager; one per process.

    It starts without waiting for Kafka: until there is a connection, messages are unconfirmed or
    refused.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        limits: Limits | None = None,
        idempotent: bool = True,
    ) -> None:
        """Prepare a producer for the servers given as `host:port[,host:port]`.

        Args:
            bootstrap: the servers.
            client_id: how they know us in their logs and quotas.
            limits: sizes and times.
            idempotent: false only for a broker that knows no such producers (the one in memory);
                then a retry may write a message twice, which consumers drop. Nor is anything
                compressed for it.
        """
        self.limits = limits or Limits()
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._idempotent = idempotent
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._generation: Generation | None = None
        self._connected = asyncio.Event()
        self._wanted = asyncio.Event()
        self._without_since = asyncio.get_running_loop().time()
        self._reconnect_seconds = FIRST_RECONNECT_SECONDS
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._group = asyncio.TaskGroup()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start connecting in the background."""
        await self._stack.enter_async_context(self._group)
        self._wanted.set()
        self._tasks.append(self._group.create_task(self._keep_connected()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let what was taken be confirmed, for a bounded time, and close."""
        self._closing = True
        try:
            async with asyncio.timeout(self.limits.close_seconds):
                for lane in self._lanes.values():
                    await lane.drained()
        except TimeoutError:
            log.warning("closing with messages that Kafka has not confirmed")
        for task in self._tasks:
            task.cancel()
        for lane in self._lanes.values():
            lane.give_up()
        if self._generation is not None:
            await self._stop(self._generation)
        await self._stack.__aexit__(kind, error, trace)

    async def send(self, message: Message, deadline_seconds: float) -> Outcome:
        """Send one message and say what became of it by the deadline."""
        size = len(message.value) + len(message.key or b"")
        if size > self.limits.message_bytes_max:
            return Outcome.TOO_LARGE
        record = (message.key, message.value, message.headers)
        submission = self._submit(message.topic, message.partition, [record], size)
        if submission is None:
            return Outcome.REFUSED
        await _settled([submission], deadline_seconds)
        return Outcome.CONFIRMED if submission.confirmed else Outcome.UNCONFIRMED

    async def send_batch(
        self, topic: str, partition: int, records: Sequence[Record], deadline_seconds: float
    ) -> list[Outcome]:
        """Send records to one partition, in order; one outcome each."""
        messages = [Message(topic, partition, *record) for record in records]
        return await self.send_many(messages, deadline_seconds)

    def post(self, messages: Sequence[Message]) -> "Posted":
        """Send messages without waiting, in order within each partition."""
        groups: dict[tuple[str, int], list[Record]] = {}
        for topic, partition, key, value, headers in messages:
            groups.setdefault((topic, partition), []).append((key, value, headers))
        submissions = [
            self._submit(topic, partition, records, sum(len(record[1]) for record in records))
            for (topic, partition), records in groups.items()
        ]
        return Posted(submissions)

    async def send_many(
        self, messages: Sequence[Message], deadline_seconds: float
    ) -> list[Outcome]:
        """Send messages, in order within each partition; one outcome each, as given.

        What was confirmed of a partition is a prefix of what was given for it, so that sending the
        rest again keeps the order of first appearances.
        """
        outcomes = [Outcome.REFUSED] * len(messages)
        groups: dict[tuple[str, int], tuple[list[int], list[Record]]] = {}
        size_max = self.limits.message_bytes_max
        for index, (topic, partition, key, value, headers) in enumerate(messages):
            if len(value) > size_max:
                outcomes[index] = Outcome.TOO_LARGE
                continue
            group = groups.get((topic, partition))
            if group is None:
                group = groups[topic, partition] = ([], [])
            group[0].append(index)
            group[1].append((key, value, headers))
        taken: list[tuple[list[int], Submission]] = []
        for (topic, partition), (indexes, records) in groups.items():
            size = sum(len(record[1]) for record in records)
            submission = self._submit(topic, partition, records, size)
            if submission is not None:
                taken.append((indexes, submission))
        await _settled([submission for _, submission in taken], deadline_seconds)
        for indexes, submission in taken:
            for index, outcome in zip(indexes, submission.outcomes(), strict=True):
                outcomes[index] = outcome
        return outcomes

    async def partitions(self, topic: str, deadline_seconds: float) -> int:
        """How many partitions a topic has.

        Raises:
            TimeoutError: Kafka did not say within the deadline.
        """
        async with asyncio.timeout(deadline_seconds):
            while True:
                generation = await self.current()
                try:
                    return len(await generation.client.partitions_for(topic))
                except KafkaError as error:
                    log.warning("asking for the partitions of %s: %r", topic, error)
                    await asyncio.sleep(FIRST_RECONNECT_SECONDS)

    def is_silent(self) -> bool:
        """Whether messages are being refused, for all or for some partitions (for `/readyz`)."""
        breaker = self.limits.breaker_seconds
        return self._is_away() or any(
            lane.stalled_seconds() > breaker for lane in self._lanes.values()
        )

    # What lanes ask of their producer (`lanes.Link`).

    async def current(self) -> Generation:
        """The client to use, waiting for one to be connected."""
        while self._generation is None:
            await self._connected.wait()
        return self._generation

    def confirmed(self) -> None:
        """A batch was acknowledged: the next reconnection, if any, need not wait long."""
        self._reconnect_seconds = FIRST_RECONNECT_SECONDS

    def broken(self, generation: Generation, error: BaseException) -> None:
        """Replace this client, once."""
        if self._generation is not generation or self._closing:
            return
        log.warning("replacing the Kafka client: %r", error)
        self._generation = None
        self._without_since = asyncio.get_running_loop().time()
        self._connected.clear()
        self._wanted.set()
        self._group.create_task(self._stop(generation))

    # The rest is private.

    def _is_away(self) -> bool:
        without = asyncio.get_running_loop().time() - self._without_since
        return self._generation is None and without > self.limits.breaker_seconds

    def _submit(
        self, topic: str, partition: int, records: Sequence[Record], size: int
    ) -> Submission | None:
        """Queue records in the lane of their partition; None when they are refused."""
        if self._closing or (self._generation is None and self._is_away()):
            return None
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = Lane(topic, partition, self)
            self._tasks.append(self._group.create_task(lane.run()))
        return lane.submit(records, size)

    async def _keep_connected(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._generation is None:
                self._generation = await self._connect()
            self._connected.set()

    async def _connect(self) -> Generation | None:
        """Try once to connect a new client, then wait a little longer than before."""
        client = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            enable_idempotence=self._idempotent,
            acks="all",
            max_batch_size=self.limits.batch_bytes,
            request_timeout_ms=int(self.limits.request_timeout_seconds * 1000),
            linger_ms=0,
            # a quarter of the bytes live, a tenth in a replay, for no time that could be measured
            compression_type="zstd" if self._idempotent else None,
        )
        try:
            async with asyncio.timeout(self.limits.request_timeout_seconds):
                await client.start()
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("Kafka at %s cannot be reached: %r", self._bootstrap, error)
            await client.stop()
            await asyncio.sleep(self._reconnect_seconds)
            self._reconnect_seconds = min(
                self._reconnect_seconds * 2, self.limits.reconnect_seconds_max
            )
            return None
        except asyncio.CancelledError:
            await client.stop()
            raise
        return Generation(client)

    async def _stop(self, generation: Generation) -> None:
        """Close a client, waiting a bounded time for what it still has to send."""
        client = generation.client
        try:
            async with asyncio.timeout(self.limits.close_seconds):
                await client.stop()
        except TimeoutError:
            await self._abandon(client)

    @staticmethod
    async def _abandon(client: AIOKafkaProducer) -> None:
        """Close a client whose broker does not answer.

        The library's own `stop` waits for ever for the broker, and leaves its tasks behind when
        cancelled.
        """
        await client.client.close()
        sender = client._sender.sender_task  # noqa: SLF001 see above
        sender.cancel()
        await asyncio.wait([sender])
        client._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001 see above


async def _settled(submissions: Sequence[Submission], deadline_seconds: float) -> None:
    """Wait until all are known, or the deadline has come; then give the rest up."""
    try:
        async with asyncio.timeout(deadline_seconds):
            for submission in submissions:
                if not submission.done.done():
                    await asyncio.shield(submission.done)
    except TimeoutError:
        pass
    finally:
        for submission in submissions:
            if not submission.done.done():
                submission.give_up()
