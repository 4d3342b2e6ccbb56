"""`regulars verify` on a running stack: clean while events come and afterwards, and not after that.

The events come late, twice and out of order, with refunds among them. Then one value is changed
behind the services' backs in each database, and a fact is taken away: each is named.
"""

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from deploy.demo.publish import TypedEvent
from deploy.local.stack import Stack
from shared.clock import DAY, HOUR, MINUTE, Instant, WallClock, format_instant
from shared.events import types
from tests.conftest import NewStack
from tests.e2e.story import Teller

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.durable, pytest.mark.timeout(300)]

MEMBERS = 8


async def verify(directory: Path, *flags: str) -> tuple[int, dict[str, Any]]:
    """Run the command; its exit code, and what it says by service."""
    command = (sys.executable, "-m", "deploy.cli", "verify", "--json", "--state-dir")
    process = await asyncio.create_subprocess_exec(
        *command, str(directory), *flags, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(said)["services"] if said else {}


def named(services: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (service, each["table"], each["column"])
        for service, found in services.items()
        for each in found["listed"]
    }


def happenings(now: Instant) -> list[TypedEvent]:
    """What eight members did within some days: bought, gave back in whole and in part."""
    told: list[TypedEvent] = []
    for number in range(MEMBERS):
        who = f"card:{number}"
        told.append(_event(types.MEMBER_JOINED, who, "joined", now - 9 * DAY, {"via": "code"}))
        for order in range(4):
            at = now - (8 - order) * DAY + number * MINUTE
            bought = _order(number, order) | {"total": 4_000, "channel": "store"}
            told.append(_event(types.PURCHASE_COMPLETED, who, f"order{order}", at, bought))
        for order, amount in ((0, 4_000), (1, 1_500)):
            back = _order(number, order) | {"refund_id": "all", "amount": amount}
            at = now - DAY + order * HOUR
            told.append(_event(types.PURCHASE_REFUNDED, who, f"refund{order}", at, back))
    return told


def _order(number: int, order: int) -> dict[str, Any]:
    return {"order_id": f"o{number}-{order}", "currency": "CNY"}


def _event(type_: str, who: str, name: str, at: Instant, data: dict[str, Any]) -> TypedEvent:
    event = {
        "specversion": "1.0",
        "id": f"{who}-{name}",
        "source": "till",
        "type": type_,
        "subject": who,
        "time": format_instant(at),
        "data": data | {"store_id": "s1"},
    }
    return type_, at, orjson.dumps(event)


async def _until_kept(stack: Stack, facts: int) -> None:
    """Wait until every service keeps what it needs of the events; the tables alone can say."""
    for service in ("points", "segmentation", "notify"):
        connection = await asyncpg.connect(stack.endpoints.databases[service])
        async with asyncio.timeout(60):
            while await connection.fetchval(_TOLD) < facts:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        await connection.close()


_TOLD = "SELECT count(*) FROM facts WHERE about IS NOT NULL"


async def test_a_running_stack_is_clean_until_somebody_changes_a_value(
    new_stack: NewStack,
) -> None:
    chance = random.Random(5)
    told = happenings(WallClock().now())
    orders = sum(type_ != types.MEMBER_JOINED for type_, _, _ in told)
    late = told.pop(1)  # a till that was offline: the first purchase comes last
    async with new_stack() as stack:
        directory = stack.state.directory
        teller = Teller(stack)
        shuffled = told * 2
        chance.shuffle(shuffled)
        await teller.tell(shuffled)
        code, services = await verify(directory)  # in the midst of it
        assert (code, named(services)) == (0, set())
        stack.kill("points")
        await stack.ready()
        await teller.tell([late])
        await teller.close()
        await _until_kept(stack, orders)

        code, services = await verify(directory)
        assert (code, named(services)) == (0, set())
        for found in services.values():
            assert found["checked"]["members"] == MEMBERS
            assert found["checked"]["records"] > found["checked"]["facts"] > 0

        for service, sql in _CHANGES.items():
            await _change(stack, service, sql)
        code, services = await verify(directory)
        assert code == 1
        assert {
            ("points", "lots", "remaining"),
            ("segmentation", "members_features", "spend"),
            ("notify", "facts", "row"),
        } <= named(services)
        code, services = await verify(directory, "--service", "points", "--no-log")
        assert code == 1
        assert named(services) == {("points", "lots", "remaining")}
    code, services = await verify(directory)
    assert (code, services) == (2, {})


_CHANGES = {
    "points": """
UPDATE lots SET remaining = remaining - 1
 WHERE id = (SELECT id FROM lots WHERE remaining > 0 LIMIT 1)""",
    "segmentation": """
UPDATE members_features SET spend = spend + 1
 WHERE member_id = (SELECT member_id FROM members_features LIMIT 1)""",
    "notify": """
DELETE FROM facts WHERE event_key = (SELECT event_key FROM facts LIMIT 1)""",
}


async def _change(stack: Stack, service: str, sql: str) -> None:
    connection = await asyncpg.connect(stack.endpoints.databases[service])
    assert (await connection.execute(sql))[-2:] == " 1"
    await connection.close()
