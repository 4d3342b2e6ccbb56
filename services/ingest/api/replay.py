"""`POST /v1/clock:advance`: where a replay, a demo or a test says that time has passed."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel

from services.ingest.api.answers import problem_of
from services.ingest.handlers.clock_advance import ClockHand
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import from_datetime
from shared.events.scalars import check_reach
from shared.runtime.http.idempotency import repeatable
from shared.runtime.http.problems import FieldError, Problem

_Admin = Annotated[Principal, Depends(require("admin", "system"))]


class Advance(BaseModel):
    """Until when nothing more will be published."""

    until: AwareDatetime


class Advanced(BaseModel):
    """Where the clock of every partition now stands, or later."""

    until: datetime
    partitions: int


def replay_router(hand: ClockHand, partitions: int, *, stream: bool) -> APIRouter:
    """The endpoint that moves the stream clock."""
    router = APIRouter(tags=["replay"])

    @router.post(
        "/v1/clock:advance",
        summary="Move the stream clock on",
        openapi_extra=repeatable("a clock that stands there already does not move"),
    )
    async def advance(_caller: _Admin, body: Advance) -> Advanced:
        if not stream:
            raise Problem(
                409, "wall-clock", "this system runs on wall time: nobody moves its clock"
            )
        try:
            check_reach(body.until)
        except ValueError as error:
            errors = [FieldError("/until", str(error))]
            raise Problem(422, "invalid-request", str(error), errors=errors) from None
        refusal = await hand.advance(from_datetime(body.until))
        if refusal is not None:
            raise problem_of(refusal)
        return Advanced(until=body.until, partitions=partitions)

    return router
