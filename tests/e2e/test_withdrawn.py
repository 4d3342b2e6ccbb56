"""A rule a hundred times too generous, applied and withdrawn with the commands of the handbook."""

import asyncio
import copy
import sys
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
import yaml

from deploy.demo.publish import TypedEvent
from deploy.local.stack import Stack
from shared.clock import MINUTE, SECOND, Instant, WallClock, format_instant
from shared.events import types
from tests.e2e.story import Teller

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MEMBERS = 40
_NET = """
SELECT coalesce(sum(CASE credit WHEN 'available' THEN points ELSE -points END), 0)::int
  FROM transfers
"""
_CAUSES = "SELECT correction, count(*)::int FROM transfers WHERE code = 'correction' GROUP BY 1"
_WRONG = """
SELECT count(*)::int FROM accounts a
 WHERE a.available <> (SELECT sum(CASE credit WHEN 'available' THEN points ELSE -points END)
                         FROM transfers t WHERE t.member_id = a.member_id)
"""


def purchase(number: int, order: str, at: Instant) -> TypedEvent:
    """Worth thirty points."""
    data = {"order_id": order, "store_id": "s1", "currency": "CNY", "total": 3000}
    lines = [{"sku": "A1", "category": "tea", "quantity": 1, "amount": 3000}]
    event = {
        "specversion": "1.0",
        "id": order,
        "source": "till",
        "type": types.PURCHASE_COMPLETED,
        "subject": f"card:{number}",
        "time": format_instant(at),
        "data": data | {"channel": "store", "lines": lines},
    }
    return types.PURCHASE_COMPLETED, at, orjson.dumps(event)


async def regulars(stack: Stack, *arguments: str) -> str:
    """Run the command line against the stack; it must succeed."""
    address = stack.endpoints.services["points"]
    to = ["--url", f"points={address}", "--token", stack.endpoints.token]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *arguments, *to),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return " ".join(said.decode().split())


async def until(books: asyncpg.Connection, sql: str, expected: object) -> None:
    async with asyncio.timeout(60):
        while await books.fetchval(sql) != expected:  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.05)


def write_programs(folder: Path) -> None:
    """The default program, and one that is a hundred times too generous."""
    program: dict[str, Any] = yaml.safe_load(Path("deploy/program.yaml").read_text())
    generous = copy.deepcopy(program)
    rule = next(each for each in generous["points"]["rules"] if each["id"] == "purchase")
    rule["points"] *= 100
    for name, document in (("generous", generous), ("again", program)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document, allow_unicode=True))


async def test_p52_a_rule_too_generous_for_a_minute(tmp_path: Path) -> None:
    write_programs(tmp_path)
    async with Stack(tmp_path, services=("ingest", "points")) as stack:
        begins = WallClock().now() + 20 * SECOND
        for name, at in (("generous", begins), ("again", begins + MINUTE)):
            file = str(tmp_path / f"{name}.yaml")
            when = ("--effective-from", format_instant(at))
            await regulars(stack, "program", "apply", file, "--part", "points", "--yes", *when)
        teller = Teller(stack)
        for number in range(MEMBERS):
            await teller.tell([purchase(number, f"b{number}", begins - 10 * SECOND)])
        await teller.tell([purchase(n, f"i{n}", begins + n) for n in range(MEMBERS)])
        books = await asyncpg.connect(stack.endpoints.databases["points"])
        await until(books, _NET, MEMBERS * (30 + 3000))

        said = await regulars(stack, "program", "withdraw", "points", "2", "--yes")
        assert f"{MEMBERS} members have anything in its time" in said
        assert f"-{MEMBERS * 2970}" in said
        assert "points: version 2 is withdrawn" in said
        await until(books, _NET, MEMBERS * 60)
        late = [purchase(n, f"l{n}", begins + MINUTE // 2) for n in range(MEMBERS)]
        await teller.tell(late)
        await until(books, _NET, MEMBERS * 90)
        await teller.close()
        causes = [tuple(row) for row in await books.fetch(_CAUSES)]
        assert causes == [("program:2:withdrawn", MEMBERS)]
        assert await books.fetchval(_WRONG) == 0
        said = await regulars(stack, "program", "withdraw", "points", "2", "--yes")
        assert f"judged anew: {MEMBERS} members, nobody is left" in said
        await books.close()
