"""Members, the catalogue of features, summaries and audiences over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.segmentation.domain.audience import AUDIENCE
from services.segmentation.domain.history import NEVER
from services.segmentation.domain.member import TierHeld
from services.segmentation.domain.view import TIMER, reasons_view
from services.segmentation.handlers.members import Reader
from services.segmentation.store.decisions import Posted
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Instant, to_datetime
from shared.conditions import ConditionError, json_schema, parse
from shared.runtime.http.idempotency import repeatable
from shared.runtime.http.paging import Page, PageQuery, page
from shared.runtime.http.problems import FieldError, Problem, not_found

_Anybody = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "store", "system"))]
_Office = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "system"))]


class FigureOut(BaseModel):
    """One comparison that decided: what was asked, and what the member had."""

    feature: str
    op: str
    value: Any
    actual: Any


class Reason(BaseModel):
    """Why."""

    cause: str = Field(description="id of the event, or timer")
    rule: str
    program_version: int | None
    tag: str | None
    figures: list[FigureOut]


class Tag(BaseModel):
    """A tag of a member."""

    tag: str
    group: str
    since: datetime
    until: datetime | None = Field(description="when it ends with no further event; null: never")
    because: list[Reason]


class Step(BaseModel):
    """A level: whether its condition is met now, and the figures that say so."""

    level: str | None = None
    met: bool
    figures: list[FigureOut]


class Progress(BaseModel):
    """What is missing."""

    next: Step | None = Field(description="to the next level; null: there is none")
    stay: Step | None = Field(description="to stay at this one; null: the lowest is never lost")
    projected: str = Field(description="the level whose condition is met now")


class Tier(BaseModel):
    """The tier of a member."""

    level: str
    rank: int = Field(description="0: the lowest")
    since: datetime
    until: datetime | None = Field(description="end of the period for which it is kept")
    grace_until: datetime | None = Field(description="end of the grace, once it has begun")
    because: list[Reason]
    progress: Progress


class MemberOut(BaseModel):
    """Who a member is, as of now."""

    member_id: UUID
    features: dict[str, Any]
    tags: list[Tag]
    tier: Tier
    lifecycle: str | None
    as_of: datetime
    program_version: int


class ChangeOut(BaseModel):
    """One decision about a member."""

    id: UUID = Field(description="also the id of the event that was published")
    kind: str = Field(description="tags or tier")
    at: datetime
    recorded_at: datetime
    cause: str = Field(description="id of the event, or timer")
    added: list[str]
    removed: list[str]
    before: str | None
    now: str | None
    until: datetime | None
    because: list[Reason]
    generation: int
    correction: str | None
    supersedes: UUID | None
    superseded: bool


class FeatureOut(BaseModel):
    """A feature that conditions may look at."""

    name: str
    type: str
    description: dict[str, str]
    unit: str | None
    keyed: bool
    keys: list[str] | None
    values: list[str] | None
    operators: list[str]


class Catalogue(BaseModel):
    """All features, and the JSON Schema of conditions over them."""

    items: list[FeatureOut]
    schema_of_conditions: dict[str, Any]


class AudienceIn(BaseModel):
    """Whom to count."""

    condition: dict[str, Any]
    sample: int = Field(10, ge=0, le=100)


class AudienceOut(BaseModel):
    """How many there are."""

    count: int
    members: int = Field(description="all members")
    share: float
    sample: list[UUID]
    as_of: datetime
    took_ms: float


class TierCounts(BaseModel):
    """Members by tier."""

    tiers: dict[str, int]


class TagCounts(BaseModel):
    """Members by tag."""

    tags: dict[str, int]


def members_router(reader: Reader) -> APIRouter:
    """The endpoints about members."""
    router = APIRouter(tags=["members"])

    @router.get("/v1/members/{member_id}", summary="Who is this member, and why?")
    async def member(member_id: UUID, _caller: _Anybody) -> MemberOut:
        view = await reader.member(member_id)
        if view is None:
            raise not_found("member")
        return _member_out(view)

    @router.get("/v1/members/{member_id}/changes", summary="What was decided, newest first")
    async def changes(member_id: UUID, query: PageQuery, _caller: _Anybody) -> Page[ChangeOut]:
        after = query.after(tuple[int, str, int])
        rows = await reader.changes(member_id, after, query.limit + 1)
        if rows is None:
            raise not_found("member")
        told = page(rows, query, _cursor)
        return Page(items=[_change_out(row) for row in told.items], next=told.next)

    @router.get("/v1/tiers:summary", summary="Members by tier")
    async def tiers(_caller: _Office) -> TierCounts:
        return TierCounts(tiers=await reader.tiers())

    @router.get("/v1/tags:summary", summary="Members by tag")
    async def tags(_caller: _Office) -> TagCounts:
        return TagCounts(tags=await reader.tags())

    return router


def audiences_router(reader: Reader) -> APIRouter:
    """The endpoints about audiences."""
    router = APIRouter(tags=["audiences"])

    @router.get("/v1/features", summary="What may conditions look at?")
    async def features(_caller: _Office) -> Catalogue:
        items = [FeatureOut(**feature) for feature in AUDIENCE.describe()]
        return Catalogue(items=items, schema_of_conditions=json_schema(AUDIENCE))

    @router.post(
        "/v1/audiences:preview",
        summary="How many members does a condition hold for?",
        openapi_extra=repeatable("reads only"),
    )
    async def preview(wanted: AudienceIn, _caller: _Office) -> AudienceOut:
        try:
            condition = parse(wanted.condition, AUDIENCE, "/condition")
        except ConditionError as error:
            errors = [FieldError(each.pointer, each.message) for each in error.problems]
            raise Problem(
                422, "invalid-condition", "the condition cannot be understood", errors=errors
            ) from error
        found = await reader.audience(condition, wanted.sample)
        return AudienceOut(
            count=found.count,
            members=found.members,
            share=round(found.count / found.members, 6) if found.members else 0.0,
            sample=found.sample,
            as_of=to_datetime(found.as_of),
            took_ms=round(found.took_ms, 3),
        )

    return router


def _member_out(view: dict[str, Any]) -> MemberOut:
    tier: TierHeld = view["tier"]
    return MemberOut(
        member_id=view["member_id"],
        features=view["features"],
        tags=[
            Tag(
                tag=each["tag"],
                group=each["group"],
                since=to_datetime(each["since"]),
                until=_time(each["until"]),
                because=_reasons(each["because"]),
            )
            for each in view["tags"]
        ],
        tier=Tier(
            level=tier.name or "",
            rank=tier.level,
            since=to_datetime(tier.since),
            until=_time(tier.until if tier.until < NEVER else None),
            grace_until=_time(tier.grace_until),
            because=_reasons(view["tier_because"]),
            progress=Progress.model_validate(view["progress"]),
        ),
        lifecycle=view["lifecycle"],
        as_of=to_datetime(view["as_of"]),
        program_version=view["program_version"],
    )


def _change_out(row: Posted) -> ChangeOut:
    decision = row.decision
    return ChangeOut(
        id=decision.id,
        kind=decision.kind,
        at=to_datetime(decision.at),
        recorded_at=to_datetime(row.recorded_at),
        cause=decision.cause or TIMER,
        added=list(decision.added),
        removed=list(decision.removed),
        before=decision.before,
        now=decision.now,
        until=_time(decision.until),
        because=_reasons(reasons_view(decision.because)),
        generation=decision.generation,
        correction=decision.correction,
        supersedes=decision.supersedes,
        superseded=decision.superseded,
    )


def _reasons(views: Sequence[dict[str, Any]]) -> list[Reason]:
    return [Reason.model_validate(view) for view in views]


def _time(at: Instant | None) -> datetime | None:
    return None if at is None else to_datetime(at)


def _cursor(row: Posted) -> tuple[Instant, str, int]:
    return row.decision.at, row.decision.kind, row.decision.generation
