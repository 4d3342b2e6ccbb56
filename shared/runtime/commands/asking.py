"""The API's half of commands: publish, wait for the verdict, and know what was decided before.

Nobody polls: the lane's transaction notifies at commit, and says the verdict with it. What a broken
connection may have swallowed is looked up when there is a new one, and once more when the time is
over.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from shared.backoff import rest, unless
from shared.clock import Clock
from shared.db import Database, is_transient
from shared.db.database import connect
from shared.events import CONTENT_TYPE_HEADER, encode, topics
from shared.events.commands import Command
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Message, Outcome, Producer
from shared.runtime.commands import store
from shared.runtime.commands.store import CHANNEL, Decided, Known

log = logging.getLogger(__name__)

_LISTEN_SECONDS_MAX: Final = 5.0
_PAUSE_SECONDS: Final = 0.5
_TAKE_SECONDS_MAX: Final = 3.0

_Waiter = asyncio.Future[Decided]


class NotTakenError(Exception):
    """Kafka did not confirm the command: it may be there all the same; asking again is right."""


class Answer(NamedTuple):
    """The verdict, and whether it was there before this request."""

    decided: Decided
    replayed: bool


class CommandLog(NamedTuple):
    """Where commands go, and in whose name.

    Attributes:
        source: of the commands' events.
        partitions: of the member topics.
        topic: of the facts, where the lanes read.
    """

    source: str
    partitions: int
    topic: str = topics.EVENTS


class Asking:
    """Asks the lanes of one service; `run` has to run beside it."""

    def __init__(
        self,
        database: Database,
        producer: Producer,
        clock: Clock,
        log: CommandLog,
        *,
        wait_seconds: float,
    ) -> None:
        """Join the service's database and its way to Kafka.

        Args:
            database: where `commands` is.
            producer: publishes the commands.
            clock: says when they were asked.
            log: where they go.
            wait_seconds: how long a caller waits for the verdict.
        """
        self._database = database
        self._producer = producer
        self._clock = clock
        self._log = log
        self._wait_seconds = wait_seconds
        self._waiters: dict[UUID, list[_Waiter]] = {}
        self._wanted: dict[UUID, asyncio.Future[Known | None]] = {}
        self._asked = asyncio.Event()

    async def ask(self, id_: UUID, member: UUID, kind: str, data: Command) -> Answer | None:
        """Ask for something; None: it is not decided within the time.

        Args:
            id_: of the command; asked again with the same one it is the same command.
            member: whom it is about.
            kind: the event type.
            data: what is asked for.

        Raises:
            NotTakenError: nothing may have happened.
        """
        with self._waiting(id_) as (waiter, first):
            known = await self.find(id_)
            if known is not None and known.decided is not None:
                return Answer(known.decided, replayed=True)
            if first:
                await self._publish(id_, member, kind, data)
            try:
                async with asyncio.timeout(self._wait_seconds):
                    return Answer(await waiter, replayed=not first)
            except TimeoutError:
                known = await self.find(id_)
            if known is None or known.decided is None:
                return None
            return Answer(known.decided, replayed=not first)

    async def find(self, id_: UUID) -> Known | None:
        """What is known of a command; None: no lane has read it. Who asks at once asks together.

        Raises:
            TimeoutError: the database does not answer.
        """
        answer = self._wanted.get(id_)
        if answer is None:
            answer = self._wanted[id_] = asyncio.get_running_loop().create_future()
            self._asked.set()
        async with asyncio.timeout(_TAKE_SECONDS_MAX):
            return await asyncio.shield(answer)

    async def run(self, stop: asyncio.Event) -> None:
        """Hear of verdicts and look up earlier ones, until told to stop."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._keep_listening(stop))
            loops.create_task(self._keep_looking(stop))

    async def _keep_listening(self, stop: asyncio.Event) -> None:
        """A connection that breaks is replaced."""
        while not stop.is_set():
            try:
                await self._listen(stop)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("verdicts are not heard of for a moment: %r", error)
                await rest(stop, _PAUSE_SECONDS)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await connect(self._database.url, "verdicts", _LISTEN_SECONDS_MAX)
        again, broken = asyncio.Event(), asyncio.Event()

        def ended(_: object) -> None:
            broken.set()
            again.set()

        connection.add_termination_listener(ended)
        try:
            await connection.add_listener(CHANNEL, partial(self._heard, again))
            while not (broken.is_set() or stop.is_set()):
                again.clear()
                await self._look_again()
                await unless(stop, again.wait())
        finally:
            connection.terminate()

    async def _look_again(self) -> None:
        """What was decided while nobody listened, or is too long to be said."""
        waiting = list(self._waiters)
        if not waiting:
            return
        for id_, known in (await self._look(waiting)).items():
            if known.decided is not None:
                self._tell(id_, known.decided)

    async def _look(self, ids: Sequence[UUID]) -> dict[UUID, Known]:
        async with self._database.write_set() as tx:  # reads alone: one round trip
            return await store.look(tx, self._log.partitions, ids)

    def _heard(
        self,
        again: asyncio.Event,
        _connection: object,
        _pid: int,
        _channel: str,
        payload: object,
    ) -> None:
        id_, _, told = str(payload).partition(" ")
        known = UUID(id_)
        if known not in self._waiters:
            return  # another process asked
        at, _, verdict = told.partition(" ")
        if verdict:
            self._tell(known, Decided(int(at), verdict))
        else:  # too long to be said
            again.set()

    def _tell(self, id_: UUID, decided: Decided) -> None:
        for waiter in self._waiters.get(id_, ()):
            if not waiter.done():
                waiter.set_result(decided)

    @contextmanager
    def _waiting(self, id_: UUID) -> Iterator[tuple[_Waiter, bool]]:
        """Wait for a verdict; says too whether nobody in this process did so before."""
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(id_, [])
        waiters.append(waiter)
        try:
            yield waiter, len(waiters) == 1
        finally:
            waiters.remove(waiter)
            if not waiters:
                del self._waiters[id_]

    async def _publish(self, id_: UUID, member: UUID, kind: str, data: Command) -> None:
        now = self._clock.now()
        subject = str(member)
        partition = partition_of(subject.encode(), self._log.partitions)
        value = encode(
            type=kind,
            source=self._log.source,
            id=str(id_),
            subject=subject,
            at=now,
            data=data,
            recorded_at=now,
        )
        message = Message(
            self._log.topic, partition, subject.encode(), value, (CONTENT_TYPE_HEADER,)
        )
        outcome = await self._producer.send(message, _TAKE_SECONDS_MAX)
        if outcome is not Outcome.CONFIRMED:
            raise NotTakenError(outcome.value)

    async def _keep_looking(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await unless(stop, self._asked.wait())
            self._asked.clear()
            wanted, self._wanted = self._wanted, {}
            if not wanted:
                continue
            try:
                found = await self._look(list(wanted))
            except Exception as error:  # noqa: BLE001 - handed to everybody who asked
                for answer in wanted.values():
                    answer.set_exception(error)
                    answer.exception()  # whoever asked may have gone
            else:
                for id_, answer in wanted.items():
                    answer.set_result(found.get(id_))
