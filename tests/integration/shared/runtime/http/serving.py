"""An application on a real database, for the tests of this folder."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import APIRouter
from sqlalchemy import MetaData

import shared.runtime.tables
from shared.auth.tokens import Verifier, issue
from shared.clock import DAY, SECOND, Clock, ManualClock
from shared.db import Database
from shared.observability.metrics import Metrics
from shared.runtime.foresight import Foresight, Holding
from shared.runtime.http.app import build_app
from shared.runtime.http.dead_letters import dead_letters_router
from shared.runtime.http.health import HealthBoard
from shared.runtime.http.program import program_router
from shared.runtime.program import ProgramHistory, ProgramPart

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
NOW = 1_700_000_000 * SECOND


class NoMembers:
    """A part whose service has no members: there is nothing to foresee."""

    def machine(self, versions: object, withdrawn: object) -> Any:
        raise AssertionError("nobody is judged")

    def holdings(self, machine: object, folded: object) -> Mapping[Holding, int]:
        raise AssertionError("nobody is judged")


def blind(program: ProgramPart[Any], clock: Clock) -> Foresight:
    """Of a service without members."""
    return Foresight(
        history=ProgramHistory(program, clock),
        part=NoMembers(),
        clock=clock,
        consumer="test",
        partitions=2,
        stream=False,
        by_time=False,
    )


@asynccontextmanager
async def runtime_database(url: str) -> AsyncIterator[Database]:
    """A database with the runtime's tables in it."""
    database = Database(url, application_name="test")
    metadata = MetaData()
    shared.runtime.tables.attach(metadata)
    async with database.transaction() as tx:
        await tx.connection.run_sync(metadata.create_all)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def serve(
    database: Database,
    clock: ManualClock,
    *,
    routers: Sequence[APIRouter] = (),
    program: ProgramPart[Any] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client, an admin's, of an application on this database."""
    known = [*routers, dead_letters_router(database, clock)]
    if program is not None:
        known.append(program_router(program, database, clock, blind(program, clock)))
    app = build_app(
        service="test",
        title="Test",
        routers=known,
        metrics=Metrics("test"),
        health=HealthBoard(clock),
        verifier=Verifier.local(KEY),
        database=database,
        clock=clock,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=token()
    ) as client:
        yield client


def token(role: str = "admin", subject: str = "li") -> dict[str, str]:
    """Headers of a caller."""
    made = issue(KEY, subject=subject, role=role, expires_in_seconds=7 * DAY // SECOND, now=NOW)
    return {"Authorization": f"Bearer {made}"}
