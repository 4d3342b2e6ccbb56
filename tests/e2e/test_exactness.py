"""The promise: whatever happens on the way, what comes of the events is the same.

One stack hears a slice of the real year in order and in peace. Another hears every event three
times, shuffled within its day, by a publisher that now and then does not listen to the answer,
while processes of every role are killed with SIGKILL and Kafka and PostgreSQL are each restarted
once. Half of the households were sent by another, and some give everything back. In the end every
household has the same points for the same events, the same lots, tags, tier and messages; and all
that the troubled stack holds follows from its facts, and these from the log.
"""

import random
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.e2e.story import (
    Chaos,
    Outcomes,
    Slice,
    Teller,
    differences,
    finish,
    in_peace,
    outcome,
    slice_of_the_year,
    verified,
)
from tests.settings import TestServers

pytestmark = [pytest.mark.e2e, pytest.mark.durable, pytest.mark.timeout(900)]


async def _in_trouble(directory: Path, told: Slice, seed: int) -> Outcomes:
    chance = random.Random(seed)
    async with Stack(directory, clock="stream", split_roles=True) as stack:
        await stack.add("points", "consume")
        teller = Teller(stack)
        chaos = Chaos(stack, random.Random(seed + 1))
        async with chaos.reigning():
            await teller.tell_troubled(told.events, chance)
        print(f"killed {len(chaos.killed)}: {' '.join(chaos.killed)}")  # noqa: T201 - what it took
        assert {"kafka", "postgres"} <= set(chaos.killed)
        await finish(stack, told.end)
        await teller.close()
        assert await verified(stack) == [], f"seed {seed}"
        return await outcome(stack, told.households)


@pytest.mark.parametrize(
    ("days", "households"),
    [
        pytest.param(14, 120, id="two weeks"),
        pytest.param(90, 600, id="a quarter", marks=pytest.mark.long),
    ],
)
async def test_killed_repeated_and_shuffled_it_ends_the_same(
    tmp_path: Path, days: int, households: int, test_servers: TestServers
) -> None:
    seed = test_servers.seed if test_servers.seed is not None else random.randrange(2**32)
    print(f"seed {seed}: REGULARS_TEST_SEED={seed} repeats it")  # noqa: T201 - to repeat it
    told = slice_of_the_year(days, households)
    peace = await in_peace(tmp_path / "peace", told)
    trouble = await _in_trouble(tmp_path / "trouble", told, seed)
    referrals = [row for each in peace.values() for row in each["points"] if row[1] == "referral"]
    assert len({points for _, _, points in referrals}) == 2  # given, and taken back
    causes = {row[0].partition(":")[0] for each in peace.values() for row in each["points"]}
    assert {"claimed", "buyer"} <= causes  # receipts claimed, and refunds that named nobody
    assert differences(peace, trouble) == [], f"seed {seed}"
