"""POSTs that a member's lane decides: from the request to the command, and from verdict to answer.

The command's id is made of the caller and the `Idempotency-Key`, so that asking again is the same
command: one effect and the same answer, for as long as the facts are kept. What was refused stays
refused under its key; a new key asks anew.
"""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from fastapi import Response
from pydantic import BaseModel

from shared.clock import Instant
from shared.events.commands import Command as CommandData
from shared.events.commands import Verdict
from shared.runtime.commands.asking import Asking, NotTakenError
from shared.runtime.http.idempotency import REPLAYED, Command, reused
from shared.runtime.http.problems import Problem

V = TypeVar("V", bound=Verdict)

_RETRY: Mapping[str, str] = {"Retry-After": "1"}


class Pending(BaseModel):
    """A command that is on its way; ask again at `Location`, or with the same key."""

    id: UUID
    state: str = "pending"


class Asked(msgspec.Struct, frozen=True):
    """What a POST asks a lane for.

    Attributes:
        member: whom it is about.
        kind: the command's event type.
        data: its data.
        place: where the command can be seen, up to its id, as `/v1/adjustments`.
    """

    member: UUID
    kind: str
    data: CommandData
    place: str


class Told(NamedTuple, Generic[V]):
    """A verdict, when it was given, and the headers of its answer."""

    verdict: V
    at: Instant
    headers: dict[str, str]


async def decided(
    asking: Asking, command: Command, asked: Asked, verdict: type[V]
) -> Told[V] | Response:
    """Ask, and wait for the verdict.

    Returns:
        The verdict, or the answer 202 where it takes too long.

    Raises:
        Problem: 422 when the key was used for another request, 503 when the log does not take it.
    """
    headers = {"Location": f"{asked.place}/{command.id}"}
    try:
        answer = await asking.ask(command.id, asked.member, asked.kind, asked.data)
    except NotTakenError as error:
        raise Problem(
            503,
            "command-not-taken",
            "the log did not confirm the command; send it again with the same Idempotency-Key",
            headers=_RETRY,
        ) from error
    if answer is None:
        return pending(command.id, headers)
    told = msgspec.json.decode(answer.decided.verdict, type=verdict)
    if told.fingerprint != asked.data.fingerprint:
        raise reused()
    return Told(told, answer.decided.at, {**headers, **(REPLAYED if answer.replayed else {})})


def pending(id_: UUID, headers: Mapping[str, str] | None = None) -> Response:
    """The answer while a command is not decided."""
    body = Pending(id=id_).model_dump_json()
    return Response(body, 202, {**(headers or {}), **_RETRY}, "application/json")


def refusal(slug: str, detail: str, headers: Mapping[str, str], more: dict[str, Any]) -> Problem:
    """The answer to a command that was refused."""
    kept = {name: value for name, value in headers.items() if name != "Location"}
    return Problem(422, slug, detail, headers=kept, more=more)
