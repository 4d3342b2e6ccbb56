"""The lanes of one consumer in this process: they come and go with the group's assignments."""

import asyncio
import itertools
import logging

from shared.backoff import Backoff, rest, unless
from shared.kafka.consumer import GroupConsumer, GroupUnavailable
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.convoy import Convoy
from shared.runtime.lane import Lane

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0  # how often a member asks whether its client is well
_LOOKS_AT_TOPICS = 3  # every so many of them, whether its topics are still those that they were


class LaneGroup:
    """One consumer's membership in its group, and a lane for each partition that it is given.

    A lane whose partition is taken away finishes its batch before the group goes on, so a rebalance
    neither loses nor doubles a batch; should it not manage to, the fence in the database holds.
    """

    def __init__(
        self, spec: ConsumerSpec, bootstrap: str, place: Workplace, *, instance: str | None
    ) -> None:
        """Describe the membership; `run` joins."""
        self._spec = spec
        self._place = place
        self._bootstrap = bootstrap
        self._instance = instance
        self._lanes: dict[int, tuple[Lane, asyncio.Task[None]]] = {}
        self._convoy = Convoy(place.database)
        self._check = place.health.dependency(f"group {spec.name}")
        self._tasks: asyncio.TaskGroup | None = None
        self._consumer: GroupConsumer | None = None
        self._failures = 0
        self._missing = False

    async def run(self, stop: asyncio.Event) -> None:
        """Be a member until told to stop, waiting for Kafka as long as it takes."""
        backoff = Backoff()
        async with asyncio.TaskGroup() as self._tasks:
            while not stop.is_set():
                try:
                    await self._be_member(stop)
                except GroupUnavailable as error:
                    self._failures += 1
                    seconds = backoff.seconds(self._failures, self._place.chance)
                    log.warning("%s waits for Kafka, %.2f s: %s", self._spec.name, seconds, error)
                    self._check.down(str(error))
                    self._place.metrics.back_offs.labels("kafka").inc()
                    await rest(stop, seconds)

    async def _be_member(self, stop: asyncio.Event) -> None:
        """Join; when told to stop finish what is in hand, and leave.

        Raises:
            GroupUnavailable: Kafka did not let us join, or the client has failed since.
        """
        consumer = self._consumer = GroupConsumer(
            self._bootstrap, self._spec.name, self._spec.topics, instance=self._instance
        )
        try:
            await unless(stop, consumer.start(self._assigned, self._revoked))
            for looks in itertools.count(1):
                await rest(stop, _LOOK_SECONDS)
                if stop.is_set():
                    return
                if consumer.trouble is not None:
                    raise GroupUnavailable(consumer.trouble)
                if looks % _LOOKS_AT_TOPICS == 0:
                    await self._look_at_topics(consumer)
        finally:
            self._consumer = None
            await self._revoked(set(self._lanes))
            await consumer.stop()

    async def _look_at_topics(self, consumer: GroupConsumer) -> None:
        """Tell the lanes which topics theirs are, and the health board which do not exist.

        Raises:
            GroupUnavailable: a topic is there again that was not when the group was formed.
        """
        ids = await consumer.topic_ids()
        missing = {topic for topic, at in ids.items() if at is None}
        if missing:
            self._check.down(f"does not exist: {', '.join(sorted(missing))}")
        elif ids and (back := consumer.unassigned()):
            raise GroupUnavailable(f"joins anew, for it is there again: {', '.join(sorted(back))}")
        elif ids and self._missing:
            self._check.up()
        self._missing = bool(missing)
        for lane, _ in self._lanes.values():
            lane.identify(ids)

    async def _assigned(self, partitions: set[int]) -> None:
        if self._consumer is None:
            return  # we are on our way out
        assert self._tasks is not None  # noqa: S101 - `run` made it
        log.info("%s: partitions %s are ours", self._spec.name, sorted(partitions))
        self._failures = 0
        self._check.up()
        for partition in partitions:
            lane = Lane(self._spec, partition, self._consumer, self._place, self._convoy)
            name = f"{self._spec.name}-{partition}"
            self._lanes[partition] = lane, self._tasks.create_task(lane.run(), name=name)

    async def _revoked(self, partitions: set[int]) -> None:
        gone = [self._lanes.pop(partition) for partition in partitions if partition in self._lanes]
        for lane, _ in gone:
            lane.stop()
        if gone:
            await asyncio.wait([task for _, task in gone])
