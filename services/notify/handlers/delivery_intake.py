"""From `regulars.jobs` into the queue: what was requested waits, what was withdrawn goes."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from services.notify.handlers.effects import revision_of
from services.notify.store import deliveries
from services.notify.store.deliveries import Cancellation, Request
from shared.clock import from_datetime
from shared.db import Transaction
from shared.events import Event, types
from shared.events.decisions import JobRequested, JobSuppressed
from shared.runtime.batch import Arrived, Batch, WithoutTimers


class DeliveryIntake(WithoutTimers):
    """The batch handler of delivery workers; of several events of a job the last one counts."""

    async def handle(self, tx: Transaction, arrived: Sequence[Arrived], batch: Batch) -> None:
        """Queue and cancel."""
        last: dict[UUID, Request | Cancellation] = {}
        for each in arrived:
            step = None if each.event is None else _step(each.event)
            if step is not None:
                known = last.get(step.job_id)
                if known is None or step.revision > known.revision:
                    last[step.job_id] = step
        requests = [step for step in last.values() if isinstance(step, Request)]
        cancellations = [step for step in last.values() if isinstance(step, Cancellation)]
        if requests:
            await deliveries.request(tx, batch.partition, requests, batch.now)
        if cancellations:
            await deliveries.cancel(tx, batch.partition, cancellations, batch.now)


def _step(event: Event) -> Request | Cancellation | None:
    if event.type == types.JOB_REQUESTED:
        return _request(event)
    # a first decision not to send has nothing in the queue to take back
    if event.type == types.JOB_SUPPRESSED and revision_of(event.id):
        data: JobSuppressed = event.data
        return Cancellation(UUID(data.job_id), revision_of(event.id))
    return None


def _request(event: Event) -> Request:
    data: JobRequested = event.data
    return Request(
        job_id=UUID(data.job_id),
        member_id=UUID(data.member_id),
        revision=revision_of(event.id),
        channel=data.channel,
        template=data.template,
        category=data.category,
        purpose=data.purpose,
        content=msgspec.json.encode(data.content).decode(),
        program_version=data.because.program_version or 0,
        store_id=data.store_id,
        deadline=from_datetime(data.deadline),
        not_before=from_datetime(data.not_before),
    )
