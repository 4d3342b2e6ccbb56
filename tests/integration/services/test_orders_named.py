"""Facts and states from before orders had names come along with the revision that names them."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from alembic import command

from services.points.domain import facts as points
from services.segmentation.domain import facts as segmentation
from services.segmentation.domain.member import Member
from shared.db import migrations
from shared.timers.timelines import about
from tests.applications import SERVICES
from tests.conftest import NewDatabase

pytestmark = pytest.mark.integration

ANN = UUID(int=1, version=4)
_encode = msgspec.msgpack.encode


async def upgraded(
    new_database: NewDatabase, service: str, before: str, state: Any, *bodies: Any
) -> tuple[list[Any], Any]:
    """A database with a member's facts and state, brought to today's form."""
    url = await new_database()
    configuration = migrations.configuration(SERVICES[service].migrations, url)
    await asyncio.to_thread(command.upgrade, configuration, before)
    connection = await asyncpg.connect(url)
    for i, body in enumerate(bodies):
        await connection.execute(
            "INSERT INTO facts (partition, member_id, event_key, at, rank, body)"
            " VALUES (3, $1, $2, $3, 0, $4)",
            ANN,
            bytes([i]),
            i,
            _encode(body),
        )
    await connection.execute(
        "INSERT INTO timelines (partition, member_id, as_at, as_rank, as_key, due_at, state)"
        " VALUES (3, $1, 9, 0, '', NULL, $2)",
        ANN,
        _encode(state),
    )
    await asyncio.to_thread(command.upgrade, configuration, "head")
    await asyncio.to_thread(migrations.check, SERVICES[service].migrations, url)
    facts = await connection.fetch("SELECT about, body FROM facts ORDER BY at")
    timeline = await connection.fetchrow("SELECT state, due_at FROM timelines")
    await connection.close()
    return facts, timeline


async def test_points_names_orders_and_folds_everybody_anew(new_database: NewDatabase) -> None:
    key = b"k" * 16
    facts, timeline = await upgraded(
        new_database,
        "points",
        "0007",
        ["whatever it was"],
        [1, "e", key, "o-1", "s1", "CNY", 1000, "store"],
        [2, "r", key, "o-1", "refund", "CNY", 400],
        [3, "a", key, "check_in"],
    )
    assert [fact["about"] for fact in facts] == [about("o-1"), about("o-1"), None]
    decoded = [msgspec.msgpack.decode(fact["body"], type=points.AnyFact) for fact in facts]
    assert [type(fact) for fact in decoded] == [points.Purchase, points.Refund, points.Action]
    assert (timeline["state"], timeline["due_at"]) == (b"", 0), "each is folded anew in its turn"


async def test_segmentation_keeps_states_and_turns_sums_into_lines(
    new_database: NewDatabase,
) -> None:
    history = [5, ["TEA"], None, None, None, None, None, [], [], [1], [0, 700], [0], [4711], [[0]]]
    history += [[700], None, 1, 700, 0, 1, None, {0: [1, 700, 1]}, {}, [[1, 2, 3]], [], 0, None, {}]
    tier = [1, "silver", 1, 2, None, [[0, 5]], 2**62]
    state = [history, 1, [], [], [], [], tier, 9, 1, [], [], 1, None]
    facts, timeline = await upgraded(
        new_database,
        "segmentation",
        "0005",
        state,
        [1, "e", "o-1", "s1", 700, [["TEA", 700]]],
        [2, "r", "o-1", 100],
        [3, "i", "share"],
    )
    assert [fact["about"] for fact in facts] == [about("o-1"), about("o-1"), None]
    [bought, refunded, _] = [
        msgspec.msgpack.decode(fact["body"], type=segmentation.AnyFact) for fact in facts
    ]
    assert bought == segmentation.Purchase("e", "o-1", "s1", 700, (("", "TEA", 700),))
    assert refunded == segmentation.Refund("r", "o-1", 100)
    member = msgspec.msgpack.decode(timeline["state"], type=Member)
    assert (member.history.orders, member.history.order_categories) == (1, [[0]])
    assert (member.history.categories, member.history.action_at) == ({0: [1, 700, 1]}, [])
    assert (member.tier.name, member.tier.rises_at, member.due) == ("silver", 2**62, 9)
