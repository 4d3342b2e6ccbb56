"""Publishing events: may they, who are they about, on Kafka, confirmed.

The order is the promise: an event is answered `accepted` only when all in-sync replicas have it,
and is remembered as seen only then. Whoever needs the database and cannot have it is refused; all
others go on.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.ingest.domain.candidate import Candidate, Named
from services.ingest.domain.recent import Recent
from services.ingest.domain.refusal import (
    DATABASE_AWAY,
    KAFKA_AWAY,
    UNCONFIRMED,
    Refusal,
    wrong_field,
)
from services.ingest.domain.source import Source, forbidden
from services.ingest.domain.splice import spliced
from services.ingest.handlers.identifying import Identifier
from services.ingest.handlers.naming import Naming
from services.ingest.handlers.rejecting import RejectionLog
from services.ingest.handlers.store_book import StoreBook
from services.ingest.handlers.unforeseen import own_up, unforeseen
from services.ingest.metrics import IngestMetrics
from shared.clock import Clock, Instant, to_datetime
from shared.db import is_transient
from shared.events import CONTENT_TYPE_HEADER
from shared.events.topics import EVENTS
from shared.kafka.producer import Message, Outcome, Producer

_Identity = tuple[str, str]
"""What makes an event the same event: its `source` and `id`."""
_Seen = tuple[Named, int]
"""Whom a confirmed event is about, and the digest of what it says."""

_HEADERS: Final = [CONTENT_TYPE_HEADER]
_DATABASE_PAUSE_SECONDS: Final = 1.0
_TOO_LARGE_FOR_KAFKA: Final = Refusal(413, "too-large", "with its envelope this event is too large")
_CONTENTS_MAX: Final = 3
"""How many contents of one id in one request are judged; further ones share the last refusal."""
_REFUSALS: Final = {
    Outcome.UNCONFIRMED: UNCONFIRMED,
    Outcome.REFUSED: KAFKA_AWAY,
    Outcome.TOO_LARGE: _TOO_LARGE_FOR_KAFKA,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What the publisher is told from outside.

    Attributes:
        deadline_seconds: when a request is answered at the latest.
        duplicates_remembered: how many identities of confirmed events are remembered at least.
        topic: where facts go.
    """

    deadline_seconds: float = 2.0
    duplicates_remembered: int = 50_000
    topic: str = EVENTS


class Admission:
    """Whether a source may publish an event."""

    def __init__(self, stores: StoreBook, ahead_max: Instant | None) -> None:
        """Judge by these stores and this reach of clocks."""
        self._stores = stores
        self._ahead_max = ahead_max

    def horizon(self, now: Instant) -> datetime | None:
        """The latest time that an event may have."""
        return None if self._ahead_max is None else to_datetime(now + self._ahead_max)

    def refusal(
        self, source: Source, candidate: Candidate, horizon: datetime | None
    ) -> Refusal | None:
        """Why this well-formed event is not taken from this source; None where it is."""
        envelope = candidate.envelope
        store_id = candidate.store_id
        if horizon is not None and envelope.time > horizon:
            return wrong_field(
                "/time",
                "this time lies in the future, further than clocks may differ",
                "time-in-the-future",
            )
        if source.limited:
            refusal = forbidden(source, envelope.type, envelope.source, store_id)
            if refusal is not None:
                return refusal
        if store_id is not None and not self._stores.is_confirmed(store_id):
            if source.strict:
                words = "there is no master data of this store, and this source is strict"
                return wrong_field("/data/store_id", words, "unknown-store")
            self._stores.note(store_id, source.name)
        return None


class Publisher:
    """Takes candidates to Kafka; afterwards each has a refusal, or was confirmed."""

    def __init__(  # noqa: PLR0913 - what it is built from, by name
        self,
        *,
        producer: Producer,
        clock: Clock,
        admission: Admission,
        identifier: Identifier,
        naming: Naming,
        rejections: RejectionLog,
        metrics: IngestMetrics,
        policy: Policy,
    ) -> None:
        """Put a publisher together."""
        self._producer = producer
        self._clock = clock
        self._admission = admission
        self._identifier = identifier
        self._naming = naming
        self._rejections = rejections
        self._metrics = metrics
        self._policy = policy
        self._confirmed: Recent[_Identity, _Seen] = Recent(policy.duplicates_remembered)
        self._database_back_at = 0.0

    async def publish(
        self, source: Source, candidates: Sequence[Candidate], traceparent: str | None
    ) -> None:
        """Publish what can be published.

        Where one of several makes us stumble, each is published alone: then only that one is
        refused. Sending another twice does no harm.
        """
        try:
            await self._publish(source, candidates, traceparent)
        except Exception as error:  # noqa: BLE001 - one event's fault is not its neighbours'
            if len(candidates) > 1:
                for candidate in candidates:
                    await self.publish(source, [candidate], traceparent)
                return
            candidates[0].refusal = UNCONFIRMED if is_transient(error) else unforeseen(error)
            self._count(source, candidates)

    async def _publish(
        self, source: Source, candidates: Sequence[Candidate], traceparent: str | None
    ) -> None:
        started = time.monotonic()
        own_up(candidates)
        now = self._clock.now()
        others = await self._take(source, candidates, now, traceparent, started)
        for _ in range(_CONTENTS_MAX - 1):
            if not others:
                break
            for each in others:
                each.refusal = None
            others = await self._take(source, others, now, traceparent, started)
        self._count(source, candidates)

    async def _take(
        self,
        source: Source,
        candidates: Sequence[Candidate],
        now: Instant,
        traceparent: str | None,
        started: float,
    ) -> list[Candidate]:
        """Take events; returns those that share a refusal and say something else.

        They have the id of one that was refused beside them, and may be what was put right.
        """
        fresh, repeated = self._admit(source, candidates, now)
        waiting = self._identifier.by_heart(fresh.values())
        if waiting:
            # half of the time at most, so that the others can still be confirmed
            await self._ask_database(waiting, now, self._left(started) / 2)
        taken = {key: each for key, each in fresh.items() if each.refusal is None}
        await self._send(taken, now, traceparent, started)
        others: list[Candidate] = []
        for again, first in repeated:
            again.named, again.refusal = first.named, first.refusal
            if first.refusal is None:
                again.duplicate = True
                counts = self._confirmed.get((again.envelope.source, again.envelope.id))
                again.differs = counts is not None and again.digest != counts[1]
            elif not first.refusal.is_ours and again.digest != first.digest:
                others.append(again)
        return others

    def _left(self, started: float) -> float:
        return max(0.0, self._policy.deadline_seconds - (time.monotonic() - started))

    def _admit(
        self, source: Source, candidates: Sequence[Candidate], now: Instant
    ) -> tuple[dict[_Identity, Candidate], list[tuple[Candidate, Candidate]]]:
        """Sort out what may not pass, and what was confirmed before or stands here twice."""
        horizon = self._admission.horizon(now)
        refusal = self._admission.refusal
        fresh: dict[_Identity, Candidate] = {}
        repeated: list[tuple[Candidate, Candidate]] = []
        for candidate in candidates:
            if candidate.refusal is not None:
                continue
            candidate.refusal = refusal(source, candidate, horizon)
            if candidate.refusal is not None:
                continue
            envelope = candidate.envelope
            first = fresh.setdefault((envelope.source, envelope.id), candidate)
            if first is not candidate:
                repeated.append((candidate, first))
        for identity, (named, digest) in self._confirmed.among(fresh.keys()).items():
            candidate = fresh.pop(identity)
            candidate.named, candidate.duplicate = named, True
            candidate.differs = candidate.digest != digest
        return fresh, repeated

    async def _ask_database(
        self, waiting: Sequence[Candidate], now: Instant, seconds: float
    ) -> None:
        """Name events whose names are not known by heart, or refuse them when that cannot be."""
        if time.monotonic() >= self._database_back_at:
            try:
                async with asyncio.timeout(seconds):
                    await self._naming.name(waiting, now)
            except Exception as error:
                if not is_transient(error):
                    raise
                self._database_back_at = time.monotonic() + _DATABASE_PAUSE_SECONDS
            else:
                return
        for candidate in waiting:
            if candidate.refusal is None:
                candidate.refusal = DATABASE_AWAY

    async def _send(
        self,
        candidates: dict[_Identity, Candidate],
        now: Instant,
        traceparent: str | None,
        started: float,
    ) -> None:
        """Produce, and see what Kafka confirms in time."""
        if not candidates:
            return
        recorded = to_datetime(now)
        messages: list[Message] = []
        topic = self._policy.topic
        for candidate in candidates.values():
            named = candidate.named
            value = spliced(
                candidate.envelope,
                candidate.data,
                named,
                recorded=recorded,
                traceparent=traceparent,
                extensions=candidate.extensions,
            )
            messages.append(Message(topic, named.partition, named.key, value, _HEADERS))
        handed = time.monotonic()
        left = self._left(started)
        if len(messages) == 1:
            outcomes = [await self._producer.send(messages[0], left)]
        else:
            outcomes = await self._producer.send_many(messages, left)
        self._metrics.confirm_seconds.observe(time.monotonic() - handed)
        self._settle(candidates, outcomes)

    def _settle(self, candidates: dict[_Identity, Candidate], outcomes: Sequence[Outcome]) -> None:
        confirmed: dict[_Identity, _Seen] = {}
        for (identity, candidate), outcome in zip(candidates.items(), outcomes, strict=True):
            if outcome is Outcome.CONFIRMED:
                confirmed[identity] = candidate.named, candidate.digest
            else:
                candidate.refusal = _REFUSALS[outcome]
        self._confirmed.update(confirmed)

    def _count(self, source: Source, candidates: Sequence[Candidate]) -> None:
        self._metrics.request_events.observe(len(candidates))
        refused = [each for each in candidates if each.refusal is not None]
        duplicates = sum(each.duplicate for each in candidates)
        answers = self._metrics.answers
        answers.labels(source.name, "accepted").inc(len(candidates) - len(refused) - duplicates)
        if duplicates:
            answers.labels(source.name, "duplicate").inc(duplicates)
            different = sum(each.differs for each in candidates)
            if different:
                self._metrics.differing.labels(source.name).inc(different)
        if refused:
            unconfirmed = sum(each.refusal.is_ours for each in refused if each.refusal)
            answers.labels(source.name, "unconfirmed").inc(unconfirmed)
            answers.labels(source.name, "rejected").inc(len(refused) - unconfirmed)
            self._rejections.note(source, refused)
