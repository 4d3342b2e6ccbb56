"""Idempotency-Key on PostgreSQL: one effect and one answer, whatever goes wrong in between."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Response
from pydantic import BaseModel

from shared.clock import DAY, SECOND, ManualClock
from shared.db import Database, Transaction
from shared.runtime.http.idempotency import Answer, CommandDep
from shared.runtime.http.problems import Problem
from tests.integration.shared.runtime.http.serving import NOW, runtime_database, serve, token

pytestmark = pytest.mark.integration


class Payment(BaseModel):
    points: int


class Till:
    """Endpoints with an effect that can be counted, refused, and held open."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.router = APIRouter()
        self.router.add_api_route("/v1/payments", self.pay, methods=["POST"])
        self.router.add_api_route("/v1/refunds", self.pay, methods=["POST"])
        self.router.add_api_route("/v1/keys", self.make_key, methods=["POST"])

    async def pay(self, payment: Payment, command: CommandDep) -> Response:
        async def effect(tx: Transaction) -> Answer:
            await tx.execute("INSERT INTO payments (points) VALUES ($1)", payment.points)
            self.entered.set()
            await self.go_on.wait()
            if payment.points < 0:
                raise Problem(422, "negative", "points must be positive")
            if payment.points == 0:
                raise LookupError("a bug")
            rows = await tx.fetch("SELECT count(*) AS n FROM payments")
            return Answer(201, {"number": rows[0]["n"]}, {"Location": "/v1/payments/1"})

        return await command.run(effect)

    async def make_key(self, command: CommandDep) -> Response:
        async def effect(_tx: Transaction) -> Answer:
            return Answer(201, {"key": "secret"}, kept={"key": None})

        return await command.run(effect)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with runtime_database(database_url) as database:
        async with database.transaction() as tx:
            await tx.execute("CREATE TABLE payments (points int)")
        yield database


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
async def client(
    database: Database, clock: ManualClock, till: Till
) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(database, clock, routers=[till.router]) as client:
        yield client


async def payments(database: Database) -> list[int]:
    async with database.transaction(read_only=True) as tx:
        return [row["points"] for row in await tx.fetch("SELECT points FROM payments")]


async def kept(database: Database) -> list[bytes]:
    async with database.transaction(read_only=True) as tx:
        return [row["body"] for row in await tx.fetch("SELECT body FROM idempotency_keys")]


async def pay(
    client: httpx.AsyncClient, points: int, key: str | None = "k", path: str = "/v1/payments"
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post(path, json={"points": points}, headers=headers)


async def test_the_same_again_is_the_same_answer_and_no_second_effect(
    client: httpx.AsyncClient, database: Database
) -> None:
    first, second = await pay(client, 5), await pay(client, 5)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json() == {"number": 1}
    assert second.headers["location"] == first.headers["location"] == "/v1/payments/1"
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert await payments(database) == [5]


async def test_a_quoted_key_is_the_same_key(client: httpx.AsyncClient, database: Database) -> None:
    await pay(client, 5, key='"k"')
    assert (await pay(client, 5, key="k")).headers["idempotency-replayed"] == "true"
    assert await payments(database) == [5]


async def test_without_a_key_each_request_is_its_own(
    client: httpx.AsyncClient, database: Database
) -> None:
    await pay(client, 5, key=None)
    await pay(client, 5, key=None)
    assert await payments(database) == [5, 5]
    assert await kept(database) == []


async def test_the_same_key_for_something_else_is_refused(
    client: httpx.AsyncClient, database: Database
) -> None:
    await pay(client, 5)
    for other in (await pay(client, 6), await pay(client, 5, path="/v1/refunds")):
        assert other.status_code == 422
        assert other.json()["type"] == "urn:regulars:problem:idempotency-key-reused"
    assert await payments(database) == [5]


async def test_two_callers_may_have_the_same_key(
    client: httpx.AsyncClient, database: Database
) -> None:
    await pay(client, 5)
    other = await client.post(
        "/v1/payments",
        json={"points": 7},
        headers={"Idempotency-Key": "k", **token(subject="wang")},
    )
    assert other.status_code == 201
    assert sorted(await payments(database)) == [5, 7]


async def test_a_refused_or_failed_request_leaves_no_trace(
    client: httpx.AsyncClient, database: Database
) -> None:
    assert (await pay(client, -1)).status_code == 422
    with pytest.raises(LookupError):  # the test's client passes bugs on
        await pay(client, 0)
    assert await payments(database) == []
    assert await kept(database) == []
    assert (await pay(client, 5)).status_code == 201


async def test_while_the_first_is_going_on_the_second_is_told_so(
    client: httpx.AsyncClient, database: Database, till: Till
) -> None:
    till.go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(pay(client, 5))
        await till.entered.wait()
        second = await pay(client, 5)
        assert second.status_code == 409
        assert second.json()["type"] == "urn:regulars:problem:request-in-progress"
        assert second.headers["retry-after"] == "1"
        till.go_on.set()
    assert first.result().status_code == 201
    assert (await pay(client, 5)).headers["idempotency-replayed"] == "true"
    assert await payments(database) == [5]


async def test_many_at_once_have_one_effect(client: httpx.AsyncClient, database: Database) -> None:
    async with asyncio.TaskGroup() as tasks:
        sent = [tasks.create_task(pay(client, 5)) for _ in range(20)]
    statuses = {each.result().status_code for each in sent}
    assert 201 in statuses
    assert statuses <= {201, 409}
    assert await payments(database) == [5]


async def test_a_connection_lost_at_commit_leaves_both_or_none(
    client: httpx.AsyncClient, database: Database, till: Till
) -> None:
    till.go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(pay(client, 5))
        await till.entered.wait()
        async with database.transaction() as tx:
            await tx.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        till.go_on.set()
    assert first.result().status_code == 503
    assert await payments(database) == []
    again = await pay(client, 5)
    assert again.status_code == 201
    assert await payments(database) == [5]


async def test_a_key_is_forgotten_after_a_day(
    client: httpx.AsyncClient, database: Database, clock: ManualClock
) -> None:
    await pay(client, 5)
    clock.advance(DAY - SECOND)
    assert (await pay(client, 5)).headers["idempotency-replayed"] == "true"
    clock.advance(SECOND)
    assert "idempotency-replayed" not in (await pay(client, 5)).headers
    assert await payments(database) == [5, 5]
    await pay(client, 1, key="another")
    clock.advance(2 * DAY)
    await pay(client, 1, key="a third")
    assert len(await kept(database)) == 1, "old answers are swept out by new ones"


async def test_a_secret_is_shown_once_and_not_kept(
    client: httpx.AsyncClient, database: Database
) -> None:
    headers = {"Idempotency-Key": "k"}
    assert (await client.post("/v1/keys", headers=headers)).json() == {"key": "secret"}
    assert (await client.post("/v1/keys", headers=headers)).json() == {"key": None}
    assert all(b"secret" not in body for body in await kept(database))


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_senseless_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    assert (await pay(client, 5, key=key)).status_code == 422
