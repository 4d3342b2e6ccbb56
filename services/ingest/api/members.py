"""Members over HTTP: who somebody is.

Only `admin` and `system` see names and personal data whole (a delivery worker asks here for the
address of a message); others see them masked, and a store sees members it was the first to meet.
"""

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from services.ingest.api.answers import problem_of
from services.ingest.domain.names import Name, NotAName, masked, parse_name
from services.ingest.handlers.linking import Linker
from services.ingest.store.identities import Identities
from services.ingest.store.members import MemberRecord, get_member
from services.ingest.store.vault import Vault
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import to_datetime
from shared.db import Database, Transaction
from shared.runtime.http.idempotency import Answer, CommandDep
from shared.runtime.http.problems import FieldError, Problem, not_found

_Reader = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "store", "system"))]
_Editor = Annotated[Principal, Depends(require("admin", "system"))]
_SEE_ALL = frozenset({"admin", "system"})


class IdentityOut(BaseModel):
    """A name of a member."""

    kind: str
    name: str | None = Field(description="masked for roles that need not know it")
    linked_at: datetime
    event_id: str = Field(description="the event that brought it")


class MemberOut(BaseModel):
    """Who somebody is."""

    member_id: UUID
    created_at: datetime
    first_event_at: datetime
    first_event_id: str
    source: str = Field(description="the CloudEvents source that named them first")
    store_id: str | None
    identities: list[IdentityOut]
    personal: dict[str, Any] = Field(description="personal data; fields only where masked")


class NewIdentity(BaseModel):
    """A further name of a member."""

    identity: str = Field(examples=["phone:+8613800000000"], max_length=320)


def members_router(
    database: Database, identities: Identities, vault: Vault, linker: Linker
) -> APIRouter:
    """The endpoints of members."""
    router = APIRouter(tags=["members"])

    found = partial(_found, vault)

    @router.get("/v1/members", summary="Who has this name?")
    async def by_name(
        caller: _Reader,
        identity: Annotated[str, Query(max_length=320, examples=["card:2375"])],
    ) -> MemberOut:
        name = _name(identity)
        async with database.transaction(read_only=True) as tx:
            known = await identities.find(tx, (name,))
            if name not in known:
                raise not_found("member")
            return await found(tx, known[name], caller)

    @router.get("/v1/members/{member_id}", summary="Who is this?")
    async def one(caller: _Reader, member_id: UUID) -> MemberOut:
        async with database.transaction(read_only=True) as tx:
            return await found(tx, member_id, caller)

    @router.post(
        "/v1/members/{member_id}/identities", summary="Give a further name", status_code=201
    )
    async def link(
        caller: _Editor, member_id: UUID, body: NewIdentity, command: CommandDep
    ) -> Response:
        name = _name(body.identity)

        async def effect(tx: Transaction) -> Answer:
            refusal = await linker.link(tx, member_id, name, caller.subject)
            if refusal is not None:
                raise problem_of(refusal)
            return Answer(201, await found(tx, member_id, caller), kept={"member_id": member_id})

        return await command.run(effect)

    return router


async def _found(vault: Vault, tx: Transaction, member_id: UUID, caller: Principal) -> MemberOut:
    record = await get_member(tx, vault, member_id)
    if record is None:
        raise not_found("member")
    if caller.role == "store":
        caller.check_store(record.store_id or "")
    return _member(record, whole=caller.role in _SEE_ALL)


def _name(text: str) -> Name:
    try:
        return parse_name(text)
    except NotAName as error:
        errors = [FieldError("/identity", str(error))]
        raise Problem(422, "invalid-identity", str(error), errors=errors) from None


def _member(record: MemberRecord, *, whole: bool) -> MemberOut:
    return MemberOut(
        member_id=record.member_id,
        created_at=to_datetime(record.created_at),
        first_event_at=to_datetime(record.first_event_at),
        first_event_id=record.first_event_id,
        source=record.source,
        store_id=record.store_id,
        identities=[
            IdentityOut(
                kind=each.kind,
                name=None if each.name is None else _shown(each.name, whole=whole),
                linked_at=to_datetime(each.linked_at),
                event_id=each.event_id,
            )
            for each in record.names
        ],
        personal={each.field: each.value if whole else "…" for each in record.personal},
    )


def _shown(name: Name, *, whole: bool) -> str:
    return name.text if whole else masked(name)
