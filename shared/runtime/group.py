"""The lanes of one consumer in this process: they come and go with the group's assignments."""

import asyncio
import logging

from shared.kafka.consumer import GroupConsumer, GroupUnavailable
from shared.runtime.backoff import Backoff, rest
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.lane import Lane

log = logging.getLogger(__name__)


class LaneGroup:
    """One consumer's membership in its group, and a lane for each partition that it is given.

    A lane whose partition is taken away finishes its batch before the group goes on, so a rebalance
    neither
    loses nor doubles a batch; should it not manage to, the fence in the database holds.
    """

    def __init__(
        self, spec: ConsumerSpec, bootstrap: str, place: Workplace, *, instance: str | None
    ) -> None:
        """Describe the membership; `run` joins."""
        self._spec = spec
        self._place = place
        self._bootstrap = bootstrap
        self._instance = instance
        self._lanes: dict[int, Lane] = {}
        self._check = place.health.dependency(f"group {spec.name}")
        self._tasks: asyncio.TaskGroup | None = None
        self._consumer: GroupConsumer | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Be a member until told to stop; then finish what is in hand and leave."""
        async with asyncio.TaskGroup() as self._tasks:
            self._consumer = await self._join(stop)
            if self._consumer is None:
                return
            try:
                await stop.wait()
            finally:
                await self._revoked(set(self._lanes))
                await self._consumer.stop()

    async def _join(self, stop: asyncio.Event) -> GroupConsumer | None:
        """Join the group, waiting for Kafka as long as it takes."""
        failures = 0
        backoff = Backoff()
        while not stop.is_set():
            consumer = GroupConsumer(
                self._bootstrap, self._spec.name, self._spec.topics, instance=self._instance
            )
            self._consumer = consumer
            try:
                await consumer.start(self._assigned, self._revoked)
            except GroupUnavailable as error:
                failures += 1
                seconds = backoff.seconds(failures, self._place.chance)
                log.warning("%s waits for Kafka, %.2f s: %s", self._spec.name, seconds, error)
                self._check.down(str(error))
                self._place.metrics.back_offs.labels("kafka").inc()
                await rest(stop, seconds)
            else:
                return consumer
        return None

    async def _assigned(self, partitions: set[int]) -> None:
        assert self._tasks is not None  # noqa: S101 - `run` made it
        assert self._consumer is not None  # noqa: S101 - it calls us
        log.info("%s: partitions %s are ours", self._spec.name, sorted(partitions))
        self._check.up()
        for partition in partitions:
            lane = Lane(self._spec, partition, self._consumer, self._place)
            self._lanes[partition] = lane
            self._tasks.create_task(lane.run(), name=f"{self._spec.name}-{partition}")

    async def _revoked(self, partitions: set[int]) -> None:
        lanes = [self._lanes.pop(partition) for partition in partitions if partition in self._lanes]
        for lane in lanes:
            lane.stop()
        for lane in lanes:
            await lane.finished.wait()
