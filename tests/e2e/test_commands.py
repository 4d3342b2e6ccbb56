"""Points by hand while processes are killed: whoever repeats a key has one effect, one answer.

Callers give and take points of members of their own, one after the other, so that every verdict is
known beforehand. Each asks until it has one, while processes of every role, Kafka and PostgreSQL
are killed; now and then it asks again for what was decided long ago.
"""

import asyncio
import random
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from deploy.local.stack import Stack
from shared.clock import WallClock, format_instant
from tests.e2e.story import Chaos, Teller
from tests.settings import TestServers

pytestmark = [pytest.mark.e2e, pytest.mark.durable, pytest.mark.timeout(400)]

CALLERS = 8
DECIDED = (201, 422)


def purchase(number: int) -> bytes:
    """Worth thirty points."""
    lines = [{"sku": "A1", "category": "tea", "quantity": 1, "amount": 3000}]
    data = {"order_id": f"o{number}", "store_id": "s1", "currency": "CNY", "total": 3000}
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "till",
            "type": "regulars.purchase.completed.v1",
            "subject": f"card:{number}",
            "time": format_instant(WallClock().now()),
            "data": data | {"channel": "store", "lines": lines},
        }
    )


class Caller:
    """Somebody at a counter, with one member."""

    def __init__(self, stack: Stack, name: str, seed: int) -> None:
        endpoints = stack.endpoints
        self.name = name
        self.chance = random.Random(seed)
        self.answers: dict[str, tuple[int, int, dict[str, Any]]] = {}
        self.member = ""
        self.balance = 30
        self.client = httpx.AsyncClient(
            base_url=endpoints.services["points"],
            timeout=10,
            headers={"authorization": f"Bearer {endpoints.token}"},
        )

    async def work(self, commands: int) -> None:
        """Ask for so much, each until it is decided."""
        for number in range(commands):
            points = self.chance.choice((-40, -25, -10, 5, 15, 20))
            status, told = await self.ask(f"{self.name}-{number}", points)
            granted = self.balance + points >= 0
            self.balance += points if granted else 0
            assert status == (201 if granted else 422), told
            assert told["balance"] == self.balance, told
            if self.chance.random() < 0.3:
                await self.ask_again(self.chance.choice(list(self.answers)))
        await self.client.aclose()

    async def ask(self, key: str, points: int) -> tuple[int, dict[str, Any]]:
        status, told = await self._until_decided(key, points)
        self.answers[key] = (points, status, told)
        return status, told

    async def ask_again(self, key: str) -> None:
        points, status, told = self.answers[key]
        assert await self._until_decided(key, points) == (status, told)

    async def _until_decided(self, key: str, points: int) -> tuple[int, dict[str, Any]]:
        body = {"member_id": self.member, "points": points, "reason": "a cold meal"}
        while True:
            try:
                answer = await self.client.post(
                    "/v1/adjustments", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError:
                await asyncio.sleep(0.1)  # killed: it comes again
                continue
            if answer.status_code in DECIDED:
                told = answer.json()
                return answer.status_code, told.get("adjustment", told)
            assert answer.status_code in (202, 503), answer.text
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("commands", [6, pytest.param(60, marks=pytest.mark.long)])
async def test_a_repeated_key_has_one_effect_whatever_is_killed(
    tmp_path: Path, commands: int, test_servers: TestServers
) -> None:
    seed = test_servers.seed if test_servers.seed is not None else random.randrange(2**32)
    print(f"seed {seed}: REGULARS_TEST_SEED={seed} repeats it")  # noqa: T201 - to repeat it
    async with Stack(tmp_path, services=("ingest", "points"), split_roles=True) as stack:
        teller = Teller(stack)
        await teller.tell([("", 0, purchase(number)) for number in range(CALLERS)])
        await teller.close()
        callers = [Caller(stack, f"c{number}", seed + number) for number in range(CALLERS)]
        books = await asyncpg.connect(stack.endpoints.databases["points"])
        async with asyncio.timeout(60):
            while len(rows := await books.fetch(_MEMBERS)) < CALLERS:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await books.close()
        for caller, row in zip(callers, rows, strict=True):
            caller.member = str(row["member_id"])

        chaos = Chaos(stack, random.Random(seed), kills_least=12, service="points")
        async with chaos.reigning(), asyncio.TaskGroup() as tasks:
            for caller in callers:
                tasks.create_task(caller.work(commands))
        print(f"killed {len(chaos.killed)}: {' '.join(chaos.killed)}")  # noqa: T201 - what it took
        await stack.ready()

        books = await asyncpg.connect(stack.endpoints.databases["points"])
        for caller in callers:
            granted = {
                (told["transfer_id"], points)
                for points, status, told in caller.answers.values()
                if status == 201
            }
            booked = await books.fetch(_TRANSFERS, caller.member)
            assert {(str(row["id"]), row["points"]) for row in booked} == granted
            assert len(booked) == len(granted)
            available = await books.fetchval(_AVAILABLE, caller.member)
            assert available == caller.balance
        await books.close()


_MEMBERS = "SELECT member_id FROM accounts ORDER BY member_id"
_AVAILABLE = "SELECT available FROM accounts WHERE member_id = $1"
_TRANSFERS = """
SELECT id, CASE credit WHEN 'available' THEN points ELSE -points END AS points
  FROM transfers WHERE member_id = $1 AND code = 'adjust'
"""
