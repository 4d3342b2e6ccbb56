"""Delivering: one loop for each destination of the program, so that none waits for another.

A turn of a loop: claim as many jobs as the destination may be given now (its circuit breaker, its
rate limit), speak outside of any transaction, then write what came of it, with the receipts, in one
transaction for each partition. A worker killed in between leaves its claims to the next one; the
message may then be said a second time, with the same idempotency key.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from services.notify.domain.breaker import CircuitBreaker, RateLimit
from services.notify.domain.delivery import (
    Answer,
    Away,
    Later,
    Message,
    Next,
    Refused,
    Spoken,
    after_attempt,
)
from services.notify.domain.job import WITHDRAWN
from services.notify.domain.last_look import last_look, look_at_journey
from services.notify.domain.program import Destination, Program
from services.notify.domain.retry import RetrySchedule
from services.notify.domain.state import MemberState
from services.notify.domain.template import ContentError
from services.notify.handlers.controls import ControlBook
from services.notify.handlers.wording import word
from services.notify.metrics import NotifyMetrics
from services.notify.senders import Sender
from services.notify.store import deliveries
from services.notify.store.deliveries import Claimed, Result
from shared.backoff import rest
from shared.clock import SECOND, Clock, Instant
from shared.db import Database, Transaction, is_transient
from shared.events import encode, topics, types
from shared.events.decisions import JobFailed, JobSent
from shared.kafka.partitioner import partition_of
from shared.outbox import Outgoing, append
from shared.runtime.program import ProgramHistory

log = logging.getLogger(__name__)

SOURCE = "urn:regulars:notify:delivery"
AT_ONCE_MAX = 64
_IDLE_SECONDS = 0.5
_REFRESH_SECONDS = 2.0
_TROUBLE_SECONDS = 1.0
_EXPIRED_AT_ONCE = 1_000
_LEASE_MARGIN_SECONDS = 30.0
_JUDGED_ANEW: Instant = 5 * SECOND

_state = msgspec.msgpack.Decoder(MemberState).decode

MakeSender = Callable[[Destination], Sender]


@dataclass(frozen=True)
class Office:
    """What delivery loops share."""

    database: Database
    clock: Clock
    history: ProgramHistory[Program]
    metrics: NotifyMetrics
    partitions: int
    make_sender: MakeSender
    book: ControlBook = field(default_factory=ControlBook)
    schedule: RetrySchedule = field(default_factory=RetrySchedule)

    @property
    def program(self) -> Program:
        """The program in force now: where a channel leads to is no matter of history."""
        return self.history.at(self.clock.now()).program


class Dispatcher:
    """Keeps one loop running for each destination that the program names, now or later."""

    def __init__(self, office: Office) -> None:
        """Describe the work; `run` does it."""
        self._office = office

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop; what is being said is finished."""
        running: dict[Destination, asyncio.Event] = {}
        async with asyncio.TaskGroup() as loops:
            while not stop.is_set():
                try:
                    await self._housekeeping()
                except Exception as error:
                    if not is_transient(error):
                        raise
                    log.warning("delivery waits for the database: %r", error)
                else:
                    self._follow(running, loops)
                await rest(stop, _REFRESH_SECONDS)
            for ended in running.values():
                ended.set()

    def _follow(self, running: dict[Destination, asyncio.Event], loops: asyncio.TaskGroup) -> None:
        """Start loops for destinations that are new, end those of destinations that changed."""
        wanted = set(self._office.program.destinations.values())
        for gone in running.keys() - wanted:
            running.pop(gone).set()
        for new in wanted - running.keys():
            running[new] = ended = asyncio.Event()
            loops.create_task(DestinationLoop(new, self._office).run(ended), name=new.name)

    async def _housekeeping(self) -> None:
        """New versions of the program; jobs whose deadline passed while they waited."""
        office = self._office
        async with office.database.transaction() as tx:
            await office.history.refresh(tx)
            await office.book.refresh(tx)
            now = office.clock.now()
            overdue = await deliveries.overdue(tx, now, _EXPIRED_AT_ONCE)
            for channel, count in (await deliveries.depth(tx)).items():
                office.metrics.waiting.labels(channel).set(count)
        failed = Next("failed", now, "past_deadline")
        for partition, jobs in overdue.items():
            async with office.database.transaction() as tx:
                expired = await deliveries.expire(tx, partition, jobs, now)
                receipts = [
                    _receipt(office.partitions, str(job), str(member), channel, failed)
                    for job, member, channel in expired
                ]
                await append(tx, receipts, now, partition=partition)


class DestinationLoop:
    """One destination: its sender, breaker and rate."""

    def __init__(self, destination: Destination, office: Office) -> None:
        """Begin with a closed breaker and a full bucket."""
        self._destination = destination
        self._office = office
        self._sender = office.make_sender(destination)
        self._breaker = CircuitBreaker()
        self._rate = RateLimit(destination.per_second)
        self._lease = int((destination.timeout_seconds + _LEASE_MARGIN_SECONDS) * SECOND)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop."""
        try:
            while not stop.is_set():
                try:
                    seconds = await self.turn()
                except Exception as error:
                    if not is_transient(error):
                        raise
                    log.warning("%s waits for the database: %r", self._destination.name, error)
                    seconds = _TROUBLE_SECONDS
                if seconds > 0:
                    await rest(stop, seconds)
        finally:
            await self._sender.close()

    async def turn(self) -> float:
        """Deliver what may be delivered now; returns how many seconds to wait."""
        now = self._office.clock.now()
        room = self._room(now)
        if room == 0:
            free_at = max(self._breaker.free_at(now), self._rate.free_at(now))
            return min(_IDLE_SECONDS, max(0.0, (free_at - now) / SECOND))
        ready = await self._ready(now, room)
        if not ready:
            return _IDLE_SECONDS
        claimed = await self._claim(ready, now)
        if not claimed:
            return 0.0  # another worker was quicker: see what is left
        self._rate.take(len(claimed))
        answers = await self._speak_all(claimed)
        await self._record(claimed, answers)
        return 0.0

    def _room(self, now: Instant) -> int:
        room = min(AT_ONCE_MAX, self._rate.room(now))
        probes = self._breaker.room(now)
        resting = self._office.metrics.resting.labels(self._destination.name)
        resting.set(0 if probes is None else 1)
        return room if probes is None else min(room, probes)

    async def _ready(self, now: Instant, limit: int) -> dict[int, list[UUID]]:
        channels = [
            channel.name
            for channel in self._office.program.channels.values()
            if channel.destination == self._destination.name
        ]
        async with self._office.database.transaction() as tx:
            return await deliveries.ready(tx, channels, now, limit)

    async def _claim(self, ready: Mapping[int, Sequence[UUID]], now: Instant) -> list[Claimed]:
        claimed: list[Claimed] = []
        for partition, jobs in ready.items():
            async with self._office.database.transaction() as tx:
                claimed += await deliveries.claim(tx, partition, jobs, now, lease=self._lease)
        return claimed

    async def _speak_all(self, claimed: Sequence[Claimed]) -> list[Answer]:
        async with asyncio.TaskGroup() as speaking:
            tasks = [speaking.create_task(self._speak(job)) for job in claimed]
        return [task.result() for task in tasks]

    async def _speak(self, job: Claimed) -> Answer:
        against = self._last_look(job)
        if against is not None:
            return against
        made = self._message(job)
        if isinstance(made, Refused):
            return made
        message, version = made
        started = time.perf_counter()
        try:
            answer = await self._sender.send(message)
        except Exception as error:  # a fault with one message must not stop the rest
            log.exception("the sender of %s fails", self._destination.name)
            answer = Away(f"fault: {type(error).__name__}")
        self._office.metrics.attempt_seconds.labels(self._destination.name).observe(
            time.perf_counter() - started
        )
        if isinstance(answer, Spoken):
            return Spoken(answer.provider_id, version)
        return answer

    def _last_look(self, job: Claimed) -> Refused | Later | None:
        """Ask once more whether the message may be said, of the member as they are now."""
        now = self._office.clock.now()
        if any(each.version == job.program_version for each in self._office.history.withdrawn):
            return Later(
                now + _JUDGED_ANEW, WITHDRAWN
            )  # its lane is about to say what becomes of it
        controls = self._office.book.controls
        if controls and job.journey is not None and job.decided_at is not None:
            against = look_at_journey(controls, job.journey, decided_at=job.decided_at, now=now)
            if against is not None:
                return against
        if job.member_state == b"":
            return None  # about to be folded anew: nothing is known for the moment
        return last_look(
            MemberState(member=job.member_id.bytes)
            if job.member_state is None
            else _state(job.member_state),
            self._office.program,
            channel=job.channel,
            category=job.category,
            deadline=job.deadline,
            now=now,
        )

    def _message(self, job: Claimed) -> tuple[Message, int] | Refused:
        """Render a job; Refused when that cannot be done. With the version whose words it is in."""
        office = self._office
        content = msgspec.json.decode(job.content)
        member, now = str(job.member_id), office.clock.now()
        try:
            worded = word(office.history, job.template, job.program_version, content, member, now)
        except ContentError as error:
            return Refused(str(error))
        bytes_max = office.program.channels[job.channel].bytes_max
        if bytes_max is not None and worded.size > bytes_max:
            return Refused(f"{worded.size} bytes, and {job.channel} takes {bytes_max}")
        message = Message(
            job_id=str(job.job_id),
            member_id=str(job.member_id),
            channel=job.channel,
            category=job.category,
            purpose=job.purpose,
            template=job.template,
            language=worded.language,
            text=worded.text,
            store_id=job.store_id,
        )
        return message, worded.version

    async def _record(self, claimed: Sequence[Claimed], answers: Sequence[Answer]) -> None:
        office = self._office
        now = office.clock.now()
        follows = {
            job.job_id: after_attempt(answer, job.attempts, now, job.deadline, office.schedule)
            for job, answer in zip(claimed, answers, strict=True)
        }
        for answer in answers:
            self._learn(answer, now)
        for partition in sorted({job.partition for job in claimed}):
            mine = [job for job in claimed if job.partition == partition]
            async with office.database.transaction() as tx:
                await _write(tx, partition, office.partitions, mine, follows, now)
        for follow in follows.values():
            result = "retried" if follow.state == "waiting" else follow.state
            office.metrics.attempts.labels(self._destination.name, result).inc()

    def _learn(self, answer: Answer, now: Instant) -> None:
        match answer:
            case Spoken():
                self._breaker.succeeded()
            case Away():
                self._breaker.failed(now)
            case Refused() | Later():
                pass  # says something about the message, not about the destination


async def _write(
    tx: Transaction,
    partition: int,
    partitions: int,
    claimed: Sequence[Claimed],
    follows: Mapping[UUID, Next],
    now: Instant,
) -> None:
    results = [
        Result(job.job_id, job.attempts, *follow)
        for job in claimed
        for follow in (follows[job.job_id],)
    ]
    ours = await deliveries.record(tx, partition, results, now)
    receipts = [
        _receipt(partitions, str(job.job_id), str(job.member_id), job.channel, follow)
        for job in claimed
        for follow in (follows[job.job_id],)
        if job.job_id in ours and follow.state != "waiting"
    ]
    await append(tx, receipts, now, partition=partition)


def _receipt(partitions: int, job: str, member: str, channel: str, follow: Next) -> Outgoing:
    """The event that says what became of a job."""
    sent = follow.state == "sent"
    value = encode(
        type=types.JOB_SENT if sent else types.JOB_FAILED,
        source=SOURCE,
        id=f"{job}:{follow.state}",
        subject=member,
        at=follow.at,
        data=(
            JobSent(job_id=job, channel=channel)
            if sent
            else JobFailed(job_id=job, channel=channel, error=follow.error)
        ),
        recorded_at=follow.at,
    )
    key = member.encode()
    return Outgoing(topics.RECEIPTS, partition_of(key, partitions), key, value)
