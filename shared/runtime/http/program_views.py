"""How versions of the program are shown, and who may see and change them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, Field

from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Instant, to_datetime
from shared.runtime.program import BEGINNING, Stored

Reader = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "system"))]
Editor = Annotated[Principal, Depends(require("admin", "marketer"))]


class VersionSummary(BaseModel):
    """A version without its document."""

    version: int
    effective_from: datetime | None = Field(description="null: always was")
    author: str
    note: str
    created_at: datetime
    state: Literal["past", "in_force", "planned", "withdrawn"]
    withdrawn_at: datetime | None = Field(description="since then it counts as never in force")
    withdrawn_by: str | None
    withdrawn_note: str | None


class Version(VersionSummary):
    """A version with its document."""

    document: dict[str, Any]


class InForce(Version):
    """The version in force now, and all there are."""

    history: list[VersionSummary] = Field(description="newest first")


def tag_of(rows: Sequence[Stored]) -> str:
    """The entity tag of the program: its newest version that stands."""
    return f'"{max(row.version for row in rows if row.withdrawn_at is None)}"'


def current_of(rows: Sequence[Stored], now: Instant) -> Stored:
    """The version in force at an instant."""
    standing = [row for row in rows if row.withdrawn_at is None]
    begun = [row for row in standing if row.effective_from <= now]
    return max(begun or standing[:1], key=lambda row: (row.effective_from, row.version))


def fields_of(row: Stored, current: Stored, now: Instant) -> dict[str, Any]:
    """The fields of a `Version`."""
    always = row.effective_from <= BEGINNING
    return {
        "version": row.version,
        "effective_from": None if always else to_datetime(row.effective_from),
        "author": row.author,
        "note": row.note,
        "created_at": to_datetime(row.created_at),
        "state": _state(row, current, now),
        "withdrawn_at": None if row.withdrawn_at is None else to_datetime(row.withdrawn_at),
        "withdrawn_by": row.withdrawn_by,
        "withdrawn_note": row.withdrawn_note,
        "document": dict(row.document),
    }


def _state(row: Stored, current: Stored, now: Instant) -> str:
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.version == current.version:
        return "in_force"
    return "planned" if row.effective_from > now else "past"
