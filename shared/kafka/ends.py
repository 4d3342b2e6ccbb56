"""Where partitions end, asked of the brokers themselves: no group, no reading, a bounded time.

What a consumer knows of the ends is as old as its last fetch, and it fetches nothing while its
lane waits for something else. So whoever wants to know how much waits asks here.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.offset import OffsetRequest

_READ_COMMITTED = 1
_LATEST, _EARLIEST = -1, -2
_METADATA_SECONDS = 30.0
_MOVED = (NotLeaderForPartitionError, LeaderNotAvailableError)


class KafkaSilent(Exception):  # noqa: N818 - a state that passes, not a mistake
    """Kafka did not say in time."""


class Ends:
    """Asks for the ends of partitions; a client that failed is replaced at the next question."""

    def __init__(self, bootstrap: str, *, seconds_max: float) -> None:
        """Describe whom to ask (`host:port[,host:port]`), and how long to wait for all of it."""
        self._bootstrap = bootstrap
        self._seconds_max = seconds_max
        self._client: AIOKafkaClient | None = None

    async def latest(
        self, partitions: Iterable[tuple[str, int]]
    ) -> dict[tuple[str, int], int | None]:
        """The offset after the last record of each partition; None where it does not exist.

        Records of a transaction that is still open do not count: nobody can have them yet.

        Raises:
            KafkaSilent: some broker did not answer in time.
        """
        return await self._ask(partitions, _LATEST)

    async def earliest(
        self, partitions: Iterable[tuple[str, int]]
    ) -> dict[tuple[str, int], int | None]:
        """The offset of the first record that is still there; None where there is no partition.

        Raises:
            KafkaSilent: some broker did not answer in time.
        """
        return await self._ask(partitions, _EARLIEST)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(
        self, partitions: Iterable[tuple[str, int]], which: int
    ) -> dict[tuple[str, int], int | None]:
        wanted = list(partitions)
        try:
            async with asyncio.timeout(self._seconds_max):
                client = await self._connected({topic for topic, _ in wanted})
                return await _asked(client, wanted, which)
        except (KafkaError, OSError, RuntimeError) as error:
            await self.close()
            raise KafkaSilent(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def _connected(self, topics: set[str]) -> AIOKafkaClient:
        if self._client is None:
            client = AIOKafkaClient(
                bootstrap_servers=self._bootstrap,
                metadata_max_age_ms=int(_METADATA_SECONDS * 1000),
                request_timeout_ms=int(self._seconds_max * 1000),
            )
            self._client = client
            await client.bootstrap()
        await self._client.set_topics(topics)
        return self._client


async def _asked(
    client: AIOKafkaClient, wanted: list[tuple[str, int]], which: int
) -> dict[tuple[str, int], int | None]:
    """One request to each leader."""
    found: dict[tuple[str, int], int | None] = dict.fromkeys(wanted)
    by_leader: dict[int, dict[str, list[tuple[int, int]]]] = {}
    for topic, partition in wanted:
        leader = await _leader(client, topic, partition)
        if leader is not None:
            by_leader.setdefault(leader, {}).setdefault(topic, []).append((partition, which))
    for leader, asked in by_leader.items():
        request = OffsetRequest(-1, _READ_COMMITTED, list(asked.items()))
        answer: Any = await client.send(leader, request)
        for topic, told in answer.topics:
            for partition, code, _timestamp, offset in told:
                if code == 0:
                    found[topic, partition] = offset
                else:
                    await _refused(client, code, f"{topic}-{partition}")
    return found


async def _leader(client: AIOKafkaClient, topic: str, partition: int) -> int | None:
    """The broker to ask; None where there is no such partition."""
    asked = TopicPartition(topic, partition)
    leader: int | None = client.cluster.leader_for_partition(asked)
    if leader is None:
        await client.force_metadata_update()  # it is not there, or not yet known to be
        leader = client.cluster.leader_for_partition(asked)
    return leader


async def _refused(client: AIOKafkaClient, code: int, what: str) -> None:
    """A partition that is gone has no end; any other refusal is an error."""
    error = for_code(code)
    if error in _MOVED:
        await client.force_metadata_update()
    if error is not UnknownTopicOrPartitionError:
        raise error(what)
