"""`/v1/program`: read, compare, validate and put in force a service's part of the program."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Response
from pydantic import AwareDatetime, BaseModel, Field

from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Clock, Instant, from_datetime, to_datetime
from shared.db import Database, Transaction
from shared.runtime.http.fields import RowNumber
from shared.runtime.http.idempotency import repeatable
from shared.runtime.http.problems import FieldError, Problem, not_found
from shared.runtime.http.program_diff import diff
from shared.runtime.program import (
    BEGINNING,
    Outdated,
    ProgramError,
    ProgramPart,
    Proposal,
    Stored,
    TooEarly,
    newest_version,
    put,
    stored_version,
    stored_versions,
)

_Reader = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "system"))]
_Editor = Annotated[Principal, Depends(require("admin", "marketer"))]


class VersionSummary(BaseModel):
    """A version without its document."""

    version: int
    effective_from: datetime | None = Field(description="null: always was")
    author: str
    note: str
    created_at: datetime
    state: Literal["past", "in_force", "planned"]


class Version(VersionSummary):
    """A version with its document."""

    document: dict[str, Any]


class InForce(Version):
    """The version in force now, and all there are."""

    history: list[VersionSummary] = Field(description="newest first")


class Draft(BaseModel):
    """A document that somebody would like to see in force."""

    document: dict[str, Any]


class ProposedDocument(Draft):
    """A document to put in force."""

    effective_from: AwareDatetime | None = Field(None, description="not given: in 10 seconds")
    note: str = Field("", max_length=1_000, description="why")


class Difference(BaseModel):
    """One place in which a draft differs from the newest version."""

    op: Literal["add", "remove", "change", "move"]
    pointer: str
    before: Any
    after: Any


class Differences(BaseModel):
    """Where a draft differs from the newest version."""

    version: int
    changes: list[Difference]


class Verdict(BaseModel):
    """A draft is a program (what is not is answered 422, with every mistake)."""

    valid: Literal[True] = True


def program_router(part: ProgramPart[Any], database: Database, clock: Clock) -> APIRouter:
    """The endpoints of one service's part."""
    router = APIRouter(tags=["program"])

    @router.get("/v1/program", summary="The version in force, and the history")
    async def in_force(_caller: _Reader, response: Response) -> InForce:
        async with database.transaction(read_only=True) as tx:
            rows = await stored_versions(tx)
        if not rows:
            raise not_found("program yet: the service installs its default when it first runs")
        now = clock.now()
        current = _current(rows, now)
        response.headers["ETag"] = f'"{rows[-1].version}"'
        history = [_summary(row, current, now) for row in reversed(rows)]
        return InForce(**_version(current, current, now), history=history)

    @router.get("/v1/program/{version}", summary="One version")
    async def one(version: RowNumber, _caller: _Reader) -> Version:
        async with database.transaction(read_only=True) as tx:
            rows = await stored_versions(tx)
        now = clock.now()
        for row in rows:
            if row.version == version:
                return Version(**_version(row, _current(rows, now), now))
        raise not_found("version")

    @router.put("/v1/program", summary="Put a document in force, from now on or later")
    async def propose(
        proposed: ProposedDocument,
        caller: _Editor,
        response: Response,
        if_match: Annotated[
            str | None,
            Header(max_length=64, description='the newest version you have seen, as `"3"`'),
        ] = None,
    ) -> Version:
        now, begins = clock.now(), proposed.effective_from
        proposal = Proposal(
            proposed.document,
            author=caller.subject,
            note=proposed.note,
            effective_from=None if begins is None else from_datetime(begins),
            expected_version=_expected(if_match),
        )
        async with database.transaction() as tx:
            stored = await _put(tx, part, proposal, now)
            rows = await stored_versions(tx)
        response.headers["ETag"] = f'"{stored.version}"'
        return Version(**_version(stored, _current(rows, now), now))

    _drafts(router, part, database)
    return router


def _drafts(router: APIRouter, part: ProgramPart[Any], database: Database) -> None:
    """What can be asked of a document before it is put in force."""

    @router.post(
        "/v1/program:validate",
        summary="Is this document a program?",
        openapi_extra=repeatable("reads only"),
    )
    async def validate(draft: Draft, _caller: _Reader) -> Verdict:
        _parse(part, draft.document)
        return Verdict()

    @router.post(
        "/v1/program:diff",
        summary="Where does this document differ from the newest version?",
        openapi_extra=repeatable("reads only"),
    )
    async def compare(draft: Draft, _caller: _Reader) -> Differences:
        _parse(part, draft.document)
        async with database.transaction(read_only=True) as tx:
            newest = await stored_version(tx, await newest_version(tx))
        changes = diff(newest.document if newest else {}, draft.document)
        return Differences(
            version=newest.version if newest else 0,
            changes=[Difference(**change._asdict()) for change in changes],
        )


async def _put(tx: Transaction, part: ProgramPart[Any], proposal: Proposal, now: Instant) -> Stored:
    try:
        return await put(tx, part, proposal, now)
    except ProgramError as error:
        raise _invalid(error) from error
    except TooEarly as error:
        pointed = [FieldError("/effective_from", str(error))]
        raise Problem(422, "effective-from-too-early", str(error), errors=pointed) from error
    except Outdated as error:
        raise Problem(412, "program-outdated", str(error)) from error


def _parse(part: ProgramPart[Any], document: Mapping[str, Any]) -> None:
    try:
        part.parse(document)
    except ProgramError as error:
        raise _invalid(error) from error


def _invalid(error: ProgramError) -> Problem:
    errors = [FieldError("/document" + each.pointer, each.detail) for each in error.mistakes]
    many = f"{len(errors)} places are" if len(errors) > 1 else "1 place is"
    return Problem(422, "invalid-program", f"{many} wrong", errors=errors)


def _expected(if_match: str | None) -> int | None:
    """The version that If-Match names.

    Raises:
        Problem: 412, it names none of ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().strip('"')
    if not text.isdecimal():
        raise Problem(412, "program-outdated", f"If-Match: {if_match!r} is no version of this")
    return int(text)


def _current(rows: list[Stored], now: Instant) -> Stored:
    begun = [row for row in rows if row.effective_from <= now]
    return max(begun or rows[:1], key=lambda row: (row.effective_from, row.version))


def _summary(row: Stored, current: Stored, now: Instant) -> VersionSummary:
    fields = _version(row, current, now)
    del fields["document"]
    return VersionSummary(**fields)


def _version(row: Stored, current: Stored, now: Instant) -> dict[str, Any]:
    always = row.effective_from <= BEGINNING
    planned = row.effective_from > now
    return {
        "version": row.version,
        "effective_from": None if always else to_datetime(row.effective_from),
        "author": row.author,
        "note": row.note,
        "created_at": to_datetime(row.created_at),
        "state": "in_force" if row is current else "planned" if planned else "past",
        "document": dict(row.document),
    }
