"""How a lane reads: what there is and no longer than it may, or a whole batch in a replay."""

import asyncio
import time

from shared.clock import SECOND, Clock, Instant
from shared.kafka.consumer import GroupConsumer, Record
from shared.runtime.consumers import ConsumerSpec
from shared.runtime.intake import Intake
from shared.runtime.lane_report import LaneReport

_POLL_SECONDS = 0.2  # stream clock: a mark may be due
_REST_SECONDS = 1.0  # wall clock: what comes wakes us
_LULL_SECONDS = 0.1  # stream clock: nothing more has come for so long
_GATHER_SECONDS = 2.0


class LaneReading:
    """Fills the buffers of one lane."""

    def __init__(
        self,
        spec: ConsumerSpec,
        partition: int,
        consumer: GroupConsumer,
        clock: Clock,
        report: LaneReport,
    ) -> None:
        """Read this partition of the consumer's topics."""
        self._spec = spec
        self._partition = partition
        self._consumer = consumer
        self._clock = clock
        self._report = report
        self._stopped = False
        self._scope: asyncio.Timeout | None = None

    def stop(self) -> None:
        """Wait for nothing more."""
        self._stopped = True
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())

    async def read(
        self, intake: Intake, events_max: int, next_due: Instant | None, *, hurry: bool = False
    ) -> None:
        """Read what there is; under the stream clock a whole batch, while more keeps coming.

        `hurry`: wait for nothing, there is other work.

        There nobody waits for the time on the wall, and a few large batches cost much less than
        many small ones: a member is loaded and written once a batch.
        """
        began = time.perf_counter()
        patience = 0.0 if hurry else self._patience(intake, next_due)
        while True:
            started = time.perf_counter()
            records = await self._poll(intake.wanted(), patience, events_max)
            self._report.phase("poll", started)
            if records:
                started = time.perf_counter()
                intake.add(records)
                self._report.phase("decode", started)
            if not records or not self._spec.stream:
                return
            full = intake.waiting() >= events_max
            if full or time.perf_counter() - began > _GATHER_SECONDS:
                return
            patience = _LULL_SECONDS

    async def _poll(self, wanted: list[str], patience: float, events_max: int) -> list[Record]:
        if not wanted or self._stopped:
            await asyncio.sleep(0)
            return []
        try:
            async with asyncio.timeout(None) as self._scope:
                return await self._consumer.poll(
                    self._partition, wanted, timeout_seconds=patience, records_max=events_max
                )
        except TimeoutError:
            return []  # told to stop; what was read is read again by whoever comes next
        finally:
            self._scope = None

    def _patience(self, intake: Intake, next_due: Instant | None) -> float:
        """How long to wait for records: not past the next timer, not at all when there is work."""
        if self._spec.stream:
            return _POLL_SECONDS
        if intake.waiting():
            return 0.0
        if next_due is None:
            return _REST_SECONDS
        ahead = (next_due - self._clock.now()) / SECOND
        return min(max(ahead, 0.0), _REST_SECONDS)
