"""Sources over HTTP: who may publish what, with which key, and what of theirs was rejected."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field, field_validator

from services.ingest.domain.source import Source
from services.ingest.handlers.source_registry import SourceRegistry, WithKey
from services.ingest.store.rejections import Rejected
from services.ingest.store.sources import StoredSource
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import to_datetime
from shared.db import Transaction
from shared.events import types
from shared.events.scalars import SOURCE_LENGTH_MAX
from shared.runtime.http.fields import NO_NUL, Identifier
from shared.runtime.http.idempotency import Answer, Command, CommandDep
from shared.runtime.http.paging import Page, PageQuery, page
from shared.runtime.http.problems import Problem, not_found

_Admin = Annotated[Principal, Depends(require("admin"))]
_Name = Annotated[str, Path(min_length=1, max_length=64, pattern="^[a-z0-9][a-z0-9-]*$")]
_Origin = Annotated[str, Field(min_length=1, max_length=SOURCE_LENGTH_MAX, pattern=NO_NUL)]
_LIST_MAX = 10_000
_LATEST = 2**63 - 1
_TAKEN = Problem(409, "source-exists", "there is a source with this name")


class Rights(BaseModel):
    """What a source may publish, and how fast."""

    types: list[Identifier] | None = Field(
        None, max_length=_LIST_MAX, description="null: every type"
    )
    stores: list[Identifier] | None = Field(
        None, max_length=_LIST_MAX, description="null: every store"
    )
    origins: list[_Origin] | None = Field(
        None, max_length=_LIST_MAX, description="CloudEvents `source` values; null: every one"
    )
    strict: bool = Field(default=False, description="refuse events of stores without master data")
    rate_per_second: float | None = Field(
        None, gt=0, le=1_000_000, description="null: as fast as it can"
    )
    burst: int = Field(1_000, ge=1, le=1_000_000, description="events at once, within the rate")
    active: bool = True

    @field_validator("types")
    @classmethod
    def _are_types(cls, value: list[str] | None) -> list[str] | None:
        unknown = sorted(set(value or ()) - types.INBOUND)
        if unknown:
            raise ValueError(f"not a type that sources publish: {', '.join(unknown)[:200]}")
        return value


class NewSource(Rights):
    """A source to register."""

    name: str = Field(min_length=1, max_length=64, pattern="^[a-z0-9][a-z0-9-]*$")


class SourceOut(NewSource):
    """A source as it stands; its key is shown once only."""

    created_at: datetime
    updated_at: datetime


class SourceWithKey(SourceOut):
    """A source with its key, which is never shown again."""

    key: str


class RejectedOut(BaseModel):
    """An event that was not taken."""

    id: int
    rejected_at: datetime
    event_id: str | None
    type: str | None
    problem: dict[str, Any]
    raw: str = Field(description="as it was sent, as far as it is text; at most 64 KiB")


def sources_router(registry: SourceRegistry) -> APIRouter:
    """The endpoints of sources."""
    router = APIRouter(tags=["sources"])

    @router.get("/v1/sources", summary="The registered publishers")
    async def listed(_caller: _Admin, query: PageQuery) -> Page[SourceOut]:
        stored = await registry.page(query.after(str) or "", query.limit + 1)
        return page([_out(each) for each in stored], query, lambda each: each.name)

    @router.post("/v1/sources", summary="Register a publisher", status_code=201)
    async def created(_caller: _Admin, body: NewSource, command: CommandDep) -> Response:
        return await _told_once(
            command, registry, 201, lambda tx: registry.add(tx, _source(body.name, body)), _TAKEN
        )

    @router.get("/v1/sources/{name}", summary="One publisher")
    async def one(_caller: _Admin, name: _Name) -> SourceOut:
        return _out(_there(await registry.get(name)))

    @router.put("/v1/sources/{name}", summary="Change what a publisher may")
    async def changed(_caller: _Admin, name: _Name, body: Rights) -> SourceOut:
        return _out(_there(await registry.change(_source(name, body))))

    @router.post("/v1/sources/{name}:rotate-key", summary="A new key; the old one ends")
    async def rotated(_caller: _Admin, name: _Name, command: CommandDep) -> Response:
        return await _told_once(
            command, registry, 200, lambda tx: registry.new_key(tx, name), not_found("source")
        )

    @router.delete("/v1/sources/{name}", summary="Remove a publisher", status_code=204)
    async def removed(_caller: _Admin, name: _Name) -> None:
        if not await registry.remove(name):
            raise not_found("source")

    _rejections(router, registry)
    return router


def _rejections(router: APIRouter, registry: SourceRegistry) -> None:
    @router.get("/v1/sources/{name}/rejected", summary="What was not taken, newest first")
    async def rejected(_caller: _Admin, name: _Name, query: PageQuery) -> Page[RejectedOut]:
        before = query.after(int)
        kept = await registry.rejected(name, _LATEST if before is None else before, query.limit + 1)
        return page([_rejected(each) for each in _there(kept)], query, lambda each: each.id)


_Found = TypeVar("_Found")


def _there(found: _Found | None) -> _Found:
    if found is None:
        raise not_found("source")
    return found


async def _told_once(
    command: Command,
    registry: SourceRegistry,
    status: int,
    work: Callable[[Transaction], Awaitable[WithKey | None]],
    otherwise: Problem,
) -> Response:
    """Answer with a new key; where the same request is repeated, without it."""

    async def effect(tx: Transaction) -> Answer:
        done = await work(tx)
        if done is None:
            raise otherwise
        told = _out(done.stored)
        return Answer(status, SourceWithKey(**told.model_dump(), key=done.key), kept=told)

    answer = await command.run(effect)
    await registry.follow()
    return answer


def _source(name: str, rights: Rights) -> Source:
    return Source(
        name,
        _set(rights.types),
        _set(rights.stores),
        _set(rights.origins),
        strict=rights.strict,
        rate_per_second=rights.rate_per_second,
        burst=rights.burst,
        active=rights.active,
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _list(values: frozenset[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _out(stored: StoredSource) -> SourceOut:
    source = stored.source
    return SourceOut(
        name=source.name,
        types=_list(source.types),
        stores=_list(source.stores),
        origins=_list(source.origins),
        strict=source.strict,
        rate_per_second=source.rate_per_second,
        burst=source.burst,
        active=source.active,
        created_at=to_datetime(stored.created_at),
        updated_at=to_datetime(stored.updated_at),
    )


def _rejected(each: Rejected) -> RejectedOut:
    return RejectedOut(
        id=each.id,
        rejected_at=to_datetime(each.rejected_at),
        event_id=each.event_id,
        type=each.type,
        problem=orjson.loads(each.problem),
        raw=each.raw.decode("utf-8", "replace"),
    )
