"""When a lane may decide commands: not before it has read what was there when it was claimed.

A verdict lies behind its command on the same topic. Whoever reads the log again therefore meets
verdicts that were given long ago, and must not give others.
"""

from collections.abc import Mapping

from shared.kafka.consumer import GroupConsumer
from shared.runtime.batch import Batch
from shared.runtime.consumers import ConsumerSpec
from shared.runtime.positions import Position


class Settling:
    """Whether a lane has caught up, and so may decide; at once where it has no commands."""

    def __init__(self, spec: ConsumerSpec, partition: int, consumer: GroupConsumer) -> None:
        """Watch this partition of the consumer's facts."""
        self._commands = spec.commands
        self._facts = spec.topics[0]
        self._partition = partition
        self._consumer = consumer
        self._end = 0
        self.done = not spec.commands

    async def claimed(self) -> None:
        """The lane is ours from now on: what is there now has to be read first.

        Raises:
            TimeoutError: Kafka does not say how much that is.
        """
        self.done = not self._commands
        if self._commands:
            self._end = await self._consumer.latest(self._facts, self._partition)

    def is_due(self, held: Mapping[str, Position]) -> bool:
        """Whether commands that were read and never decided are to be decided now."""
        return not self.done and self._caught_up(held)

    def tell(self, batch: Batch, reached: Mapping[str, Position]) -> None:
        """Say in a batch whether it may decide, by where the positions are after it."""
        batch.live = self._caught_up(reached)
        batch.settling = batch.live and not self.done

    def committed(self, batch: Batch) -> None:
        """The batch is in the database."""
        self.done |= batch.settling

    def _caught_up(self, reached: Mapping[str, Position]) -> bool:
        return self.done or reached[self._facts].position >= self._end
