"""`/v1/adjustments`: points given or taken by hand, decided by the member's lane."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Instant, to_datetime
from shared.events import types
from shared.events.commands import AdjustmentDecided, AdjustmentRequested
from shared.runtime.commands.answering import Asked, Pending, decided, pending, refusal
from shared.runtime.commands.asking import Asking
from shared.runtime.http.fields import NO_NUL, Identifier
from shared.runtime.http.idempotency import CommandDep
from shared.runtime.http.problems import Problem, not_found

_PLACE = "/v1/adjustments"
_POINTS_MAX = 1_000_000_000

_Adjuster = Annotated[Principal, Depends(require("admin", "system", "store"))]
_Reader = Annotated[Principal, Depends(require("admin", "analyst", "system", "store"))]


class AdjustmentIn(BaseModel):
    """Points to give (positive) or take (negative), and why."""

    model_config = ConfigDict(extra="forbid")

    member_id: UUID
    points: int = Field(ge=-_POINTS_MAX, le=_POINTS_MAX, strict=True, description="never zero")
    reason: Annotated[str, Field(min_length=1, max_length=256, pattern=NO_NUL)] = Field(
        description="shown with the transfer", examples=["apology for a cold meal"]
    )
    store_id: Identifier | None = Field(
        None, description="whose account it goes on; a store's caller names its own"
    )

    @field_validator("points")
    @classmethod
    def _moves_something(cls, value: int) -> int:
        if value == 0:
            raise ValueError("zero points change nothing")
        return value

    @field_validator("reason")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("a reason of blanks says nothing")
        return value.strip()


class AdjustmentOut(BaseModel):
    """An adjustment that was granted or refused."""

    id: UUID
    member_id: UUID
    state: Literal["granted", "refused"]
    points: int
    reason: str
    store_id: str | None
    by: str = Field(description="subject of the caller's token")
    role: str
    asked_at: datetime
    decided_at: datetime
    balance: int = Field(description="available right after it")
    transfer_id: UUID | None = Field(description="null: nothing was moved")
    program_version: int = Field(description="whose policy decided")
    refusal: str | None = Field(description="why it was refused")


_REFUSALS = {
    "insufficient_points": "there are {balance} points; taking {taken} goes below what the policy"
    " allows",
    "unknown_member": "points knows no such member",
    "above_store_limit": "a store may not give or take so many points at once",
}


def adjustments_router(asking: Asking) -> APIRouter:
    """The endpoints of adjustments."""
    router = APIRouter(tags=["adjustments"])

    @router.post(
        _PLACE,
        summary="Give or take points by hand",
        status_code=201,
        response_model=AdjustmentOut,
        responses={202: {"model": Pending, "description": "Not decided yet: see `Location`"}},
    )
    async def adjust(body: AdjustmentIn, command: CommandDep, caller: _Adjuster) -> Response:
        _check_store(caller, body)
        asked = Asked(
            body.member_id,
            types.ADJUSTMENT_REQUESTED,
            AdjustmentRequested(
                by=caller.subject,
                role=caller.role,
                fingerprint=command.fingerprint,
                points=body.points,
                reason=body.reason,
                store_id=body.store_id,
            ),
            _PLACE,
        )
        answer = await decided(asking, command, asked, AdjustmentDecided)
        if isinstance(answer, Response):
            return answer
        verdict = answer.verdict
        out = _out(command.id, body.member_id, answer.at, verdict)
        if verdict.refusal is not None:
            detail = _REFUSALS[verdict.refusal].format(
                balance=verdict.balance, taken=abs(verdict.points)
            )
            raise refusal(
                verdict.refusal.replace("_", "-"),
                detail,
                answer.headers,
                {"adjustment": out.model_dump(mode="json")},
            )
        return Response(out.model_dump_json(), 201, answer.headers, "application/json")

    @router.get(
        "/v1/adjustments/{adjustment_id}",
        summary="What became of an adjustment",
        response_model=AdjustmentOut,
        responses={202: {"model": Pending, "description": "Not decided yet"}},
    )
    async def adjustment(adjustment_id: UUID, caller: _Reader) -> Response:
        known = await asking.find(adjustment_id)
        if known is None:
            raise not_found("adjustment")
        if known.decided is None:
            return pending(adjustment_id)
        verdict = msgspec.json.decode(known.decided.verdict, type=AdjustmentDecided)
        if caller.role == "store" and verdict.store_id not in caller.stores:
            raise not_found("adjustment")
        out = _out(adjustment_id, known.member_id, known.decided.at, verdict)
        return Response(out.model_dump_json(), 200, media_type="application/json")

    return router


def _check_store(caller: Principal, body: AdjustmentIn) -> None:
    if caller.role == "store" and body.store_id is None:
        raise Problem(
            422, "store-missing", "a token of a store says for which of its stores: `store_id`"
        )
    if body.store_id is not None:
        caller.check_store(body.store_id)


def _out(id_: UUID, member: UUID, at: Instant, verdict: AdjustmentDecided) -> AdjustmentOut:
    return AdjustmentOut(
        id=id_,
        member_id=member,
        state="granted" if verdict.granted else "refused",
        points=verdict.points,
        reason=verdict.reason,
        store_id=verdict.store_id,
        by=verdict.by,
        role=verdict.role,
        asked_at=verdict.asked_at,
        decided_at=to_datetime(at),
        balance=verdict.balance,
        transfer_id=None if verdict.transfer_id is None else UUID(verdict.transfer_id),
        program_version=verdict.program_version,
        refusal=verdict.refusal,
    )
