"""`/v1/program/{version}`: one version, what withdrawing it would change, and withdrawing it.

The preview is a path of its own and no flag: a flag that is misspelled would withdraw.
"""

import logging
from typing import Annotated, Literal

import asyncpg
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from shared.clock import Clock, Instant
from shared.db import Database, Transaction
from shared.runtime.foresight import SAMPLE_MAX, Foresight
from shared.runtime.http.fields import NO_NUL, RowNumber
from shared.runtime.http.idempotency import Answer, CommandDep, repeatable
from shared.runtime.http.problems import Problem, not_found
from shared.runtime.http.program_views import Editor, Reader, Version, current_of, fields_of
from shared.runtime.program import Stored, stored_versions
from shared.runtime.withdrawing import TheFirst, Unknown, time_of, withdraw
from shared.timers import judged

log = logging.getLogger(__name__)

_COUNT_SECONDS_MAX = 15.0


class Judging(BaseModel):
    """How far the lanes are with members who were judged by a version that was withdrawn."""

    members: int | None = Field(description="had anything in its time when it was withdrawn")
    judged: int = Field(description="are judged anew by now; late facts can make them more")
    partitions_left: int = Field(description="0: nobody is left")


class OneVersion(Version):
    """A version; `judging`: only of one that was withdrawn."""

    judging: Judging | None = None


class Withdrawal(BaseModel):
    """Why a version is withdrawn."""

    note: str = Field("", max_length=1_000, pattern=NO_NUL, description="why")


class Withdrawn(OneVersion):
    """A version that counts as never in force."""

    already: bool = Field(description="it was withdrawn before: nothing has changed")


class Change(BaseModel):
    """What the members of the sample would lose and gain, in sum.

    Points by rule; members by tag and by tier; messages by journey and step, of which those that
    were delivered stay delivered.
    """

    kind: Literal["points", "tag", "tier", "message"]
    name: str
    taken: int
    given: int


class Preview(BaseModel):
    """What withdrawing a version would change."""

    version: int
    members: int = Field(description="have anything in its time")
    sample: int = Field(description="how many of them were judged to find out what changes")
    changed: int = Field(description="for how many of the sample anything changes")
    changes: list[Change]


def withdrawal_router(database: Database, clock: Clock, foresight: Foresight) -> APIRouter:
    """The endpoints of single versions."""
    router = APIRouter()

    @router.get("/v1/program/{version}", summary="One version")
    async def one(version: RowNumber, _caller: Reader) -> OneVersion:
        async with database.transaction(read_only=True) as tx:
            return await _shown(tx, version, clock.now(), foresight.partitions)

    @router.post(
        "/v1/program/{version}:preview-withdraw",
        summary="What would change if this version had never been in force?",
        openapi_extra=repeatable("reads only"),
    )
    async def preview(
        version: RowNumber,
        _caller: Reader,
        sample: Annotated[int, Query(ge=0, le=SAMPLE_MAX)] = SAMPLE_MAX,
    ) -> Preview:
        async with database.transaction(read_only=True, timeout_seconds=_COUNT_SECONDS_MAX) as tx:
            rows = await stored_versions(tx)
            _may_be_withdrawn(rows, version)
            foreseen = await foresight.foresee(tx, time_of(rows, version), sample)
        changes = [Change(**change._asdict()) for change in foreseen.changes]
        return Preview(
            version=version, **foreseen._replace(changes=[])._asdict() | {"changes": changes}
        )

    @router.post(
        "/v1/program/{version}:withdraw",
        summary="Let a version count as never in force: its time is judged by the one before it",
        response_model=Withdrawn,
    )
    async def take_back(
        version: RowNumber, withdrawal: Withdrawal, command: CommandDep, caller: Editor
    ) -> Response:
        members = await _count(database, foresight, version)

        async def effect(tx: Transaction) -> Answer:
            try:
                _, now_done = await withdraw(
                    tx,
                    version,
                    by=caller.subject,
                    note=withdrawal.note,
                    now=clock.now(),
                    members=members,
                )
            except Unknown as error:
                raise not_found("version") from error
            except TheFirst as error:
                raise Problem(422, "first-version", str(error)) from error
            shown = await _shown(tx, version, clock.now(), foresight.partitions)
            return Answer(200, Withdrawn(**shown.model_dump(), already=not now_done))

        return await command.run(effect)

    return router


async def _count(database: Database, foresight: Foresight, version: int) -> int | None:
    """How many a withdrawal concerns; None where that takes too long to wait for."""
    try:
        async with database.transaction(read_only=True, timeout_seconds=_COUNT_SECONDS_MAX) as tx:
            rows = await stored_versions(tx)
            if any(row.version == version and row.withdrawn_at is None for row in rows):
                return await judged.count(tx, foresight.time_of(time_of(rows, version)))
    except (asyncpg.QueryCanceledError, TimeoutError):
        log.warning("whom the withdrawal of version %d concerns is not counted: slow", version)
    return None


async def _shown(tx: Transaction, version: int, now: Instant, partitions: int) -> OneVersion:
    rows = await stored_versions(tx)
    row = next((row for row in rows if row.version == version), None)
    if row is None:
        raise not_found("version")
    fields = fields_of(row, current_of(rows, now), now)
    return OneVersion(**fields, judging=await _judging(tx, row, partitions))


async def _judging(tx: Transaction, row: Stored, partitions: int) -> Judging | None:
    if row.withdrawn_at is None:
        return None
    members, done = await judged.total(tx, row.version)
    left = max(0, partitions - done)
    return Judging(members=row.withdrawn_members, judged=members, partitions_left=left)


def _may_be_withdrawn(rows: list[Stored], version: int) -> None:
    """Refuse what `withdraw` would refuse.

    Raises:
        Problem: 404, 409 or 422.
    """
    row = next((row for row in rows if row.version == version), None)
    if row is None:
        raise not_found("version")
    if row.withdrawn_at is not None:
        raise Problem(409, "already-withdrawn", f"version {version} is withdrawn")
    if row is rows[0]:
        raise Problem(422, "first-version", str(TheFirst(version)))
