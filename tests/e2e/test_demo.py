"""`regulars demo` over the first days of the year, against figures from the data alone."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.demo import year
from deploy.local.state import State
from shared.events import types

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DAYS = 4


async def _demo(state_dir: Path, *flags: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "demo"),
        *("--limit-days", str(DAYS), "--state-dir", str(state_dir), *flags),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def _expected() -> dict[str, Any]:
    """What the issue's mapping and the reference rules say, computed from the events alone."""
    by_type: Counter[str] = Counter()
    points, members = 0, set()
    for event_type, _, raw in year.load(DAYS).events():
        by_type[event_type] += 1
        event = msgspec.json.decode(raw)
        members.add(event["subject"])
        if event_type == types.PURCHASE_COMPLETED:
            points += event["data"]["total"] // 100
    return {
        "events_published": by_type.total(),
        "events_by_type": dict(by_type),
        "members": len(members),
        "points_issued": points,
        "dead_letters": 0,
    }


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param((), id="kafka"),
        pytest.param(("--no-jvm",), id="tansu", marks=pytest.mark.long),
    ],
)
async def test_the_first_days_of_the_real_year(tmp_path: Path, flags: tuple[str, ...]) -> None:
    result = tmp_path / "figures.json"
    code, output = await _demo(tmp_path / "state", "--no-keep", "--json", str(result), *flags)
    assert code == 0, output
    figures = json.loads(result.read_text())
    expected = _expected()
    assert {name: figures[name] for name in expected} == expected
    assert set(figures) == {
        *expected,
        *("members_by_tier", "jobs_by_step", "suppressed_by_reason"),
        *("seconds", "events_per_second", "broker"),
    }
    assert sum(figures["members_by_tier"].values()) == figures["members"]
    assert figures["jobs_by_step"], "welcome and after-purchase messages are due in these days"
    assert "the books balance" in output
    assert "\x1b" not in output, "plain where there is no terminal"
    assert State(tmp_path / "state").holder() is None, "nothing is left running"
