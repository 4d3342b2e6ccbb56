"""Messages over HTTP: what was said to a member, what was not, and why; receipts from others."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.notify.handlers import messages
from services.notify.handlers.messages import Messages, ReceiptReport, decoded, moment, status_of
from services.notify.store.jobs import StoredJob, Wanted
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Clock, Instant, from_datetime, to_datetime
from shared.db import Transaction
from shared.runtime.http.idempotency import Answer, CommandDep
from shared.runtime.http.paging import Page, PageQuery, page
from shared.runtime.http.problems import FieldError, Problem, not_found

Reader = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "system", "store"))]
Reporter = Annotated[Principal, Depends(require("admin", "system"))]
LanguageQuery = Annotated[
    Literal["zh", "en"] | None, Query(alias="lang", description="of the text; else the member's")
]
WithdrawnQuery = Annotated[
    bool | None, Query(description="true: also those that were withdrawn before they were said")
]
_REPORTS_MAX = 1_000


class Because(BaseModel):
    """Why: the event that led here, the rule `journey/step`, and the figures that decided."""

    event_id: str | None = None
    rule: str
    program_version: int | None = None
    figures: list[dict[str, Any]] = []


class MessageOut(BaseModel):
    """A message, or a message that was not sent, and why."""

    job_id: UUID
    member_id: UUID
    journey: str
    step: str
    channel: str
    template: str
    category: str
    purpose: str
    status: str = Field(
        description="suppressed | requested | sent | delivered | opened | clicked | replied |"
        " failed | withdrawn"
    )
    reason: str | None = Field(description="why it was suppressed")
    because: Because
    entry_event_id: str = Field(description="the event with which the member entered the journey")
    due_at: datetime = Field(description="when the journey wanted it")
    decided_at: datetime = Field(description="as of when it was decided; after quiet hours, later")
    deadline: datetime
    superseded_by: str | None = Field(description="event after which it was no longer right")
    delivered_at: datetime | None = Field(description="time of the furthest receipt")
    provider_id: str | None
    error: str | None
    text: str | None = Field(description="as it reads; null when it was erased")
    store_id: str | None
    program_version: int


class JobOut(MessageOut):
    """One job, with its bookkeeping."""

    content: Mapping[str, Any]
    revision: int = Field(description="how often it was decided again after something came late")
    recorded_at: datetime


class ReceiptIn(BaseModel):
    """What became of a message, as a channel's provider reports it."""

    job_id: UUID
    status: Literal["sent", "delivered", "opened", "clicked", "replied", "failed"]
    at: AwareDatetime | None = None
    provider_id: Annotated[str | None, Field(max_length=128)] = None
    error: Annotated[str | None, Field(max_length=1_000)] = None
    text: Annotated[str | None, Field(max_length=4_000)] = None


class ReceiptsIn(BaseModel):
    """Up to 1,000 receipts."""

    receipts: Annotated[list[ReceiptIn], Field(min_length=1, max_length=_REPORTS_MAX)]


class Taken(BaseModel):
    """How many receipts were taken."""

    accepted: int


def messages_router(reading: Messages, clock: Clock, partitions: int) -> APIRouter:
    """The endpoints about messages."""
    router = APIRouter(tags=["messages"])

    @router.get(
        "/v1/members/{member_id}/messages",
        summary="What was said to a member, what was not, and why",
        description="Newest decision first. A member of whom notify has heard nothing has an"
        " empty list: who is a member is ingest's to say.",
    )
    async def of_member(
        member_id: UUID,
        query: PageQuery,
        caller: Reader,
        lang: LanguageQuery = None,
        withdrawn: WithdrawnQuery = None,
    ) -> Page[MessageOut]:
        wanted = Wanted(
            withdrawn=bool(withdrawn),
            stores=sorted(caller.stores) if caller.role == "store" else None,
            limit=query.limit + 1,
            after=query.after(tuple[Instant, UUID]),
        )
        found = page(
            await reading.of_member(member_id, wanted),
            query,
            lambda job: (job.record.decided_at, job.record.job_id),
        )
        now = clock.now()
        shown = [MessageOut(**_shown(job, reading.text(job, lang, now))) for job in found.items]
        return Page(items=shown, next=found.next)

    @router.get("/v1/jobs/{job_id}", summary="One message, with its bookkeeping")
    async def job(job_id: UUID, caller: Reader, lang: LanguageQuery = None) -> JobOut:
        found = await reading.job(job_id)
        if found is None:
            raise not_found("job")
        if caller.role == "store":
            caller.check_store(found.record.store_id or "")
        return JobOut(
            **_shown(found, reading.text(found, lang, clock.now())),
            content=decoded(found.record.content),
            revision=found.revision,
            recorded_at=to_datetime(found.recorded_at),
        )

    _receipts(router, clock, partitions)
    return router


def _receipts(router: APIRouter, clock: Clock, partitions: int) -> None:
    """What channels and their adapters report."""

    @router.post(
        "/v1/receipts",
        summary="Say what became of messages",
        description="All or nothing: an unknown job refuses the request, with its place.",
        status_code=202,
        response_model=Taken,
    )
    async def report(body: ReceiptsIn, command: CommandDep, _caller: Reporter) -> Response:
        async def effect(tx: Transaction) -> Answer:
            reports = [_report(each) for each in body.receipts]
            unknown = set(
                await messages.report(tx, reports, partitions=partitions, now=clock.now())
            )
            if unknown:
                raise Problem(
                    422,
                    "unknown-job",
                    f"{len(unknown)} of the jobs are unknown; nothing was taken",
                    errors=[
                        FieldError(f"/receipts/{i}/job_id", "there is no such job")
                        for i, each in enumerate(body.receipts)
                        if each.job_id in unknown
                    ],
                )
            return Answer(202, Taken(accepted=len(reports)))

        return await command.run(effect)


def _report(each: ReceiptIn) -> ReceiptReport:
    return ReceiptReport(
        job_id=each.job_id,
        status=each.status,
        at=None if each.at is None else from_datetime(each.at),
        provider_id=each.provider_id,
        error=each.error,
        text=each.text,
    )


def _shown(job: StoredJob, text: str | None) -> dict[str, Any]:
    record = job.record
    return {
        "job_id": record.job_id,
        "member_id": record.member_id,
        "journey": record.journey,
        "step": record.step,
        "channel": record.channel,
        "template": record.template,
        "category": record.category,
        "purpose": record.purpose,
        "status": status_of(job),
        "reason": record.reason,
        "because": decoded(record.because),
        "entry_event_id": record.entry_event_id,
        "due_at": to_datetime(record.due_at),
        "decided_at": to_datetime(record.decided_at),
        "deadline": to_datetime(record.deadline),
        "superseded_by": job.superseded_by,
        "delivered_at": moment(job.delivery_at),
        "provider_id": job.provider_id,
        "error": job.error,
        "text": text,
        "store_id": record.store_id,
        "program_version": record.program_version,
    }
