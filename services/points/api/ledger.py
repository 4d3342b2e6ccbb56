"""The ledger over HTTP: accounts, transfers, remarks, trial balance."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from services.points.domain.machine import PointsMachine
from services.points.domain.posting import ADJUSTED, ISSUED
from services.points.domain.versions import Versions
from services.points.domain.wording import Sentence
from services.points.handlers import accounts
from services.points.handlers.accounts import AccountView, Explained
from services.points.store import views
from services.points.store.views import RemarkRow, TotalRow
from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.clock import Clock, Instant, from_datetime, to_datetime
from shared.db import Database, Transaction
from shared.kafka.partitioner import MemberKey, member_key
from shared.runtime.http.paging import Page, PageQuery, page
from shared.runtime.http.problems import not_found

Reader = Annotated[Principal, Depends(require("admin", "marketer", "analyst", "system", "store"))]
Accountant = Annotated[Principal, Depends(require("admin", "analyst", "system", "store"))]


class Expiry(BaseModel):
    """Points that end on one day."""

    points: int
    expires_on: date | None = Field(description="the last day; null: they do not end")


class AccountOut(BaseModel):
    """What a member has."""

    member_id: UUID
    available: int = Field(description="can be spent")
    pending: int = Field(description="earned, and not yet to be spent")
    held: int = Field(description="reserved for something")
    lifetime: int = Field(description="ever earned and not taken back")
    expiries: list[Expiry] = Field(description="every deadline; they sum to the balance")
    as_of: datetime


class Text(BaseModel):
    """A sentence in both languages."""

    zh: str
    en: str


class Explanation(BaseModel):
    """Why: the event, the rule of a version of the program, the figures, and a sentence."""

    event_id: str
    rule: str
    program_version: int
    figures: dict[str, Any]
    text: Text


class TransferOut(BaseModel):
    """Points from one account to another; `points` is signed as the member sees it."""

    id: UUID
    event_at: datetime
    recorded_at: datetime
    points: int
    debit: str
    credit: str
    code: str
    balance_after: int
    store_id: str | None
    funder: str
    order_id: str | None
    correction: str | None = Field(description="event that made this correction necessary")
    explanation: Explanation


class RemarkOut(BaseModel):
    """Why an event moved no points, or fewer than it asked for."""

    event_at: datetime
    event_id: str
    code: str
    figures: dict[str, Any]
    text: Text


class Total(BaseModel):
    """One kind of account; `balance` is debits less credits."""

    account: str
    store_id: str | None = None
    debits: int
    credits: int
    balance: int


class Members(BaseModel):
    """All member accounts together, summed on their own: the proof of the totals."""

    members: int
    available: int
    pending: int
    held: int
    lifetime: int


class TrialBalance(BaseModel):
    """The books in one page."""

    accounts: list[Total]
    debits: int
    credits: int
    points_issued: int = Field(description="issued and not taken back")
    points_adjusted: int = Field(description="given by hand less what was taken by hand")
    members: Members | None = Field(description="not for a caller limited to stores")
    balanced: bool = Field(
        description="debits = credits, and the members have what was issued and adjusted"
    )


Refresh = Callable[[Transaction], Awaitable[None]]
"""Brings the versions of the program in hand up to date."""


@dataclass(frozen=True)
class Books:
    """Where the books lie: the database, and by how many partitions."""

    database: Database
    partitions: int

    def of(self, member_id: UUID) -> MemberKey:
        """The key of a member's rows."""
        return member_key(member_id, self.partitions)


def ledger_router(
    books: Books,
    clock: Clock,
    machine: PointsMachine,
    versions: Versions,
    refresh: Refresh,
) -> APIRouter:
    """The endpoints of the ledger."""
    router = APIRouter(tags=["ledger"])
    _accounts(router, books, clock, machine, refresh)
    _transfers(router, books, versions, refresh)

    @router.get("/v1/ledger/trial-balance", summary="Do the books balance?")
    async def trial_balance(
        caller: Accountant,
        by_store: Annotated[bool, Query(description="one line per store and account")] = False,  # noqa: FBT002 - FastAPI passes it by name
    ) -> TrialBalance:
        stores = _stores_of(caller)
        async with books.database.transaction(read_only=True) as tx:
            rows = await views.totals(tx, by_store=by_store, stores=stores)
            sums = await views.member_sums(tx) if stores is None else None
        return _trial_balance(rows, None if sums is None else Members(**sums._asdict()))

    return router


def _accounts(
    router: APIRouter,
    books: Books,
    clock: Clock,
    machine: PointsMachine,
    refresh: Refresh,
) -> None:
    @router.get("/v1/members/{member_id}/account", summary="What a member has, and until when")
    async def account(
        member_id: UUID,
        _caller: Reader,
        at: Annotated[
            AwareDatetime | None, Query(description="as of this instant, as known today")
        ] = None,
    ) -> AccountOut:
        as_of = clock.now() if at is None else from_datetime(at)
        async with books.database.transaction(read_only=True) as tx:
            if at is None:
                view = await accounts.account_now(tx, books.of(member_id))
            else:
                await refresh(tx)
                view = await accounts.account_at(tx, machine, books.of(member_id), as_of)
        if view is None:
            raise not_found("member")
        return _account_out(member_id, view, as_of)


def _transfers(router: APIRouter, books: Books, versions: Versions, refresh: Refresh) -> None:
    @router.get(
        "/v1/members/{member_id}/transfers", summary="Every movement, newest first, and why"
    )
    async def transfers(member_id: UUID, query: PageQuery, caller: Reader) -> Page[TransferOut]:
        key = books.of(member_id)
        async with books.database.transaction(read_only=True) as tx:
            await refresh(tx)
            rows = await views.transfers(
                tx,
                key,
                limit=query.limit + 1,
                after=query.after(views.TransferCursor),
                stores=_stores_of(caller),
            )
            if not rows and await views.account(tx, key) is None:
                raise not_found("member")
        told = [transfer_out(accounts.explained(row, versions)) for row in rows]
        return page(told, query, lambda item: (from_datetime(item.event_at), item.id))

    @router.get("/v1/members/{member_id}/remarks", summary="What moved no points, and why not")
    async def remarks(member_id: UUID, query: PageQuery, _caller: Reader) -> Page[RemarkOut]:
        key = books.of(member_id)
        async with books.database.transaction(read_only=True) as tx:
            rows = await views.remarks(
                tx, key, limit=query.limit + 1, after=query.after(views.RemarkCursor)
            )
            if not rows and await views.account(tx, key) is None:
                raise not_found("member")
        told = page(rows, query, lambda row: row[:3])
        return Page(items=[remark_out(row) for row in told.items], next=told.next)


def transfer_out(told: Explained) -> TransferOut:
    """A transfer as the API shows it."""
    row = told.transfer
    return TransferOut(
        id=row.id,
        event_at=to_datetime(row.event_at),
        recorded_at=to_datetime(row.recorded_at),
        points=row.points if row.credit == "available" else -row.points,
        debit=row.debit,
        credit=row.credit,
        code=row.code,
        balance_after=row.balance_after,
        store_id=row.store_id or None,
        funder=row.funder,
        order_id=row.order_id,
        correction=row.correction,
        explanation=Explanation(
            event_id=row.event_id,
            rule=row.rule,
            program_version=row.program_version,
            figures=told.figures,
            text=_text(told.text),
        ),
    )


def remark_out(row: RemarkRow) -> RemarkOut:
    """A remark as the API shows it."""
    figures, text = accounts.remarked(row)
    return RemarkOut(
        event_at=to_datetime(row.event_at),
        event_id=row.event_id,
        code=row.code,
        figures=figures,
        text=_text(text),
    )


def _text(sentence: Sentence) -> Text:
    return Text(zh=sentence.zh, en=sentence.en)


def _account_out(member_id: UUID, view: AccountView, as_of: Instant) -> AccountOut:
    return AccountOut(
        member_id=member_id,
        **view.account._asdict(),
        expiries=[Expiry(points=points, expires_on=day) for day, points in view.expiries],
        as_of=to_datetime(as_of),
    )


def _stores_of(caller: Principal) -> list[str] | None:
    """The stores that a caller is limited to; None: to none."""
    return sorted(caller.stores) if caller.role == "store" else None


def _trial_balance(rows: Sequence[TotalRow], members: Members | None) -> TrialBalance:
    debits, credits_ = sum(row.debits for row in rows), sum(row.credits for row in rows)
    issued, adjusted = (_net(rows, account) for account in (ISSUED, ADJUSTED))
    given = issued + adjusted
    owned = given if members is None else members.available + members.pending + members.held
    return TrialBalance(
        accounts=[Total(**row._asdict(), balance=row.debits - row.credits) for row in rows],
        debits=debits,
        credits=credits_,
        points_issued=issued,
        points_adjusted=adjusted,
        members=members,
        balanced=debits == credits_ and given == owned,
    )


def _net(rows: Sequence[TotalRow], account: str) -> int:
    return sum(row.debits - row.credits for row in rows if row.account == account)
