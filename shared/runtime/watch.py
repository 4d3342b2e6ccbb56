"""The watch: asks the database and Kafka how they are and how much waits, whatever else goes on.

Two loops beside the work, so that figures and readiness are true also while nothing works: with
PostgreSQL away, a lane in its back-off, a group that does not form. A server that is away is told
from a server that hangs by nothing; both do not answer. Two questions in a row must fail before it
counts, for one alone may have failed for our own fault (a busy process).

When the database does not answer, all that waits for it is cut off (`Database.abandon`): a frozen
server would otherwise hold each of them for as long as its longest statement may take.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import asyncpg

from shared.backoff import rest
from shared.clock import SECOND, Clock
from shared.db import Database, is_transient
from shared.kafka.ends import Ends, KafkaSilent
from shared.observability.metrics import Metrics
from shared.runtime.http.health import HealthBoard
from shared.runtime.vitals import Vitals, measure

log = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0
_AWAY_PERIOD_SECONDS = 1.0  # to hear soon that it is there again
ANSWER_SECONDS_MAX = 1.5
STATEMENT_SECONDS_MAX = 3.0
_KINDS = ("undecodable", "poison", "timer")

_T = TypeVar("_T")


class Watch:
    """Keeps the gauges and two lines of the health board true, for one process of a service."""

    def __init__(  # noqa: PLR0913 - what is watched, by name
        self,
        *,
        url: str,
        bootstrap: str,
        inputs: Iterable[tuple[str, int]],
        stream: bool,
        clock: Clock,
        metrics: Metrics,
        health: HealthBoard,
        pools: Sequence[Database] = (),
    ) -> None:
        """Describe what to watch; `run` does it.

        Args:
            url: the service's database; it is asked over a connection of the watch's own.
            bootstrap: the brokers.
            inputs: topics and partitions that the service reads, in whatever process.
            stream: with the stream clock.
            clock: the wall's.
            metrics: where the figures go.
            health: where `database` and `kafka` stand.
            pools: what is cut off when the database does not answer.
        """
        self._database = Database(
            url,
            application_name="regulars-watch",
            connections_max=1,
            open_seconds_max=ANSWER_SECONDS_MAX,
            statement_seconds_max=STATEMENT_SECONDS_MAX,
        )
        self._ends = Ends(bootstrap, seconds_max=ANSWER_SECONDS_MAX)
        self._inputs = list(inputs)
        self._stream = stream
        self._clock = clock
        self._pools = pools
        self._figures = _Figures(metrics, clock, self._inputs)
        self._checks = {name: health.dependency(name) for name in ("database", "kafka")}
        self._metrics = metrics
        self._vitals = Vitals()
        self._seen: dict[tuple[str, int], int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until told to stop."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._keep("database", self._look_at_database, stop))
                loops.create_task(self._keep("kafka", self._look_at_kafka, stop))
        finally:
            await self._ends.close()
            self._database.abandon()

    async def _keep(
        self, name: str, look: Callable[[], Awaitable[None]], stop: asyncio.Event
    ) -> None:
        """Look again and again; nothing that goes wrong here may end the process."""
        check, up = self._checks[name], self._metrics.dependency_up.labels(name)
        while not stop.is_set():
            try:
                await look()
            except Exception as error:  # noqa: BLE001 - the watch outlives what it watches
                if check.ok or not check.why:
                    log.warning("%s does not answer: %r", name, error)
                check.down(_words(error))
                up.set(0)
            else:
                if not check.ok:
                    log.info("%s answers", name)
                check.up()
                up.set(1)
            await rest(stop, PERIOD_SECONDS if check.ok else _AWAY_PERIOD_SECONDS)

    async def _look_at_database(self) -> None:
        try:
            now = None if self._stream else self._clock.now()
            self._vitals = await _twice(lambda: measure(self._database, now), is_transient)
        except asyncpg.QueryCanceledError:
            log.warning("the database answers, but not how much waits: it is slow")
        except OSError:
            self._figures.tell(self._vitals)  # what is known, as old as it now is
            for pool in self._pools:
                pool.abandon()
            raise
        self._figures.tell(self._vitals)

    async def _look_at_kafka(self) -> None:
        positions = self._vitals.positions  # before the ends: a position never lies beyond them
        ends = await _twice(lambda: self._ends.latest(self._inputs), _is_silence)
        behind = [
            each for each, end in ends.items() if end is not None and end > positions.get(each, 0)
        ]
        # what was deleted for its age waits for nobody
        begins = await self._ends.earliest(behind) if behind else {}
        for each, end in ends.items():
            reached = max(positions.get(each, 0), begins.get(each) or 0)
            self._figures.lag(each, None if end is None else max(0, end - reached))
            if end is not None and end < max(self._seen.get(each, 0), positions.get(each, 0)):
                self._figures.recreated(each, end)
            if end is None:
                self._seen.pop(each, None)
            else:
                self._seen[each] = end


class _Figures:
    """The gauges; each is set from the first look on, zeros included."""

    def __init__(self, metrics: Metrics, clock: Clock, inputs: Sequence[tuple[str, int]]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._letters: set[tuple[str, int, str]] = set()
        for topic, partition in inputs:
            metrics.topic_recreations.labels(topic, str(partition))
            self._letters |= {(topic, partition, kind) for kind in _KINDS}

    def tell(self, vitals: Vitals) -> None:
        """What the database said, and how old it has become."""
        metrics = self._metrics
        self._letters |= vitals.letters.keys()
        for topic, partition, kind in self._letters:
            held = vitals.letters.get((topic, partition, kind), 0)
            metrics.dead_letters_held.labels(topic, str(partition), kind).set(held)
        since = vitals.outbox_since
        age = 0 if since is None else max(0, self._clock.now() - since)
        metrics.outbox_messages.set(vitals.outbox_messages)
        metrics.outbox_age_seconds.set(age / SECOND)
        metrics.timers_due.set(vitals.timers_due)
        metrics.timers_late_seconds.set(vitals.timers_late / SECOND)
        metrics.judge_anew_members.set(vitals.to_judge_anew)
        for (topic, partition), position in vitals.positions.items():
            metrics.position_events.labels(topic, str(partition)).set(position)

    def lag(self, which: tuple[str, int], waiting: int | None) -> None:
        """How much of a partition waits; None: it does not exist."""
        topic, partition = which[0], str(which[1])
        self._metrics.topics_missing.labels(topic, partition).set(waiting is None)
        if waiting is not None:
            self._metrics.lag_events.labels(topic, partition).set(waiting)

    def recreated(self, which: tuple[str, int], end: int) -> None:
        """A partition ends before where it has already been read."""
        log.error("%s-%d ends at %d, before where it was: it was made anew", *which, end)
        self._metrics.topic_recreations.labels(which[0], str(which[1])).inc()


async def _twice(ask: Callable[[], Awaitable[_T]], passes: Callable[[BaseException], bool]) -> _T:
    """Ask; and once more, for a fault of the asker's own must not be the server's."""
    try:
        return await ask()
    except Exception as error:
        if not passes(error):
            raise
    return await ask()


def _is_silence(error: BaseException) -> bool:
    return isinstance(error, KafkaSilent)


def _words(error: Exception) -> str:
    """Why, without secrets."""
    if isinstance(error, TimeoutError):
        return "does not answer"
    return f"does not answer: {type(error).__name__}"
