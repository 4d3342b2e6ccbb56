"""`/v1/dead-letters`: see what was set aside and why, have it applied again, or give it up."""

import base64
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Clock, to_datetime
from shared.db import Database, Transaction
from shared.runtime import dead_letters
from shared.runtime.dead_letters import DeadLetter, Kind, State
from shared.runtime.http.fields import Identifier, RowNumber, TopicName
from shared.runtime.http.idempotency import Answer, CommandDep
from shared.runtime.http.paging import Page, PageQuery, page
from shared.runtime.http.problems import Problem, not_found

# Letters hold what was sent, personal data included: not for every reader.
_Operator = Annotated[Principal, Depends(require("admin", "system"))]
_REPLAYED_AT_ONCE = 10_000


class Letter(BaseModel):
    """A record or timer set aside."""

    id: int
    consumer: str
    topic: str
    partition: int
    position: int
    type: str | None
    event_id: str | None
    member_id: str | None
    kind: Kind = Field(
        description="undecodable: no event · poison: handling fails · timer: so does"
    )
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime
    state: State


class WholeLetter(Letter):
    """A letter with what it holds."""

    key: str | None = Field(description="base64")
    headers: list[tuple[str, str | None]] = Field(
        description="name and base64 of the value, if any"
    )
    raw: str | None = Field(description="base64")
    text: str | None = Field(description="the same as text, where it is UTF-8")


class Letters(Page[Letter]):
    """One page of letters, newest first."""

    total: int = Field(description="how many match the filter")


class Replay(BaseModel):
    """Which held letters to apply again."""

    topic: TopicName | None = None
    type: Identifier | None = None
    ids: list[RowNumber] | None = Field(None, max_length=_REPLAYED_AT_ONCE)


class Moved(BaseModel):
    """What became of letters."""

    ids: list[RowNumber]
    state: Literal["replaying", "discarded"]
    left: int = Field(0, description="how many more match; ask again")


def dead_letters_router(database: Database, clock: Clock) -> APIRouter:
    """The endpoints of one service's dead letters."""
    router = APIRouter(tags=["dead letters"])

    @router.get("/v1/dead-letters", summary="What was set aside")
    async def letters(
        query: PageQuery,
        _caller: _Operator,
        state: State | None = None,
        topic: TopicName | None = None,
        event_type: Annotated[Identifier | None, Query(alias="type")] = None,
    ) -> Letters:
        async with database.transaction(read_only=True) as tx:
            found = await dead_letters.list_dead_letters(
                tx,
                limit=query.limit + 1,
                after=query.after(int),
                state=state,
                topic=topic,
                type=event_type,
            )
            total = await dead_letters.count(tx, state=state, topic=topic, type=event_type)
        told = page([Letter(**_fields(each)) for each in found], query, lambda each: each.id)
        return Letters(items=told.items, next=told.next, total=total)

    @router.get("/v1/dead-letters/{letter_id}", summary="One of them, with its bytes")
    async def letter(letter_id: RowNumber, _caller: _Operator) -> WholeLetter:
        async with database.transaction(read_only=True) as tx:
            return _whole(await _find(tx, letter_id))

    _commands(router, clock)
    return router


def _commands(router: APIRouter, clock: Clock) -> None:
    """What can be done with letters that are held."""

    @router.post(
        "/v1/dead-letters/{letter_id}:replay",
        summary="Apply it again",
        status_code=202,
        response_model=Moved,
    )
    async def replay(letter_id: RowNumber, command: CommandDep, _caller: _Operator) -> Response:
        async def effect(tx: Transaction) -> Answer:
            await _held(tx, letter_id)
            ids = await dead_letters.request_replay(tx, [letter_id], clock.now())
            return Answer(202, Moved(ids=ids, state="replaying"))

        return await command.run(effect)

    @router.post("/v1/dead-letters/{letter_id}:discard", summary="Give it up", response_model=Moved)
    async def discard(letter_id: RowNumber, command: CommandDep, _caller: _Operator) -> Response:
        async def effect(tx: Transaction) -> Answer:
            await _held(tx, letter_id)
            ids = await dead_letters.discard(tx, [letter_id], clock.now())
            return Answer(200, Moved(ids=ids, state="discarded"))

        return await command.run(effect)

    @router.post(
        "/v1/dead-letters:replay",
        summary="Apply all again that match",
        status_code=202,
        response_model=Moved,
    )
    async def replay_all(which: Replay, command: CommandDep, _caller: _Operator) -> Response:
        async def effect(tx: Transaction) -> Answer:
            asked = which.ids if which.ids is not None else await _matching(tx, which)
            ids = await dead_letters.request_replay(tx, asked, clock.now())
            left = await dead_letters.count(tx, state="held", topic=which.topic, type=which.type)
            more = left if which.ids is None else 0
            return Answer(202, Moved(ids=ids, state="replaying", left=more))

        return await command.run(effect)


async def _matching(tx: Transaction, which: Replay) -> list[int]:
    found = await dead_letters.list_dead_letters(
        tx, limit=_REPLAYED_AT_ONCE, state="held", topic=which.topic, type=which.type
    )
    return [each.id for each in found]


async def _find(tx: Transaction, letter_id: int) -> DeadLetter:
    found = await dead_letters.get(tx, letter_id)
    if found is None:
        raise not_found("dead letter")
    return found


async def _held(tx: Transaction, letter_id: int) -> None:
    """Make sure that there is such a letter and that it waits.

    Raises:
        Problem: 404, or 409 with the state it is in.
    """
    found = await _find(tx, letter_id)
    if found.state != "held":
        raise Problem(409, "dead-letter-not-held", f"this letter is {found.state}, not held")


def _fields(letter: DeadLetter) -> dict[str, Any]:
    told = {name: getattr(letter, name) for name in Letter.model_fields}
    return told | {"first_at": to_datetime(letter.first_at), "last_at": to_datetime(letter.last_at)}


def _whole(letter: DeadLetter) -> WholeLetter:
    return WholeLetter(
        **_fields(letter),
        key=_base64(letter.key),
        headers=[(name, _base64(value)) for name, value in letter.headers],
        raw=_base64(letter.raw),
        text=_text(letter.raw),
    )


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
