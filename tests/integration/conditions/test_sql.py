"""PostgreSQL gives the answer that the tree means, for every member of a table."""

import asyncio
import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    not_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.types import TypeEngine

from shared.clock import DAY, format_instant
from shared.conditions import OPERATORS, Feature, parse, uses_now
from shared.conditions.sql import to_sql
from tests.property.conditions.trees import CATALOGUE, KEYS, NOW_AT, TEXTS, trees, truth

pytestmark = pytest.mark.integration

_TYPES: dict[str, TypeEngine[Any]] = {
    "int": BigInteger(),
    "number": Double(),
    "bool": Boolean(),
    "text": Text(),
    "instant": BigInteger(),
    "set": ARRAY(Text()),
}
_MEMBERS = Table(
    "members",
    MetaData(),
    Column("id", Integer, primary_key=True),
    *(Column(f.name, JSONB() if f.keyed else _TYPES[f.type]) for f in CATALOGUE),
    Index("members_by_orders", "orders"),
)
_COUNT = 400


def _value(feature: Feature, source: random.Random) -> Any:
    choices: dict[str, Callable[[], Any]] = {
        "int": lambda: source.choice([*range(-3, 5), 2**53 + 1, 2**63 - 1, -(2**63) + 1]),
        "number": lambda: source.choice(
            [-1.5, -0.0, 0.0, 0.1, 0.1 + 0.2, 0.3, 1.0, 3.0, 1e300, 5e-324, math.inf, -math.inf]
        ),
        "bool": lambda: source.random() < 0.5,
        "text": lambda: source.choice(TEXTS),
        "instant": lambda: NOW_AT + source.randint(-4, 4) * DAY + source.randint(-1, 1),
        "set": lambda: frozenset(source.sample(TEXTS, source.randint(0, 4))),
    }
    if source.random() < 0.15:
        return None
    if feature.type == "number" and not feature.keyed and source.random() < 0.1:
        return math.nan
    return choices[feature.type]()


def _members(seed: int) -> list[dict[str, Any]]:
    source = random.Random(seed)
    members = []
    for number in range(_COUNT):
        member: dict[str, Any] = {"id": number}
        for feature in CATALOGUE:
            if not feature.keyed:
                member[feature.name] = _value(feature, source)
            elif source.random() < 0.9:
                keys = source.sample(KEYS, source.randint(0, len(KEYS)))
                held = {key: _value(feature, source) for key in keys}
                # JSON has no infinity
                member[feature.name] = {
                    k: v for k, v in held.items() if v is None or v not in {math.inf, -math.inf}
                }
        members.append(member)
    return members


def _row(member: dict[str, Any]) -> dict[str, Any]:
    row = {feature.name: member.get(feature.name) for feature in CATALOGUE}
    return {"id": member["id"], **row, "tags": None if row["tags"] is None else sorted(row["tags"])}


_SEED = 20_170_101
_ROWS = _members(_SEED)


class Postgres:
    """The members in a table, asked by tests that are no coroutines (Hypothesis wants that)."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://"), json_serializer=json.dumps
        )

    def fill(self) -> None:
        self._runner.run(self._fill())

    def ask(self, *queries: Select[Any]) -> list[list[Any]]:
        return self._runner.run(self._ask(queries))

    def close(self) -> None:
        self._runner.run(self._engine.dispose())

    def plan(self, query: Select[Any]) -> str:
        return self._runner.run(self._plan(query))

    async def _plan(self, query: Select[Any]) -> str:
        compiled = query.compile(self._engine, compile_kwargs={"literal_binds": True})
        async with self._engine.begin() as connection:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            lines = await connection.execute(text(f"EXPLAIN {compiled}"))
            return "\n".join(lines.scalars())

    async def _fill(self) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(_MEMBERS.metadata.create_all)
            await connection.execute(_MEMBERS.insert(), [_row(member) for member in _ROWS])

    async def _ask(self, queries: tuple[Select[Any], ...]) -> list[list[Any]]:
        async with self._engine.connect() as connection:
            return [list(await connection.execute(query)) for query in queries]


@pytest.fixture
def postgres(database_url: str) -> Iterator[Postgres]:
    with asyncio.Runner() as runner:
        server = Postgres(database_url, runner)
        server.fill()
        yield server
        server.close()


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # nobody writes to the table
)
@given(tree=trees())
def test_sql_answers_what_the_tree_means_of_every_member(
    postgres: Postgres, tree: dict[str, Any]
) -> None:
    condition = parse(tree, CATALOGUE)
    columns = {feature.name: _MEMBERS.c[feature.name] for feature in CATALOGUE}
    expression = to_sql(condition, columns, now=NOW_AT if uses_now(condition) else None)
    number = _MEMBERS.c.id
    answers, found = postgres.ask(
        select(expression.label("yes"), not_(expression).label("no"))
        .select_from(_MEMBERS)
        .order_by(number),
        select(number).where(expression).order_by(number),
    )
    expected = [truth(tree, member, NOW_AT) for member in _ROWS]
    assert [row.yes for row in answers] == expected
    assert [row.no for row in answers] == [not answer for answer in expected]
    assert [row.id for row in found] == [i for i, answer in enumerate(expected) if answer]


def _constant(feature: Feature, op: str, source: random.Random) -> Any:
    def one() -> Any:
        value = None
        while value is None or value in _NO_CONSTANTS or str(value) == "nan":
            value = _value(Feature(feature.name, feature.type), source)
        return format_instant(value) if feature.type == "instant" else value

    if feature.type == "set":
        return source.sample(TEXTS, 2) if op != "contains" else source.choice(TEXTS)
    match op:
        case "within_last_days" | "within_next_days" | "at_least_days_ago":
            return source.randint(1, 3)
        case "between":
            return sorted((one(), one()))
        case "one_of" | "none_of":
            return [one(), one()]
        case _:
            return one()


_NO_CONSTANTS = (math.inf, -math.inf)


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_each_operator_of_each_type_answers_what_it_means(
    postgres: Postgres, feature: Feature
) -> None:
    source = random.Random(feature.name)
    column = {feature.name: _MEMBERS.c[feature.name]}
    for op in OPERATORS[feature.type]:
        key = {"of": KEYS[0]} if feature.keyed else {}
        drawn = (_constant(feature, op, source) for _ in range(6))
        for constant in (True, False) if op == "exists" else drawn:
            tree = {"feature": feature.name, **key, op: constant}
            expression = to_sql(parse(tree, CATALOGUE), column, now=NOW_AT)
            [found] = postgres.ask(select(_MEMBERS.c.id).where(expression))
            expected = [row["id"] for row in _ROWS if truth(tree, row, NOW_AT)]
            assert sorted(row.id for row in found) == expected, tree


def test_what_is_relative_needs_the_present() -> None:
    condition = parse({"feature": "last_order_at", "within_last_days": 1}, CATALOGUE)
    with pytest.raises(ValueError, match="present"):
        to_sql(condition, {"last_order_at": _MEMBERS.c.last_order_at})


def test_an_index_serves_a_comparison(postgres: Postgres) -> None:
    condition = parse({"feature": "orders", "at_least": 3}, CATALOGUE)
    expression = to_sql(condition, {"orders": _MEMBERS.c.orders})
    plan = postgres.plan(select(_MEMBERS.c.id).where(expression))
    assert "Index Cond: ((orders IS NOT NULL) AND (orders >=" in plan
