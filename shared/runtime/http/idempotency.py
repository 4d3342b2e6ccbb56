"""Commands: a POST that has an effect has it once, however often it is sent.

A caller that sends `Idempotency-Key` gets the same answer to the same request for 24 hours (header
`Idempotency-Replayed: true`), 422 when the key comes with another request, and 409 while the first
one is still going on. The answer is stored in the transaction of the effect: there is no moment at
which one is there without the other. Refused requests (4xx) leave no trace, so that the same key
serves for the corrected one.

    @router.post("/v1/sources", status_code=201)
    async def add(body: Source, command: CommandDep, caller: Admin) -> Response:
        async def effect(tx: Transaction) -> Answer:
            return Answer(201, await handlers.add(tx, body, by=caller.subject))
        return await command.run(effect)

What a member's lane decides takes the same `CommandDep`: see `shared.runtime.commands.answering`.

`build_app` refuses a POST route that neither takes a command nor says with `repeatable` why it
needs none.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, NamedTuple
from uuid import UUID, uuid4, uuid5

import msgspec
import orjson
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from shared.auth.guard import caller
from shared.auth.principal import Principal
from shared.clock import DAY, Clock, Instant
from shared.db import Database, Transaction
from shared.runtime.http.problems import Problem

KEPT: Instant = DAY
REPLAYED: Mapping[str, str] = {"Idempotency-Replayed": "true"}
_COMMANDS = UUID("5c5d1f0e-0f6b-5b7e-9b0a-9d3f6f6f3a11")
_KEY_LENGTH_MOST = 255
_PURGE_AT_ONCE = 100
_LOCK_SEED = 7_236_002
_SECONDS_MAX = 20.0
_REPEATABLE = "x-repeatable"

_TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, $2)) AS mine"
_FIND = """
SELECT fingerprint, status, headers::text AS headers, body FROM idempotency_keys
 WHERE caller = $1 AND key = $2 AND created_at > $3
"""
_KEEP = """
INSERT INTO idempotency_keys (caller, key, fingerprint, status, headers, body, created_at)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7)
    ON CONFLICT (caller, key) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, status =
    EXCLUDED.status,
       headers = EXCLUDED.headers, body = EXCLUDED.body, created_at = EXCLUDED.created_at
"""
_PURGE = """
DELETE FROM idempotency_keys WHERE (caller, key) IN (
       SELECT caller, key FROM idempotency_keys WHERE created_at <= $1
        ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


def reused() -> Problem:
    """The answer to a key that comes with another request."""
    return Problem(
        422,
        "idempotency-key-reused",
        "this Idempotency-Key was used for another request; take a new one",
    )


def repeatable(why: str) -> dict[str, Any]:
    """For `openapi_extra` of a POST that needs no key, as `repeatable("reads only")`."""
    return {_REPEATABLE: why}


def is_repeatable(openapi_extra: Mapping[str, Any] | None) -> bool:
    """Whether a route says that it needs no key."""
    return bool(openapi_extra and openapi_extra.get(_REPEATABLE))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers.

    Attributes:
        status: the HTTP status.
        body: a pydantic model, msgspec struct or JSON value; None for no body.
        headers: further response headers.
        kept: what is kept for repetitions in place of `body`, where that holds a secret shown once.
    """

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: object = None


class _Stored(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def response(self, *, replayed: bool) -> Response:
        headers = {**self.headers, **REPLAYED} if replayed else self.headers
        media_type = "application/json" if self.body else None
        return Response(self.body, self.status, headers, media_type)


class Command:
    """One command: the request, who sent it, and the transaction to come."""

    def __init__(
        self, *, database: Database, clock: Clock, caller: str, key: str | None, fingerprint: bytes
    ) -> None:
        """Made by FastAPI through `CommandDep`."""
        self._database = database
        self._clock = clock
        self._caller = caller
        self._key = key
        self._fingerprint = fingerprint

    @cached_property
    def id(self) -> UUID:
        """The same for the same caller and key, for commands that a lane decides."""
        if self._key is None:
            return uuid4()
        return uuid5(_COMMANDS, f"{self._caller}\x1f{self._key}")

    @property
    def fingerprint(self) -> str:
        """Of the request; the same key with another one is refused."""
        return self._fingerprint.hex()

    async def run(self, effect: Callable[[Transaction], Awaitable[Answer]]) -> Response:
        """Do the effect in one transaction, or give the answer it had before.

        Raises:
            Problem: 409 while the same key is being worked on, 422 when it was used for something
            else.
        """
        async with self._database.transaction(timeout_seconds=_SECONDS_MAX) as tx:
            if self._key is None:
                answer = await effect(tx)
                return _Stored(answer.status, answer.headers, _encode(answer.body)).response(
                    replayed=False
                )
            return await self._once(tx, self._key, effect)

    async def _once(
        self, tx: Transaction, key: str, effect: Callable[[Transaction], Awaitable[Answer]]
    ) -> Response:
        now = self._clock.now()
        turn = await tx.fetch(_TURN, f"{self._caller}\x1f{key}", _LOCK_SEED)
        if not turn[0]["mine"]:
            raise Problem(
                409,
                "request-in-progress",
                "a request with this Idempotency-Key is being worked on",
                headers={"Retry-After": "1"},
            )
        for row in await tx.fetch(_FIND, self._caller, key, now - KEPT):
            if row["fingerprint"] != self._fingerprint:
                raise reused()
            stored = _Stored(row["status"], orjson.loads(row["headers"]), row["body"])
            return stored.response(replayed=True)
        answer = await effect(tx)
        body = _encode(answer.body)
        kept = body if answer.kept is None else _encode(answer.kept)
        headers = orjson.dumps(dict(answer.headers)).decode()
        await tx.execute(
            _KEEP, self._caller, key, self._fingerprint, answer.status, headers, kept, now
        )
        await tx.execute(_PURGE, now - KEPT, _PURGE_AT_ONCE)
        return _Stored(answer.status, answer.headers, body).response(replayed=False)


async def command(
    request: Request,
    principal: Annotated[Principal, Depends(caller)],
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=_KEY_LENGTH_MOST,
            description="the same key with the same request has one effect and one answer (24 h)",
        ),
    ] = None,
) -> Command:
    """The command that this request is; see `CommandDep`."""
    body = await request.body()
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return Command(
        database=request.app.state.database,
        clock=request.app.state.clock,
        caller=principal.subject,
        # the draft makes it a quoted string; bare ones are common, and mean the same
        key=idempotency_key.strip('"') or None if idempotency_key else None,
        fingerprint=hashlib.sha256(target + body).digest(),
    )


CommandDep = Annotated[Command, Depends(command)]


def _encode(body: object) -> bytes:
    if body is None:
        return b""
    if isinstance(body, BaseModel):
        return body.model_dump_json().encode()
    return msgspec.json.encode(body, enc_hook=_encode_model)


def _encode_model(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise NotImplementedError(f"{type(value).__name__} is no JSON value")
