"""`regulars.inbound`: events that other systems put on Kafka, let in like those over HTTP.

The topic is protected by Kafka's own access lists; whose an event is, is said by its `source`,
which must be one that a registered source may use. What is refused becomes a dead letter with the
reason. A batch is two transactions. The first makes its members, as a request does: names belong to
the whole chain and to no lane, and whoever is known stays known when the second fails. The second
is the lane's: the events in the outbox, the dead letters, the position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.ingest.domain.candidate import Candidate
from services.ingest.domain.reading import read_binary, read_event
from services.ingest.domain.recent import Recent
from services.ingest.domain.refusal import Refusal, Wrong, invalid, wrong_field
from services.ingest.domain.splice import spliced
from services.ingest.handlers.identifying import Identifier
from services.ingest.handlers.naming import Naming
from services.ingest.handlers.publishing import Admission
from services.ingest.handlers.source_book import SourceBook
from services.ingest.handlers.store_book import StoreBook
from services.ingest.handlers.unforeseen import own_up
from services.ingest.metrics import IngestMetrics
from shared.clock import to_datetime
from shared.db import Transaction
from shared.events.edge import Problem
from shared.events.meaning import Bounds
from shared.events.topics import EVENTS
from shared.kafka.consumer import Record
from shared.observability.metrics import Metrics
from shared.outbox import Outgoing
from shared.runtime import dead_letters
from shared.runtime.batch import Arrived, Batch, WithoutTimers

CONSUMER: Final = "ingest"
_PREFIX: Final = "ce_"
_UNKNOWN_SOURCE: Final = wrong_field(
    "/source", "no registered source may use this `source`", "unknown-source"
)


class NotTaken(Exception):  # noqa: N818 - says what has happened
    """An event that is refused; the message says why, and becomes the dead letter's reason."""


@dataclass(frozen=True, slots=True)
class _Offered:
    arrived: Arrived
    candidate: Candidate
    traceparent: str | None


class SeenIds:
    """What recent events said, by source and id, to notice an id that comes with other content."""

    def __init__(self, remembered: int, metrics: IngestMetrics) -> None:
        """Remember the digests of so many events at least."""
        self._digests: Recent[tuple[str, str], int] = Recent(remembered)
        self._metrics = metrics

    def note(self, source: str, candidate: Candidate) -> None:
        """Remember what an event says; count it where it said something else before."""
        identity = (candidate.envelope.source, candidate.envelope.id)
        before = self._digests.get(identity)
        if before is None:
            self._digests.put(identity, candidate.digest)
        elif before != candidate.digest:
            self._metrics.differing.labels(source).inc()


class InboundHandler(WithoutTimers):
    """What is done with a batch of `regulars.inbound`."""

    def __init__(  # noqa: PLR0913 - what it is built from, by name
        self,
        *,
        sources: SourceBook,
        stores: StoreBook,
        admission: Admission,
        identifier: Identifier,
        naming: Naming,
        metrics: Metrics,
        bounds: Bounds,
        ids: SeenIds,
        name: str = CONSUMER,
        topic: str = EVENTS,
    ) -> None:
        """Judge by the same books as requests are judged; `name` is the consumer's."""
        self._sources = sources
        self._stores = stores
        self._admission = admission
        self._identifier = identifier
        self._naming = naming
        self._metrics = metrics
        self._bounds = bounds
        self._ids = ids
        self.name = name
        self._topic = topic

    async def handle(self, tx: Transaction, arrived: Sequence[Arrived], batch: Batch) -> None:
        """Let a batch of events in.

        Raises:
            NotTaken: a dead letter that is replayed is refused again.
            TimeoutError: others keep adding the same names: try again.
        """
        await self._sources.keep_fresh()
        await self._stores.keep_fresh()
        offered = [self._read(each) for each in arrived]
        own_up(each.candidate for each in offered)
        if any(self._sources.by_origin(origin) is None for origin in _origins(offered)):
            await self._sources.refresh()  # it may have been registered a moment ago
        self._admit(offered, batch)
        fresh = [each.candidate for each in offered if each.candidate.refusal is None]
        waiting = self._identifier.by_heart(fresh)
        if waiting:
            await self._naming.name(waiting, batch.now)
        self._emit(offered, batch)
        refused = [each for each in offered if each.candidate.refusal is not None]
        if batch.replay and refused:
            raise NotTaken(_reason(refused[0].candidate.refusal))  # its letter is there already
        for each in refused:
            await self._set_aside(tx, each, batch)

    def _read(self, arrived: Arrived) -> _Offered:
        record = arrived.record
        value = record.value or b""
        if record.value is None:
            words = "no value: a tombstone is no event"
            return _Offered(arrived, Candidate(raw=b"", refusal=wrong_field("", words)), None)
        found = _headers(record)
        trace = found.get("traceparent")
        traceparent = trace[0].decode("latin-1") if trace else None
        if "ce_specversion" not in found or _is_structured(found.get("content-type", [])):
            return _Offered(arrived, read_event(value, self._bounds), traceparent)
        candidate = self._read_binary(found, value)
        return _Offered(arrived, candidate, traceparent)

    def _read_binary(self, found: Mapping[str, Sequence[bytes]], value: bytes) -> Candidate:
        attributes: dict[str, str] = {}
        wrong: list[Wrong] = []
        for header, contents in found.items():
            if not header.startswith(_PREFIX):
                continue
            name = header.removeprefix(_PREFIX)
            if len(contents) > 1:
                wrong.append(Wrong(f"/{name}", f"the header {header} stands twice"))
            try:
                attributes[name] = contents[0].decode()
            except UnicodeDecodeError:
                wrong.append(Wrong(f"/{name}", f"the header {header} is not UTF-8"))
        candidate = read_binary(attributes, value, self._bounds)
        if wrong:
            told = {each.pointer for each in wrong}
            others = candidate.refusal.errors if candidate.refusal else ()
            errors = [*wrong, *(each for each in others if each.pointer not in told)]
            candidate.refusal = invalid([Problem(pointer=p, reason=words) for p, words in errors])
        return candidate

    def _admit(self, offered: Sequence[_Offered], batch: Batch) -> None:
        horizon = self._admission.horizon(batch.now)
        for each in offered:
            candidate = each.candidate
            if candidate.refusal is not None:
                continue
            source = self._sources.by_origin(candidate.envelope.source)
            if source is None:
                candidate.refusal = _UNKNOWN_SOURCE
                continue
            candidate.refusal = self._admission.refusal(source, candidate, horizon)
            if candidate.refusal is None:
                self._ids.note(source.name, candidate)

    def _emit(self, offered: Sequence[_Offered], batch: Batch) -> None:
        recorded = to_datetime(batch.now)
        for each in offered:
            candidate = each.candidate
            if candidate.refusal is not None:
                continue
            value = spliced(
                candidate.envelope,
                candidate.data,
                candidate.named,
                recorded=recorded,
                traceparent=each.traceparent,
                extensions=candidate.extensions,
            )
            named = candidate.named
            batch.outgoing.append(Outgoing(self._topic, named.partition, named.key, value))

    async def _set_aside(self, tx: Transaction, offered: _Offered, batch: Batch) -> None:
        reason = _reason(offered.candidate.refusal)
        record: Record = offered.arrived.record
        about = (offered.candidate.event_type, offered.candidate.event_id, None)
        await dead_letters.insert(
            tx, self.name, record, kind="poison", error=reason, now=batch.now, about=about
        )
        batch.outgoing.append(dead_letters.announcement(self.name, record, "poison", reason))
        self._metrics.dead_letters.labels(record.topic, "poison").inc()


def _origins(offered: Sequence[_Offered]) -> set[str]:
    return {each.candidate.envelope.source for each in offered if each.candidate.is_read}


def _reason(refusal: Refusal | None) -> str:
    """A refusal in one line: its kind, its words, and where."""
    if refusal is None:
        return ""
    where = "; ".join(f"{wrong.pointer or '/'}: {wrong.detail}" for wrong in refusal.errors)
    return f"{refusal.slug}: {refusal.detail}" + (f" ({where})" if len(refusal.errors) > 1 else "")


def _headers(record: Record) -> dict[str, list[bytes]]:
    """The headers that have a value, by name."""
    found: dict[str, list[bytes]] = {}
    for name, content in record.headers:
        if content is not None:
            found.setdefault(name.lower(), []).append(content)
    return found


def _is_structured(content_types: Sequence[bytes]) -> bool:
    """Whether the content type says that the value is the whole event: that decides."""
    return any(each.lower().startswith(b"application/cloudevents") for each in content_types)
