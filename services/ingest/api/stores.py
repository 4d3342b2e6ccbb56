"""Stores over HTTP: the chain's master data."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field, field_validator

from services.ingest.handlers.store_registry import StoreRegistry
from services.ingest.store.stores import StoreRecord
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import to_datetime
from shared.db import Transaction
from shared.events.standards import time_zone
from shared.runtime.http.fields import NO_NUL, Identifier
from shared.runtime.http.idempotency import Answer, CommandDep, repeatable
from shared.runtime.http.paging import Page, PageQuery, page
from shared.runtime.http.problems import Problem, not_found

_Reader = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "store", "system"))]
_Editor = Annotated[Principal, Depends(require("admin", "system"))]
_StoreId = Annotated[str, Path(min_length=1, max_length=200, pattern=NO_NUL)]
_BULK_MAX = 5_000


class StoreData(BaseModel):
    """What headquarters says of a store."""

    name: str | None = Field(None, max_length=256, pattern=NO_NUL)
    region: str | None = Field(None, max_length=128, pattern=NO_NUL)
    city: str | None = Field(None, max_length=128, pattern=NO_NUL)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    time_zone: str | None = Field(None, max_length=64, examples=["Asia/Shanghai"])

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        return None if value is None else time_zone(value)


class NewStore(StoreData):
    """A store with its id."""

    store_id: Identifier


class StoreOut(NewStore):
    """A store as it stands."""

    confirmed: bool = Field(description="false: only events have named it so far")
    first_source: str | None
    created_at: datetime
    updated_at: datetime


class ManyStores(BaseModel):
    """Stores to write at once."""

    stores: list[NewStore] = Field(min_length=1, max_length=_BULK_MAX)


class Written(BaseModel):
    """How many stores were written."""

    stores: int


def stores_router(registry: StoreRegistry) -> APIRouter:
    """The endpoints of stores."""
    router = APIRouter(tags=["stores"])

    _reading(router, registry)
    _writing(router, registry)
    return router


def _reading(router: APIRouter, registry: StoreRegistry) -> None:
    @router.get("/v1/stores", summary="The stores")
    async def listed(
        caller: _Reader, query: PageQuery, confirmed: Annotated[bool | None, Query()] = None
    ) -> Page[StoreOut]:
        only = sorted(caller.stores) if caller.role == "store" else None
        after = query.after(str) or ""
        records = await registry.page(after, query.limit + 1, confirmed=confirmed, only=only)
        return page([_out(each) for each in records], query, lambda each: each.store_id)

    @router.get("/v1/stores/{store_id}", summary="One store")
    async def one(caller: _Reader, store_id: _StoreId) -> StoreOut:
        caller.check_store(store_id)
        return _there(await registry.get(store_id))


def _writing(router: APIRouter, registry: StoreRegistry) -> None:
    @router.post("/v1/stores", summary="A new store", status_code=201)
    async def created(_caller: _Editor, body: NewStore, command: CommandDep) -> Response:
        async def effect(tx: Transaction) -> Answer:
            record = await registry.add(tx, _record(body))
            if record is None:
                raise Problem(409, "store-exists", "there is a store with this id")
            return Answer(201, _out(record))

        answer = await command.run(effect)
        await registry.follow()
        return answer

    @router.post(
        "/v1/stores:bulk",
        summary="Write many stores",
        openapi_extra=repeatable("writing the same again changes nothing"),
    )
    async def many(_caller: _Editor, body: ManyStores) -> Written:
        return Written(stores=await registry.write([_record(each) for each in body.stores]))

    @router.put("/v1/stores/{store_id}", summary="Write a store")
    async def changed(_caller: _Editor, store_id: _StoreId, body: StoreData) -> StoreOut:
        await registry.write([_record(NewStore(store_id=store_id, **body.model_dump()))])
        return _there(await registry.get(store_id))

    @router.delete("/v1/stores/{store_id}", summary="Remove a store", status_code=204)
    async def removed(_caller: _Editor, store_id: _StoreId) -> None:
        if not await registry.remove(store_id):
            raise not_found("store")


def _there(record: StoreRecord | None) -> StoreOut:
    if record is None:
        raise not_found("store")
    return _out(record)


def _record(told: NewStore) -> StoreRecord:
    return StoreRecord(
        told.store_id,
        told.name,
        told.region,
        told.city,
        told.latitude,
        told.longitude,
        told.time_zone,
    )


def _out(record: StoreRecord) -> StoreOut:
    told = record._asdict()
    told["created_at"] = to_datetime(record.created_at)
    told["updated_at"] = to_datetime(record.updated_at)
    return StoreOut(**told)
