"""A member of a consumer group that reads each partition from where its owner says.

Kafka's stored offsets are never used for placing: the database's are. aiokafka hands out records
before an awaited seek in `on_partitions_assigned` is done, so nothing here polls "whatever is
assigned": a lane polls its own partitions by name, and only after its own seek.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError

from shared.kafka import topic_ids
from shared.kafka.reading import UnreadableRecord

log = logging.getLogger(__name__)

_COMMIT_SECONDS_MAX = 2.0
_STOP_SECONDS_MAX = 5.0
_ASK_SECONDS_MAX = 1.0
_LATEST_SECONDS_MAX = 5.0
_TROUBLE_SECONDS = 0.2  # between a failing poll and the next


class GroupUnavailable(Exception):  # noqa: N818 - a state that passes, not a mistake
    """Kafka did not let us join; trying again later can succeed."""


class Record(NamedTuple):
    """A record as it lies on a topic.

    Attributes:
        unreadable: why it cannot be handed out, in words; `value` is then what there is of it.
        offsets: how many it stands for; more than one where a batch cannot be read.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    unreadable: str | None = None
    offsets: int = 1

    @property
    def next_offset(self) -> int:
        """The offset after it: of records that cannot be read, after all that are lost."""
        return self.offset + self.offsets


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Tell the owner which partition numbers come and go."""

    def __init__(
        self,
        assigned: Callable[[set[int]], Awaitable[None]],
        revoked: Callable[[set[int]], Awaitable[None]],
    ) -> None:
        self._assigned = assigned
        self._revoked = revoked

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._assigned({each.partition for each in assigned})

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._revoked({each.partition for each in revoked})


class GroupConsumer:
    """One process's membership in a consumer group over co-partitioned topics.

    The range assignor gives a process the same partition numbers of every topic. With an `instance`
    name the membership is static: a process killed and started again gets its partitions
    back at once instead of after the session time-out.
    """

    def __init__(
        self, bootstrap: str, group: str, topics: Sequence[str], *, instance: str | None = None
    ) -> None:
        """Describe the membership; `start` joins, `stop` is due whether it could or not."""
        self.topics = tuple(topics)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            group_instance_id=instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=10_000,
            heartbeat_interval_ms=1_000,
            max_poll_interval_ms=600_000,
            isolation_level="read_committed",  # what was aborted never was
            max_partition_fetch_bytes=2 * 1024 * 1024,
            metadata_max_age_ms=30_000,
        )
        self._trouble: str | None = None

    async def start(
        self,
        assigned: Callable[[set[int]], Awaitable[None]],
        revoked: Callable[[set[int]], Awaitable[None]],
    ) -> None:
        """Join the group; the callbacks get partition numbers.

        Raises:
            GroupUnavailable: Kafka is away.
        """
        self._consumer.subscribe(topics=self.topics, listener=_Listener(assigned, revoked))
        try:
            await self._consumer.start()
        except (KafkaError, OSError) as error:
            raise GroupUnavailable(f"{type(error).__name__}: {error}") from error

    async def stop(self) -> None:
        """Leave the group and close: in a bounded time, however client and broker are."""
        # The client does not let a static member leave: its partitions would stand still for the
        # session time-out (measured: 9.1 s; 0.1 s this way). A clean stop is a leave-taking.
        coordinator = self._consumer._coordinator  # noqa: SLF001 - there is no public way
        if coordinator is not None:
            coordinator._group_instance_id = None  # noqa: SLF001
        try:
            async with asyncio.timeout(_STOP_SECONDS_MAX):
                await self._consumer.stop()
        except Exception as error:  # noqa: BLE001 - whatever once ended a task of the client
            log.warning("leaving Kafka without a farewell: %r", error)
            await self._abandon()

    @property
    def trouble(self) -> str | None:
        """Why this membership will not go on by itself, as the client said; None while it will."""
        for name, task in self._background().items():
            if task.done():
                return f"the client's {name} has ended: {_ending(task)}"
        return self._trouble

    def seek(self, topic: str, partition: int, offset: int) -> bool:
        """Place a partition; False when it is no longer ours."""
        try:
            self._consumer.seek(TopicPartition(topic, partition), offset)
        except IllegalStateError:
            return False
        return True

    async def poll(
        self, partition: int, topics: Sequence[str], *, timeout_seconds: float, records_max: int
    ) -> list[Record]:
        """Wait for records of one partition number of some topics; in offset order per topic.

        When the client fails there are none, and `trouble` says why.
        """
        try:
            polled = await self._consumer.getmany(
                *(TopicPartition(topic, partition) for topic in topics),
                timeout_ms=int(timeout_seconds * 1000),
                max_records=records_max,
            )
        except Exception as error:  # noqa: BLE001 - whatever ended a task of the client
            self._trouble = repr(error)
            await asyncio.sleep(_TROUBLE_SECONDS)
            return []
        return [record_of(raw) for batch in polled.values() for raw in batch]

    async def topic_ids(self) -> dict[str, UUID | None]:
        """The ids of our topics; None: it does not exist; not in it: nobody can say now."""
        try:
            async with asyncio.timeout(_ASK_SECONDS_MAX):
                return await topic_ids.ask(self._consumer._client, self.topics)  # noqa: SLF001
        except (KafkaError, OSError) as error:
            log.info("which topics these are is not known now: %r", error)
            return {}

    def unassigned(self) -> set[str]:
        """Topics of which we have no partition, though we have some of others.

        The group was told to share out what there was; such a topic was not there then.
        """
        assigned = {each.topic for each in self._consumer.assignment()}
        return {topic for topic in self.topics if topic not in assigned} if assigned else set()

    def reached(self, topic: str, partition: int) -> int | None:
        """The offset that is read next; behind the last record, where a transaction's mark is."""
        try:
            state = self._consumer._subscription.subscription.assignment.state_value(  # noqa: SLF001
                TopicPartition(topic, partition)
            )
        except (AttributeError, IllegalStateError):
            return None
        if state is None or not state.has_valid_position:
            return None  # its topic is gone, or not ours any more
        at: int = state.position
        return at

    async def latest(self, topic: str, partition: int) -> int:
        """The offset after the last record of a partition, asked of the broker.

        Raises:
            TimeoutError: it did not answer.
        """
        asked = TopicPartition(topic, partition)
        try:
            async with asyncio.timeout(_LATEST_SECONDS_MAX):
                ends = await self._consumer.end_offsets([asked])
        except KafkaError as error:
            raise TimeoutError(f"{topic}-{partition}: {error!r}") from error
        end: int = ends[asked]
        return end

    async def commit(self, partition: int, positions: Mapping[str, int]) -> None:
        """Tell Kafka how far we are, for lag tools only; a failure costs nothing.

        The client waits for its coordinator without end; that must never hold up a lane.
        """
        offsets = {
            TopicPartition(topic, partition): OffsetAndMetadata(position, "")
            for topic, position in positions.items()
        }
        try:
            async with asyncio.timeout(_COMMIT_SECONDS_MAX):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError):
            return

    def _background(self) -> dict[str, asyncio.Task[Any]]:
        """The tasks without which the client stands still, by what they do."""
        consumer = self._consumer
        coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001 - as above
        tasks = {
            "metadata": consumer._client._sync_task,  # noqa: SLF001
            "coordination": coordinator and coordinator._coordination_task,  # noqa: SLF001
            "fetching": fetcher and fetcher._fetch_task,  # noqa: SLF001
        }
        return {name: task for name, task in tasks.items() if task is not None}

    async def _abandon(self) -> None:
        """Close a client that cannot close itself."""
        coordinator = self._consumer._coordinator  # noqa: SLF001 - as above
        heartbeat = coordinator and coordinator._heartbeat_task  # noqa: SLF001 - may come and go
        tasks = [*self._background().values(), *([heartbeat] if heartbeat else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS_MAX)
        for connection in self._consumer._client._conns.values():  # noqa: SLF001 - as above
            connection.close()


def record_of(raw: Any) -> Record:
    """A record of the client library as ours."""
    lost = raw if isinstance(raw, UnreadableRecord) else None
    return Record(
        raw.topic,
        raw.partition,
        raw.offset,
        raw.timestamp,
        raw.key,
        raw.value,
        raw.headers,
        None if lost is None else lost.reason,
        1 if lost is None else lost.count,
    )


def _ending(task: asyncio.Task[Any]) -> str:
    """How a task ended; asking also keeps asyncio from complaining that nobody did."""
    return "cancelled" if task.cancelled() else repr(task.exception())
