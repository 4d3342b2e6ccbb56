"""`POST /v1/program:simulate`: what an event would earn, and why."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID, uuid4

import msgspec
import orjson
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field, ValidationError, model_validator

from services.points.api.ledger import RemarkOut, TransferOut, remark_out, transfer_out
from services.points.handlers.simulation import Persona, Simulated, Simulator
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Clock, from_datetime
from shared.events import Event, event_key, types
from shared.events.registry import STRUCTS
from shared.runtime.http.idempotency import repeatable
from shared.runtime.http.problems import FieldError, Problem, json_pointer

_Caller = Annotated[Principal, Depends(require("admin", "marketer", "system"))]
_TYPES = types.INBOUND - types.MEMBERLESS


class HypotheticalEvent(BaseModel):
    """A CloudEvent of which type and data matter; further attributes are passed over."""

    type: str = Field(max_length=200, examples=["regulars.purchase.completed.v1"])
    data: dict[str, Any]
    time: AwareDatetime | None = Field(None, description="not given: now")
    id: str | None = Field(None, min_length=1, max_length=200, description="not given: a new one")
    source: str = Field("urn:regulars:simulation", min_length=1, max_length=256)


class Profile(BaseModel):
    """A member made up for the occasion."""

    birthday: date | None = None
    tier: str | None = Field(None, min_length=1, max_length=128)


class Simulation(BaseModel):
    """What to simulate: an event, for a member or for somebody made up (by default a newcomer)."""

    event: HypotheticalEvent
    member_id: UUID | None = None
    profile: Profile | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.member_id is not None and self.profile is not None:
            raise ValueError("give a member_id or a profile, not both")
        return self


class SimulationOut(BaseModel):
    """What would happen. Late events also show the corrections that they would cause."""

    event_id: str
    points: int = Field(description="sum of the transfers")
    balance_before: int
    balance_after: int
    counted_before: bool = Field(description="the member's books know this event already")
    transfers: list[TransferOut]
    remarks: list[RemarkOut]


def simulation_router(simulator: Simulator, clock: Clock) -> APIRouter:
    """The endpoint of the simulation."""
    router = APIRouter(tags=["program"])

    @router.post(
        "/v1/program:simulate",
        summary="What would this event earn, and why?",
        openapi_extra=repeatable("the real path, rolled back"),
    )
    async def simulate(wanted: Simulation, _caller: _Caller) -> SimulationOut:
        member = uuid4() if wanted.member_id is None else wanted.member_id
        event = _event(wanted.event, member, clock)
        profile = wanted.profile or Profile()
        persona = None if wanted.member_id else Persona(profile.birthday, profile.tier)
        return _out(event, await simulator.run(member, event, persona))

    return router


def _event(given: HypotheticalEvent, member: UUID, clock: Clock) -> Event:
    """The event as the log would carry it.

    Raises:
        Problem: 422, an unknown type or data that does not fit it.
    """
    if given.type not in _TYPES:
        detail = f"no fact about a member is of this type; known are {', '.join(sorted(_TYPES))}"
        raise Problem(
            422, "unknown-event-type", detail, errors=[FieldError("/event/type", "is not known")]
        )
    # a tenth of a process's start, and only who simulates needs it
    from shared.events.models import MODELS

    raw = orjson.dumps(given.data)
    try:
        MODELS[given.type].model_validate_json(raw)
    except ValidationError as error:
        errors = [
            FieldError("/event/data" + json_pointer(each["loc"]), each["msg"])
            for each in error.errors()
        ]
        raise Problem(422, "invalid-event", "the data does not fit", errors=errors) from error
    id_ = given.id or str(uuid4())
    return Event(
        id=id_,
        source=given.source,
        type=given.type,
        subject=str(member),
        at=clock.now() if given.time is None else from_datetime(given.time),
        data=msgspec.json.decode(raw, type=STRUCTS[given.type]),
        key=event_key(given.source, id_),
    )


def _out(event: Event, simulated: Simulated) -> SimulationOut:
    transfers = [transfer_out(each) for each in simulated.transfers]
    return SimulationOut(
        event_id=event.id,
        points=sum(transfer.points for transfer in transfers),
        balance_before=simulated.before.available,
        balance_after=simulated.after.available,
        counted_before=simulated.known,
        transfers=transfers,
        remarks=[remark_out(row) for row in simulated.remarks],
    )
