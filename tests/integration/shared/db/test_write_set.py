"""Several writes as one statement: all of them or none, and as many as asked for."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.db import Database, Unmatched

pytestmark = pytest.mark.integration

_ADD = "INSERT INTO added (lane, words) SELECT * FROM unnest($1::int[], $2::text[])"
_MOVE = """
UPDATE places p SET position = m.next
  FROM unnest($1::int[], $2::int[], $3::int[]) AS m (lane, now, next)
 WHERE p.lane = m.lane AND p.position = m.now
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, application_name="test")
    async with database.transaction() as tx:
        await tx.execute(
            "CREATE TABLE places (lane int PRIMARY KEY, position int);"
            "INSERT INTO places VALUES (1, 0), (2, 0);"
            "CREATE TABLE added (id int GENERATED ALWAYS AS IDENTITY, lane int, words text);"
            "CREATE TABLE wide (gone int, tags text[], data jsonb, at bigint PRIMARY KEY);"
            "ALTER TABLE wide DROP COLUMN gone"
        )
    yield database
    await database.close()


async def rows(database: Database, sql: str) -> list[tuple[object, ...]]:
    async with database.transaction() as tx:
        return [tuple(row) for row in await tx.fetch(sql)]


async def test_what_two_lanes_write_arrives_together_and_in_their_order(database: Database) -> None:
    async with database.write_set() as tx:
        for lane in (1, 2):
            await tx.require(1, AssertionError(), _MOVE, [lane], [0], [lane * 10])
            await tx.execute(_ADD, [lane, lane], [f"{lane}a", f"{lane}b"])
        assert await tx.fetch("SELECT * FROM added") == []
    assert await rows(database, "SELECT lane, position FROM places ORDER BY 1") == [
        (1, 10),
        (2, 20),
    ]
    assert await rows(database, "SELECT words FROM added ORDER BY id") == [
        ("1a",),
        ("1b",),
        ("2a",),
        ("2b",),
    ]


async def test_when_one_lane_is_fenced_out_nothing_is_written_of_any(database: Database) -> None:
    async def writes() -> None:
        async with database.write_set() as tx:
            await tx.require(1, AssertionError(), _MOVE, [1], [0], [10])
            await tx.require(1, AssertionError(), _MOVE, [2], [7], [20])
            await tx.execute(_ADD, [1], ["never"])

    with pytest.raises(Unmatched):
        await writes()
    assert await rows(database, "SELECT position FROM places") == [(0,), (0,)]
    assert await rows(database, "SELECT * FROM added") == []


async def test_rows_go_in_whole_with_arrays_and_json(database: Database) -> None:
    async with database.write_set() as tx:
        await tx.copy("wide", ("at", "data", "tags"), [(1, '{"a": 1}', ["x", "y"])])
        await tx.copy("wide", ("at", "tags"), [(2, None)])
        await tx.copy("wide", ("at", "data", "tags"), [(3, "[2]", [])])
    assert await rows(database, "SELECT at, data, tags FROM wide ORDER BY at") == [
        (1, {"a": 1}, ["x", "y"]),
        (2, None, None),
        (3, [2], []),
    ]


async def test_statements_that_differ_in_more_than_their_arrays_stay_apart(
    database: Database,
) -> None:
    more = "UPDATE places SET position = $2 WHERE lane = ANY($1::int[])"
    async with database.write_set() as tx:
        await tx.execute(more, [1], 5)
        await tx.execute(more, [2], 6)
    assert await rows(database, "SELECT position FROM places ORDER BY lane") == [(5,), (6,)]


async def test_in_order_a_write_sees_the_one_before_and_an_error_undoes_all(
    database: Database,
) -> None:
    async def writes(*, fail: bool) -> None:
        async with database.write_set() as tx:
            await tx.require(1, AssertionError(), _MOVE, [1], [0], [10])
            await tx.execute(_ADD, [1], ["gathered"])
            await tx.in_order()
            assert await tx.execute("UPDATE added SET words = 'changed'") == "UPDATE 1"
            await tx.copy("added", ("lane", "words"), [(2, "copied")])
            if fail:
                await tx.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await writes(fail=True)
    assert await rows(database, "SELECT * FROM added") == []
    await writes(fail=False)
    assert await rows(database, "SELECT words FROM added ORDER BY id") == [
        ("changed",),
        ("copied",),
    ]
    with pytest.raises(Unmatched):
        await writes(fail=False)  # the position is not 0 any more


async def test_what_comes_in_order_stays_in_order_whoever_else_says_the_same(
    database: Database,
) -> None:
    async with database.write_set() as tx:
        await tx.execute(_ADD, [1], ["first"])
        await tx.execute("DELETE FROM added WHERE lane = ANY($1::int[])", [2])
        await tx.execute(_ADD, [2], ["second"])
        await tx.in_order()
    assert await rows(database, "SELECT words FROM added ORDER BY id") == [("first",), ("second",)]


async def test_the_connection_is_fit_for_the_next_after_an_error(database: Database) -> None:
    async def writes() -> None:
        async with database.write_set() as tx:
            await tx.execute("INSERT INTO places VALUES (1, 1)")

    for _ in range(30):  # more often than there are connections
        with pytest.raises(asyncpg.UniqueViolationError):
            await writes()
    assert len(await rows(database, "SELECT * FROM places")) == 2
