"""Events over HTTP into ingest, in order, each until it is confirmed.

One batch is in flight at a time: ingest takes the items of a batch in order, so everything about
one member arrives in the order in which it happened. Meanwhile the next batch is made in a thread.
That keeps a core of ingest busy; lanes by member would gain little on one machine and would lose
the order between members.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from deploy.demo.errors import RefusedError, ServiceTroubleError
from shared.clock import Instant

BATCH_EVENTS_MAX: Final = 1_000
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024 - 4096
_MULTI_STATUS: Final = 207
_TRY_AGAIN: Final = (429, 502, 503, 504)
_PATIENCE_SECONDS: Final = 120.0
_BATCHES_A_SECOND: Final = 4
_WAIT_SECONDS: Final = 0.2
_WAIT_SECONDS_MAX: Final = 5.0

TypedEvent = tuple[str, Instant, bytes]
"""Type, time and JSON of an event."""


@dataclass(slots=True)
class Published:
    """What ingest has confirmed so far.

    Attributes:
        by_type: events by type, duplicates included.
        duplicates: how many of them ingest said it had seen before.
        repeats: how many items had to be sent again.
        until: the time of the latest event.
    """

    by_type: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    repeats: int = 0
    until: Instant = 0

    @property
    def count(self) -> int:
        """How many events."""
        return self.by_type.total()


class Publisher:
    """Publishes streams of events; `published` and `on_progress` say how far it is."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        source_key: str,
        *,
        rate: int | None = None,
        on_progress: Callable[[Published], None] = lambda _: None,
    ) -> None:
        """Publish with a client whose base URL is ingest.

        Args:
            client: open for as long as this is used.
            source_key: of a registered source.
            rate: events a second at most.
            on_progress: called after each batch.
        """
        self.published = Published()
        self._client = client
        self._rate = rate
        self._on_progress = on_progress
        self._headers = {
            "authorization": f"Bearer {source_key}",
            "content-type": "application/cloudevents-batch+json",
        }

    async def publish(self, events: Iterable[TypedEvent]) -> Published:
        """Send all events; answers when ingest has confirmed the last.

        Raises:
            RefusedError: an event is not valid, or the key not good.
            ServiceTroubleError: ingest could not be reached for two minutes.
        """
        started = time.monotonic()
        batches = in_batches(events, _batch_size(self._rate))
        batch = await asyncio.to_thread(next, batches, None)
        while batch is not None:
            batch = await self._deliver_and_make(batch, batches)
            self._on_progress(self.published)
            if self._rate is not None:
                ahead = self.published.count / self._rate - (time.monotonic() - started)
                await asyncio.sleep(max(0.0, ahead))
        return self.published

    async def _deliver_and_make(
        self, batch: list[TypedEvent], batches: Iterator[list[TypedEvent]]
    ) -> list[TypedEvent] | None:
        """Deliver a batch, and make the next one meanwhile."""
        try:
            async with asyncio.TaskGroup() as group:
                following = group.create_task(asyncio.to_thread(next, batches, None))
                group.create_task(self._deliver(batch))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return following.result()

    async def _deliver(self, batch: list[TypedEvent]) -> None:
        """Send a batch, and again what was not confirmed, until all is."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        wait = _WAIT_SECONDS
        while batch:
            batch, asked = await self._send(batch)
            if not batch:
                return
            if time.monotonic() > deadline:
                raise ServiceTroubleError(f"ingest did not confirm {len(batch)} events in time")
            self.published.repeats += len(batch)
            await asyncio.sleep(asked or wait)
            wait = min(wait * 2, _WAIT_SECONDS_MAX)

    async def _send(self, batch: list[TypedEvent]) -> tuple[list[TypedEvent], float]:
        """Send once; answers what is to be sent again, and the wait that ingest asked for."""
        body = b"[" + b",".join([raw for _, _, raw in batch]) + b"]"
        try:
            answer = await self._client.post("/v1/events", content=body, headers=self._headers)
        except httpx.TransportError:
            return batch, 0.0
        if answer.status_code in _TRY_AGAIN:
            return batch, float(answer.headers.get("retry-after", 0))
        if answer.status_code != _MULTI_STATUS:
            raise RefusedError(f"ingest answered {answer.status_code}: {answer.text[:500]}")
        items = orjson.loads(answer.content)["items"]
        return [
            event
            for event, item in zip(batch, items, strict=True)
            if not self._confirmed(event, item)
        ], 0.0

    def _confirmed(self, event: TypedEvent, item: dict[str, Any]) -> bool:
        problem = item.get("problem")
        if problem is not None:
            if problem.get("status") in _TRY_AGAIN:
                return False
            raise RefusedError(f"ingest refused {item.get('id')}: {problem}")
        event_type, at, _ = event
        self.published.by_type[event_type] += 1
        self.published.duplicates += item["status"] == "duplicate"
        self.published.until = max(self.published.until, at)
        return True


def _batch_size(rate: int | None) -> int:
    """Full batches, or at a slow pace some batches a second rather than one every now and then."""
    if rate is None:
        return BATCH_EVENTS_MAX
    return min(BATCH_EVENTS_MAX, max(1, rate // _BATCHES_A_SECOND))


def in_batches(
    events: Iterable[TypedEvent], events_max: int = BATCH_EVENTS_MAX
) -> Iterator[list[TypedEvent]]:
    """Events in batches that ingest takes: so many, and so many bytes."""
    batch: list[TypedEvent] = []
    size = 0
    for event in events:
        added = len(event[2]) + 1
        if batch and (len(batch) == events_max or size + added > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += added
    if batch:
        yield batch
