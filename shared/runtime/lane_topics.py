"""Whether a lane's topics are still those that its positions are in."""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from shared.clock import Clock, format_instant
from shared.kafka.consumer import GroupConsumer
from shared.runtime.lane_report import LaneReport
from shared.runtime.positions import Position

log = logging.getLogger(__name__)


class LaneTopics:
    """Which topics bear the names of one lane's inputs, and whether one is another than it was.

    Attributes:
        ids: as the lane last asked, before it went to its positions.
        shorter: topics that end before the lane's position, whatever their ids say.
        stale: one of them has changed since: the lane has to begin again.
        remark: what people should know about it; empty where nothing has changed.
    """

    def __init__(
        self, name: str, partition: int, consumer: GroupConsumer, clock: Clock, report: LaneReport
    ) -> None:
        """Look after the topics of the lane of this name."""
        self._name = name
        self._partition = partition
        self._consumer = consumer
        self._clock = clock
        self._report = report
        self.ids: dict[str, UUID | None] = {}
        self.shorter: set[str] = set()
        self.stale = False
        self.remark = ""

    async def ask(self) -> None:
        """Ask which topics they are, as far as the broker can say now."""
        self.stale = False
        self.ids = await self._consumer.topic_ids()

    def hear(self, ids: Mapping[str, UUID | None]) -> None:
        """Hear it from somebody else who has asked."""
        known = self.ids
        self.stale |= any(at is not None and known.get(topic) != at for topic, at in ids.items())

    def look(self, held: Mapping[str, Position]) -> bool:
        """Whether a topic is read from before its position: it ended before it, and is another."""
        for topic, position in held.items():
            at = self._consumer.reached(topic, self._partition)
            if at is not None and at < position.position:
                self.shorter.add(topic)
                self.stale = True
        return self.stale

    def begun(self, anew: Sequence[str]) -> None:
        """The positions are claimed; these topics are read from their beginning."""
        self.shorter.clear()
        for topic in anew:
            now = format_instant(self._clock.now())
            self.remark = f"{topic} was made anew; it is read from its beginning since {now}"
            log.error("%s: %s", self._name, self.remark)
            self._report.made_anew(topic)
