"""Journeys and templates over HTTP: what there is, how it reads, what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from services.notify.domain.controls import Status
from services.notify.domain.journey import Journey, Send
from services.notify.domain.program import Program
from services.notify.domain.template import VARIABLES, ContentError, Template, render
from services.notify.handlers.controls import Action, NotPossible, say
from services.notify.handlers.messages import Messages
from services.notify.store.controls import Said
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import DAY, HOUR, MINUTE, SECOND, Clock, to_datetime
from shared.conditions import to_json
from shared.db import Transaction
from shared.runtime.http.fields import NO_NUL, Identifier
from shared.runtime.http.idempotency import Answer, Command, CommandDep, repeatable
from shared.runtime.http.problems import FieldError, Problem, not_found

_NUMBER_MAX = 10**15
_Value = (
    Annotated[str, Field(max_length=10_000)]
    | Annotated[int, Field(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]
    | Annotated[float, Field(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]
    | bool
    | None
)
Editor = Annotated[Principal, Depends(require("admin", "marketer"))]
Reader = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "system"))]


class Words(BaseModel):
    """Words in both languages."""

    zh: str
    en: str


class WaitOut(BaseModel):
    """A wait before a step; `until` is a time of day on the member's clock."""

    since_entry: str | None = None
    span: str | None = Field(None, serialization_alias="for")
    until: str | None = None


class StepOut(BaseModel):
    """One message of a journey."""

    id: str
    waits: list[WaitOut]
    channel: str
    template: str
    category: str
    purpose: str
    deadline: str = Field(description="how long after its time it is still worth sending")


class ExitOut(BaseModel):
    """What ends a journey early."""

    event: str | None = None
    match: list[str] = []
    tag: str | None = None
    when: dict[str, Any] | None = None


class StatusOut(BaseModel):
    """How a journey stands, since when, by whom and why; nothing was ever said: running."""

    state: Status
    since: datetime | None = None
    by: str | None = None
    note: str | None = None


class Control(BaseModel):
    """Why somebody pauses or resumes a journey."""

    note: str = Field("", max_length=1_000, pattern=NO_NUL, description="why")


class Stop(Control):
    """Why somebody stops a journey, and what becomes of those under way."""

    finish: bool = Field(description="let those under way finish; false: it ends for them, too")


class Controlled(StatusOut):
    """How a journey stands now; `already`: it did so before."""

    journey: str
    already: bool


class JourneyOut(BaseModel):
    """A journey of the program in force."""

    name: str
    title: Words
    status: StatusOut
    trigger: dict[str, str]
    entry: dict[str, Any] | None
    reentry: str
    repeat_after: str | None = Field(
        None, description="how long the same tier or tag is not spoken of again"
    )
    exits: list[ExitOut]
    steps: list[StepOut]


class Journeys(BaseModel):
    """All journeys of the program in force."""

    program_version: int
    items: list[JourneyOut]


class StatsOut(BaseModel):
    """Sums over all messages, by `journey/step`; what was withdrawn before it was said is apart."""

    jobs_by_step: Mapping[str, int]
    suppressed_by_step: Mapping[str, int]
    suppressed_by_reason: Mapping[str, int]
    deliveries: Mapping[str, int] = Field(description="requested jobs by the furthest receipt")
    withdrawn: int


class TemplateOut(BaseModel):
    """A template of the program in force."""

    id: str
    title: Words
    text: Words
    correct_under_way: bool = Field(description="also in what earlier versions have not said yet")


class Templates(BaseModel):
    """All templates, and the variables that they may use, with sample values."""

    program_version: int
    items: list[TemplateOut]
    variables: Mapping[str, Any]


class RenderIn(BaseModel):
    """What to render with: what is not given takes its sample value, what is null is missing."""

    language: Literal["zh", "en"] = "zh"
    variables: Annotated[dict[str, _Value], Field(max_length=200)] = {}


class Fit(BaseModel):
    """Whether a text fits into a channel."""

    channel: str
    bytes_max: int | None
    fits: bool


class Rendered(BaseModel):
    """How a template reads."""

    language: str
    text: str
    bytes: int
    channels: list[Fit]


def journeys_router(reading: Messages, clock: Clock) -> APIRouter:
    """The endpoints about journeys and templates."""
    router = APIRouter(tags=["journeys"])

    @router.get("/v1/journeys", summary="The journeys in force")
    async def journeys(_caller: Reader) -> Journeys:
        version, program = await reading.program(clock.now())
        items = [_journey(each, reading.book.last(name)) for name, each in program.journeys.items()]
        return Journeys(program_version=version, items=items)

    @router.get("/v1/journeys/stats", summary="What came of them")
    async def stats(_caller: Reader) -> StatsOut:
        return StatsOut(**(await reading.stats())._asdict())

    @router.get("/v1/templates", summary="The templates in force")
    async def templates(_caller: Reader) -> Templates:
        version, program = await reading.program(clock.now())
        items = [_template(each) for each in program.templates.values()]
        return Templates(program_version=version, items=items, variables=VARIABLES)

    @router.post(
        "/v1/templates/{template_id}:render",
        summary="How a template reads",
        openapi_extra=repeatable("reads only"),
    )
    async def preview(template_id: Identifier, body: RenderIn, _caller: Reader) -> Rendered:
        _, program = await reading.program(clock.now())
        template = program.templates.get(template_id)
        if template is None:
            raise not_found("template")
        unknown = sorted(set(body.variables) - set(VARIABLES))
        if unknown:
            known = f"known are {', '.join(VARIABLES)}"
            errors = [FieldError(f"/variables/{name}", known) for name in unknown]
            raise Problem(422, "unknown-variable", "no template uses these", errors=errors)
        return _rendered(program, template, body)

    _controls(router, reading, clock)
    return router


def _controls(router: APIRouter, reading: Messages, clock: Clock) -> None:
    """What can be said of a journey; it holds some seconds later, so that every lane has heard."""

    async def said(
        name: str, action: Action, note: str, command: Command, caller: Principal
    ) -> Response:
        if not await reading.knows(name):
            raise not_found("journey")

        async def effect(tx: Transaction) -> Answer:
            try:
                done = await say(tx, name, action, by=caller.subject, note=note, now=clock.now())
            except NotPossible as error:
                raise Problem(409, "journey-stopped", str(error)) from error
            status = _status(done.said if done.said.id else None).model_dump()
            return Answer(200, Controlled(journey=name, already=done.already, **status))

        return await command.run(effect)

    @router.post(
        "/v1/journeys/{name}:pause",
        summary="Nobody enters, and steps that come due wait",
        response_model=Controlled,
    )
    async def pause(
        name: Identifier, body: Control, command: CommandDep, caller: Editor
    ) -> Response:
        return await said(name, "pause", body.note, command, caller)

    @router.post(
        "/v1/journeys/{name}:resume",
        summary="It goes on; steps past their deadline are not said",
        response_model=Controlled,
    )
    async def resume(
        name: Identifier, body: Control, command: CommandDep, caller: Editor
    ) -> Response:
        return await said(name, "resume", body.note, command, caller)

    @router.post(
        "/v1/journeys/{name}:stop",
        summary="Nobody enters any more; those under way finish, or not",
        response_model=Controlled,
    )
    async def stop(name: Identifier, body: Stop, command: CommandDep, caller: Editor) -> Response:
        action: Action = "finish" if body.finish else "stop"
        return await said(name, action, body.note, command, caller)


def _status(said: Said | None) -> StatusOut:
    if said is None:
        return StatusOut(state="running")
    return StatusOut(state=said.status, since=to_datetime(said.at), by=said.author, note=said.note)


def _rendered(program: Program, template: Template, body: RenderIn) -> Rendered:
    try:
        variables = {**VARIABLES, **body.variables}
        member_id = str(variables["member_id"])
        content = render(template, (body.language,), member_id, variables)
    except ContentError as error:
        raise Problem(422, "cannot-render", str(error)) from error
    fits = [
        Fit(
            channel=channel.name,
            bytes_max=channel.bytes_max,
            fits=channel.bytes_max is None or content.size <= channel.bytes_max,
        )
        for channel in program.channels.values()
    ]
    return Rendered(language=content.language, text=content.text, bytes=content.size, channels=fits)


def _journey(journey: Journey, said: Said | None) -> JourneyOut:
    trigger = {"event": journey.trigger.event, "tag": journey.trigger.tag}
    return JourneyOut(
        name=journey.name,
        title=Words(**journey.title),
        status=_status(said),
        trigger={name: value for name, value in trigger.items() if value is not None},
        entry=None if journey.entry is None else to_json(journey.entry.condition),
        reentry=journey.reentry,
        repeat_after=_span(journey.repeat_after or None),
        exits=[
            ExitOut(
                event=each.on.event if each.on else None,
                match=list(each.match),
                tag=each.on.tag if each.on else None,
                when=None if each.rule is None else to_json(each.rule.condition),
            )
            for each in journey.exits
        ],
        steps=[_step(step) for step in journey.steps],
    )


def _step(step: Send) -> StepOut:
    return StepOut(
        id=step.name,
        waits=[
            WaitOut(
                since_entry=_span(wait.since_entry),
                span=_elapsed(wait.span) if wait.days is None else f"{wait.days}d",
                until=None if wait.until is None else _time(wait.until),
            )
            for wait in step.waits
        ],
        channel=step.channel,
        template=step.template,
        category=step.category,
        purpose=step.purpose,
        deadline=_span(step.deadline) or "",
    )


def _template(template: Template) -> TemplateOut:
    return TemplateOut(
        id=template.name,
        title=Words(**template.title),
        text=Words(**template.text),
        correct_under_way=template.correct_under_way,
    )


def _span(duration: int | None) -> str | None:
    """A span of time as the program writes it."""
    if duration is None:
        return None
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if duration % size == 0:
            return f"{duration // size}{unit}"
    return f"{duration // SECOND}s"


def _elapsed(duration: int | None) -> str | None:
    """A wait that goes by what has elapsed: days are of the calendar."""
    if duration is not None and duration % HOUR == 0:
        return f"{duration // HOUR}h"
    return _span(duration)


def _time(of_day: int) -> str:
    minutes = of_day // MINUTE
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
