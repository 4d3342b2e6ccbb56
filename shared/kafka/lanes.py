"""One lane per partition: what is submitted together goes out together, in order, in few requests.

Six hundred concurrent `send_batch` calls on one partition of the client library time out (each
waits for the one before, and their time-outs add up). So submissions queue here, and a single task
per partition packs what is waiting into one batch and hands it over, with at most two batches
unconfirmed: one on the wire and one behind it. Under load batches therefore grow by themselves;
when idle nothing waits.

A lane's breaker is open when nothing was confirmed for a while although something waits: an
idempotent producer never gives up by itself, so this is what bounds the work in flight while a
partition is silent.
"""

import asyncio
import enum
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    ProducerClosed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from shared.events.topics import MESSAGE_BYTES_MAX

log = logging.getLogger(__name__)

Headers = Sequence[tuple[str, bytes]]
Record = tuple[bytes | None, bytes, Headers]
"""Key, value and headers of one message."""

UNCONFIRMED_BATCHES_MAX = 2


class Outcome(enum.Enum):
    """What is known of one message when the answer is due."""

    CONFIRMED = "confirmed"
    """On Kafka, acknowledged by all in-sync replicas."""
    UNCONFIRMED = "unconfirmed"
    """Not acknowledged in time: it may be there, or arrive later. Sending it again is right."""
    REFUSED = "refused"
    """Not tried, because the partition is silent or its lane is full. Send it again later."""
    TOO_LARGE = "too large"
    """Never tried and never will be."""


@dataclass(frozen=True)
class Limits:
    """Bounds of a producer; every one of them is there to keep a bad day short."""

    batch_bytes: int = 512 * 1024
    message_bytes_max: int = MESSAGE_BYTES_MAX
    lane_bytes_max: int = 32 * 1024 * 1024
    breaker_seconds: float = 1.0
    request_timeout_seconds: float = 10.0
    close_seconds: float = 5.0
    reconnect_seconds_max: float = 5.0
    records_per_client_max: int = 2**30  # sequence numbers wrap wrongly in the client at 2**31


@dataclass(eq=False)
class Generation:
    """One client of the library, from its connection to the first error it cannot recover from."""

    client: AIOKafkaProducer
    records: int = 0


class Link(Protocol):
    """What a lane needs of its producer."""

    limits: Limits

    async def current(self) -> Generation:
        """The client to use, waiting for one to be connected."""
        ...

    def confirmed(self) -> None:
        """A batch was acknowledged."""
        ...

    def broken(self, generation: Generation, error: BaseException) -> None:
        """This client can no longer be used: replace it."""
        ...


class Submission:
    """Records of one caller for one partition, confirmed from the front: a prefix is there."""

    __slots__ = ("at", "confirmed", "done", "packed", "records", "size", "withdrawn")

    def __init__(self, records: Sequence[Record], size: int) -> None:
        """Take the records, with their total size in bytes."""
        self.records = records
        self.size = size
        self.at = time.monotonic()
        self.packed = 0
        self.confirmed = 0
        self.withdrawn = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def confirm(self, count: int) -> None:
        """Count this many more records, the next in order, as acknowledged."""
        if self.done.done():
            return
        self.confirmed += count
        if self.confirmed == len(self.records):
            self.done.set_result(None)

    def give_up(self) -> None:
        """Stop waiting: what is not confirmed by now stays unconfirmed."""
        self.withdrawn = True
        if not self.done.done():
            self.done.set_result(None)

    def outcomes(self) -> list[Outcome]:
        """One outcome per record, in order."""
        missing = len(self.records) - self.confirmed
        return [Outcome.CONFIRMED] * self.confirmed + [Outcome.UNCONFIRMED] * missing


@dataclass(eq=False)
class _Packed:
    builder: Any  # aiokafka's BatchBuilder; the library has no types
    at: float
    parts: list[tuple[Submission, int]] = field(default_factory=list)
    count: int = 0


class Lane:
    """The queue of one partition, and the task that empties it."""

    def __init__(self, topic: str, partition: int, link: Link) -> None:
        """Make an empty lane; `run` must be running for it to move."""
        self._topic = topic
        self._partition = partition
        self._link = link
        self._queue: deque[Submission] = deque()
        self._queued_bytes = 0
        self._waiting = asyncio.Event()
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(UNCONFIRMED_BATCHES_MAX)
        self._outstanding: dict[_Packed, None] = {}
        self._generation: Generation | None = None
        self._progress_at = time.monotonic()

    def stalled_seconds(self) -> float:
        """How long something has waited here with nothing being confirmed; 0 when nothing waits."""
        if self._outstanding:
            oldest = next(iter(self._outstanding)).at
        elif self._queue:
            oldest = self._queue[0].at
        else:
            return 0.0
        return time.monotonic() - max(oldest, self._progress_at)

    def submit(self, records: Sequence[Record], size: int) -> Submission | None:
        """Queue records; None when the breaker is open or the lane is full."""
        limits = self._link.limits
        if self.stalled_seconds() > limits.breaker_seconds:
            return None
        if self._queue and self._queued_bytes + size > limits.lane_bytes_max:
            return None
        submission = Submission(records, size)
        self._queue.append(submission)
        self._queued_bytes += size
        self._waiting.set()
        return submission

    async def drained(self) -> None:
        """Return when nothing waits and nothing is unconfirmed."""
        while self._queue or self._outstanding:
            await self._change()

    def give_up(self) -> None:
        """Answer everybody who still waits here: unconfirmed."""
        for submission in self._queue:
            submission.give_up()
        for packed in self._outstanding:
            for submission, _ in packed.parts:
                submission.give_up()
        self._queue.clear()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def run(self) -> None:
        """Empty the queue for ever."""
        while True:
            await self._waiting.wait()
            await self._slots.acquire()
            packed = await self._pack()
            if packed is None:
                self._slots.release()
            else:
                await self._hand_over(packed)

    async def _pack(self) -> _Packed | None:
        """Take from the queue what fits into one batch."""
        generation = await self._link.current()
        packed = _Packed(generation.client.create_batch(), time.monotonic())
        while self._queue:
            submission = self._queue[0]
            if not submission.withdrawn and not self._append(submission, packed):
                break
            self._queue.popleft()
            self._queued_bytes -= submission.size
        if not self._queue:
            self._waiting.clear()
            self._changed.set()
        return packed if packed.count else None

    @staticmethod
    def _append(submission: Submission, packed: _Packed) -> bool:
        """Put the rest of a submission into the batch; False when only part of it fitted."""
        if not packed.count:
            packed.at = submission.at
        append = packed.builder.append
        records = submission.records
        start = index = submission.packed
        while index < len(records):
            key, value, headers = records[index]
            if append(timestamp=None, key=key, value=value, headers=list(headers)) is None:
                break
            index += 1
        submission.packed = index
        if index > start:
            packed.parts.append((submission, index - start))
            packed.count += index - start
        return index == len(records)

    async def _hand_over(self, packed: _Packed) -> None:
        """Give the batch to a client that works; its confirmation comes later."""
        self._outstanding[packed] = None
        packed.builder.close()
        while True:
            generation = await self._generation_in_order(packed)
            try:
                confirmation = await self._send(generation, packed)
            except KafkaTimeoutError:
                continue  # the batch before this one has not moved: still our turn
            except (UnknownTopicOrPartitionError, TopicAuthorizationFailedError) as error:
                self._settle(packed, error)
                return
            except KafkaError as error:  # closed, or its sender died: nothing was taken
                self._link.broken(generation, error)
                continue
            confirmation.add_done_callback(partial(self._confirmed, packed, generation))
            return

    async def _send(self, generation: Generation, packed: _Packed) -> "asyncio.Future[Any]":
        client = generation.client
        if self._partition not in await client.partitions_for(self._topic):
            raise UnknownTopicOrPartitionError(f"{self._topic} has no partition {self._partition}")
        future: asyncio.Future[Any] = await client.send_batch(
            packed.builder, self._topic, partition=self._partition
        )
        generation.records += packed.count
        if generation.records > self._link.limits.records_per_client_max:
            self._link.broken(generation, ProducerClosed("its sequence numbers are nearly used up"))
        return future

    async def _generation_in_order(self, packed: _Packed) -> Generation:
        """The client to use: a new one only when the old one owes this lane nothing."""
        generation = await self._link.current()
        while generation is not self._generation:
            if all(other is packed for other in self._outstanding):
                self._generation = generation
            else:
                await self._change()
            generation = await self._link.current()
        return generation

    def _confirmed(
        self, packed: _Packed, generation: Generation, confirmation: "asyncio.Future[Any]"
    ) -> None:
        error = ProducerClosed() if confirmation.cancelled() else confirmation.exception()
        if error is not None:
            # An idempotent client retries what can be retried for ever: what it reports is final,
            # and it has lost count of the partition's sequence numbers.
            self._link.broken(generation, error)
        self._settle(packed, error)

    def _settle(self, packed: _Packed, error: BaseException | None) -> None:
        del self._outstanding[packed]
        self._slots.release()
        self._progress_at = time.monotonic()
        for submission, count in packed.parts:
            if error is None:
                submission.confirm(count)
            else:
                submission.give_up()
        if error is None:
            self._link.confirmed()
        else:
            log.error("%s-%s did not take a batch: %r", self._topic, self._partition, error)
        self._changed.set()
