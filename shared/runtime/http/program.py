"""`/v1/program`: read, compare, validate and put in force a service's part of the program.

How a version is withdrawn again is in `shared.runtime.http.withdrawal`. The entity tag is the
newest version that stands: whoever edits what was withdrawn in the meantime is told to look again.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from pydantic import AwareDatetime, BaseModel, Field

from shared.clock import Clock, Instant, from_datetime
from shared.db import Database, Transaction
from shared.runtime.foresight import Foresight
from shared.runtime.http.idempotency import repeatable
from shared.runtime.http.problems import FieldError, Problem, not_found
from shared.runtime.http.program_diff import diff
from shared.runtime.http.program_views import (
    Editor,
    InForce,
    Reader,
    Version,
    VersionSummary,
    current_of,
    fields_of,
    tag_of,
)
from shared.runtime.http.withdrawal import withdrawal_router
from shared.runtime.program import (
    Outdated,
    ProgramError,
    ProgramPart,
    Proposal,
    Stored,
    TooEarly,
    newest_standing,
    put,
    stored_versions,
)


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
    """Where a draft differs from the newest version that stands."""

    version: int
    changes: list[Difference]


class Verdict(BaseModel):
    """A draft is a program (what is not is answered 422, with every mistake)."""

    valid: Literal[True] = True


def program_router(
    part: ProgramPart[Any], database: Database, clock: Clock, foresight: Foresight
) -> APIRouter:
    """The endpoints of one service's part; `foresight` says what a withdrawal would change."""
    router = APIRouter(tags=["program"])

    @router.get("/v1/program", summary="The version in force, and the history")
    async def in_force(_caller: Reader, response: Response) -> InForce:
        async with database.transaction(read_only=True) as tx:
            rows = await stored_versions(tx)
        if not rows:
            raise not_found("program yet: the service installs its default when it first runs")
        now = clock.now()
        current = current_of(rows, now)
        response.headers["ETag"] = tag_of(rows)
        history = [_summary(row, current, now) for row in reversed(rows)]
        return InForce(**fields_of(current, current, now), history=history)

    @router.put("/v1/program", summary="Put a document in force, from now on or later")
    async def propose(
        proposed: ProposedDocument,
        caller: Editor,
        response: Response,
        if_match: Annotated[
            str | None,
            Header(max_length=64, description='the newest version that stood for you, as `"3"`'),
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
        response.headers["ETag"] = tag_of(rows)
        return Version(**fields_of(stored, current_of(rows, now), now))

    _drafts(router, part, database)
    router.include_router(withdrawal_router(database, clock, foresight))
    return router


def _drafts(router: APIRouter, part: ProgramPart[Any], database: Database) -> None:
    """What can be asked of a document before it is put in force."""

    @router.post(
        "/v1/program:validate",
        summary="Is this document a program?",
        openapi_extra=repeatable("reads only"),
    )
    async def validate(draft: Draft, _caller: Reader) -> Verdict:
        _parse(part, draft.document)
        return Verdict()

    @router.post(
        "/v1/program:diff",
        summary="Where does this document differ from the newest version that stands?",
        openapi_extra=repeatable("reads only"),
    )
    async def compare(draft: Draft, _caller: Reader) -> Differences:
        _parse(part, draft.document)
        async with database.transaction(read_only=True) as tx:
            newest = await newest_standing(tx)
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


def _summary(row: Stored, current: Stored, now: Instant) -> VersionSummary:
    fields = fields_of(row, current, now)
    del fields["document"]
    return VersionSummary(**fields)
