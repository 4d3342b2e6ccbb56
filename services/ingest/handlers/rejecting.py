"""Rejected events on their way to the table where their owner can look at them.

They wait in memory for a moment and are written together, off the path of the request. The memory
is bounded: what comes too fast is counted and not kept.
"""

from collections import deque
from collections.abc import Sequence

from msgspec import json

from services.ingest.domain.candidate import Candidate
from services.ingest.domain.source import Source
from services.ingest.metrics import IngestMetrics
from services.ingest.store.rejections import Rejected, add_rejected
from services.ingest.store.vault import Vault
from shared.clock import Clock
from shared.db import Database, storable

_WAITING_MAX = 2_000
_RAW_BYTES_MAX = 64 * 1024
_TEXT_LENGTH_MAX = 200


class RejectionLog:
    """Keeps rejected events, the newest of each source."""

    def __init__(
        self, database: Database, vault: Vault, clock: Clock, metrics: IngestMetrics, kept_max: int
    ) -> None:
        """Keep up to `kept_max` of each source."""
        self._database = database
        self._vault = vault
        self._clock = clock
        self._metrics = metrics
        self._kept_max = kept_max
        self._waiting: deque[Rejected] = deque()

    def note(self, source: Source, candidates: Sequence[Candidate]) -> None:
        """Take what was refused for a reason of its own (not because a server was away)."""
        now = self._clock.now()
        for candidate in candidates:
            refusal = candidate.refusal
            if refusal is None or refusal.is_ours:
                continue
            self._metrics.rejected.labels(refusal.slug).inc()
            if len(self._waiting) >= _WAITING_MAX:
                self._metrics.rejected_not_kept.inc()
                continue
            event_id, event_type = _told_of(candidate)
            # texts are made storable before they are encoded: what was encoded is not cut in
            problem = {
                "type": refusal.slug,
                "status": refusal.status,
                "detail": storable(refusal.detail),
                "errors": [
                    {"pointer": storable(wrong.pointer), "detail": storable(wrong.detail)}
                    for wrong in refusal.errors
                ],
            }
            self._waiting.append(
                Rejected(
                    source.name,
                    now,
                    event_id,
                    event_type,
                    json.encode(problem).decode(),
                    _raw_of(candidate),
                )
            )

    async def write(self) -> None:
        """Write what waits."""
        taken = list(self._waiting)
        if not taken:
            return
        async with self._database.transaction() as tx:
            await add_rejected(tx, self._vault, taken, self._kept_max)
        for _ in taken:
            self._waiting.popleft()


def _raw_of(candidate: Candidate) -> bytes:
    raw = candidate.raw
    if raw is None:
        raw = json.encode(candidate.envelope) if candidate.is_read else b""
    return raw[:_RAW_BYTES_MAX]


def _told_of(candidate: Candidate) -> tuple[str | None, str | None]:
    """The id and type of a rejected event, as far as they can be read."""
    event_id, event_type = (
        None if text is None else storable(text)[:_TEXT_LENGTH_MAX]
        for text in (candidate.event_id, candidate.event_type)
    )
    return event_id, event_type
