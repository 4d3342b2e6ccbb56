"""What a consumer is, and what the lanes of a process share."""

import random
from dataclasses import dataclass

from shared.clock import Clock
from shared.db import Database
from shared.observability.metrics import Metrics
from shared.outbox.direct import Poster
from shared.runtime.batch import BatchHandler, Input
from shared.runtime.http.health import HealthBoard


@dataclass(frozen=True)
class ConsumerSpec:
    """A consumer: which topics, what to do with a batch, and where its decisions go.

    Attributes:
        name: the consumer group in Kafka, and the owner of its positions in the database.
        inputs: the topics, the one of facts first.
        handler: what is done with a batch.
        source: the CloudEvents source of what it says itself.
        output: the topic that gets this consumer's `clock.advanced` under the stream clock, if any.
        stream: with the stream clock.
        commands: its handler decides commands, and has to be told when it is up to date.
    """

    name: str
    inputs: tuple[Input, ...]
    handler: BatchHandler
    source: str
    output: str | None = None
    stream: bool = False
    commands: bool = False

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of the inputs' topics."""
        return tuple(each.topic for each in self.inputs)


@dataclass(frozen=True)
class Workplace:
    """What the lanes of a process share.

    Attributes:
        database: their pool.
        clock: wall time.
        metrics: where they count.
        health: where they say how they are.
        partitions: of every member topic.
        batch_events: the most events of a transaction.
        chance: spreads waits.
        poster: their own way to Kafka; without one the relay publishes everything.
    """

    database: Database
    clock: Clock
    metrics: Metrics
    health: HealthBoard
    partitions: int
    batch_events: int
    chance: random.Random
    poster: Poster | None = None
