"""The endpoint that commands are held against: a row is locked, changed and written about.

`python -m deploy.bench.bare_commands DATABASE_URL PORT`. Starlette on uvicorn with uvloop and
httptools, a pool of asyncpg, the schema `bare` in the database of points. Nobody is asked who they
are, no policy decides, no lot is kept, nothing is announced; a key that comes twice is an error.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.bench.bare_server import run

_CONNECTIONS = 16

_TABLES = """
CREATE SCHEMA IF NOT EXISTS bare;
CREATE TABLE IF NOT EXISTS bare.accounts (member_id uuid PRIMARY KEY, balance bigint NOT NULL)
    WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS bare.entries (
    key text PRIMARY KEY, member_id uuid, points bigint, balance bigint, reason text
);
INSERT INTO bare.accounts SELECT member_id, 0 FROM public.accounts ON CONFLICT DO NOTHING
"""
_LOCK = "SELECT balance FROM bare.accounts WHERE member_id = $1 FOR UPDATE"
_MOVE = "UPDATE bare.accounts SET balance = $2 WHERE member_id = $1"
_ENTER = "INSERT INTO bare.entries VALUES ($1, $2, $3, $4, $5)"


def build(url: str) -> Starlette:
    """The application."""
    pools: list[Any] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with asyncpg.create_pool(url, min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool:
            await pool.execute(_TABLES)
            pools.append(pool)
            yield

    async def adjust(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        member, key = UUID(asked["member_id"]), request.headers["idempotency-key"]
        async with pools[0].acquire() as connection, connection.transaction():
            balance = await connection.fetchval(_LOCK, member) + asked["points"]
            await connection.execute(_MOVE, member, balance)
            await connection.execute(_ENTER, key, member, asked["points"], balance, asked["reason"])
        return Response(orjson.dumps({"balance": balance}), 201, media_type="application/json")

    async def ready(_request: Request) -> Response:
        return Response(b"{}")

    return Starlette(
        routes=[Route("/v1/adjustments", adjust, methods=["POST"]), Route("/readyz", ready)],
        lifespan=lifespan,
    )


if __name__ == "__main__":
    run(build(sys.argv[1]), int(sys.argv[2]))
