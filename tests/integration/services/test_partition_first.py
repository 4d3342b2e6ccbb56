"""A database from before revision 0005 is upgraded with all that is in it, and can go back."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import MetaData

from services.ingest.tables import metadata as ingest
from services.notify.tables import metadata as notify
from services.points.tables import metadata as points
from services.segmentation.tables import metadata as segmentation
from shared.db import migrations
from shared.db.placement import lane_tables
from shared.kafka.partitioner import partition_of
from tests.applications import SERVICES
from tests.conftest import NewDatabase

pytestmark = pytest.mark.integration

PARTITIONS = 4
MEMBERS = [UUID(int=number, version=4) for number in range(12)]
METADATA: Mapping[str, MetaData] = {
    "ingest": ingest,
    "points": points,
    "segmentation": segmentation,
    "notify": notify,
}
STRANGER = MEMBERS[-1]  # nobody has a timeline of this one
_VALUES: Mapping[str, Any] = {
    "uuid": None,
    "bytea": b"\x01bytes",
    "text": "text",
    "bigint": 5,
    "integer": 5,
    "smallint": 5,
    "boolean": True,
    "jsonb": "{}",
    "json": "{}",
    "ARRAY": ["a", "b"],
    "double precision": 0.5,
}

_COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'NO'
 ORDER BY ordinal_position
"""


def of(member: UUID) -> int:
    return partition_of(str(member).encode(), PARTITIONS)


def lanes_of(service: str) -> list[str]:
    return [table.name for table in lane_tables(METADATA[service])]


async def lanes_then(connection: asyncpg.Connection, service: str) -> list[str]:
    """Those of them that were there before."""
    return [
        table
        for table in lanes_of(service)
        if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"public.{table}")
    ]


async def fill(connection: asyncpg.Connection, table: str) -> None:
    """Put a row of each member into a table as it was before."""
    columns = await connection.fetch(_COLUMNS, table)
    names = [row["column_name"] for row in columns]
    marks = ", ".join(
        f"${place}::text::{row['data_type']}" if "json" in row["data_type"] else f"${place}"
        for place, row in enumerate(columns, 1)
    )
    for number, member in enumerate(MEMBERS):
        if table == "timelines" and member == STRANGER:
            continue
        own = {
            "partition": number % PARTITIONS if table == "positions" else of(member),
            "member_id": str(member) if table == "dead_letters" else member,
            "consumer": f"consumer-{number}",
            "lane": f"points-{number}" if number % 2 else None,
            "store_id": f"store-{number}",
            "debit": "issued",
            "credit": "available",
        }
        values = [
            own[row["column_name"]]
            if row["column_name"] in own
            else member
            if row["data_type"] == "uuid"
            else None
            if row["data_type"] == "date"
            else _VALUES[row["data_type"]]
            for row in columns
        ]
        await connection.execute(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - our tables
            *values,
        )


async def rows(connection: asyncpg.Connection, table: str) -> list[dict[str, Any]]:
    found = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - our tables
    return sorted((dict(row) for row in found), key=repr)


@pytest.fixture(params=sorted(SERVICES))
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def before(new_database: NewDatabase, service: str) -> tuple[str, Any]:
    """A database as revision 0004 left it."""
    url = await new_database()
    configuration = migrations.configuration(SERVICES[service].migrations, url)
    await asyncio.to_thread(command.upgrade, configuration, "0004")
    return url, configuration


async def test_rows_are_kept_and_lie_in_their_members_partition(
    new_database: NewDatabase, service: str
) -> None:
    url, configuration = await before(new_database, service)
    connection = await asyncpg.connect(url)
    tables = await lanes_then(connection, service)
    for table in tables:
        await fill(connection, table)
    old = {table: await rows(connection, table) for table in tables}

    await asyncio.to_thread(command.upgrade, configuration, "0005")
    for table in tables:
        new = await rows(connection, table)
        assert len(new) == len(old[table]) >= len(MEMBERS) - 1
        if "partition" in (new[0] if new else {}) and "partition" not in old[table][0]:
            assert [row.pop("partition") for row in new] == [of(row["member_id"]) for row in new]
        if table == "outbox":
            assert {(row.pop("target"), row.pop("lane")) for row in new} == {(None, None)}
            for row in old[table]:
                del row["lane"]
        assert sorted(new, key=repr) == sorted(old[table], key=repr)

    await asyncio.to_thread(command.downgrade, configuration, "0004")
    await asyncio.to_thread(command.upgrade, configuration, "0005")
    assert await connection.fetchval("SELECT count(*) FROM timelines") == len(MEMBERS) - 1
    await connection.close()


async def test_the_keys_in_the_database_begin_with_the_partition(
    new_database: NewDatabase, service: str
) -> None:
    """Also that of a table that a migration has made, and the code does not know."""
    url = await new_database(SERVICES[service].migrations)
    connection = await asyncpg.connect(url)
    found = await connection.fetch(
        """SELECT c.relname AS table, i.relname AS index, a.attname AS first
             FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
             JOIN pg_class i ON i.oid = x.indexrelid
             JOIN pg_attribute a ON a.attrelid = i.oid AND a.attnum = 1
            WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace"""
    )
    await connection.close()
    by_others = set(METADATA[service].tables) - set(lanes_of(service)) | {"alembic_version"}
    first = {row["table"]: row["first"] for row in found if row["table"] not in by_others}
    assert first == dict.fromkeys(lanes_of(service), "partition")


async def test_it_waits_for_nobody_who_writes_by_the_old_keys(
    new_database: NewDatabase, service: str
) -> None:
    url, configuration = await before(new_database, service)
    running = await asyncpg.connect(
        url, server_settings={"application_name": f"regulars-{service}-lanes"}
    )
    with pytest.raises(CommandError, match=rf"stop .*regulars-{service}-lanes"):
        await asyncio.to_thread(command.upgrade, configuration, "head")
    await running.close()
    await asyncio.to_thread(command.upgrade, configuration, "head")
