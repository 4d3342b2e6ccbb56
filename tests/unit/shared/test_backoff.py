"""The waits as a table."""

import asyncio
import random

import pytest

from shared.backoff import Backoff, unless


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.05), (2, 0.1), (3, 0.2), (7, 3.2), (8, 5.0), (10_000, 5.0)]
)
def test_the_ceiling_doubles_up_to_a_bound(failures: int, seconds: float) -> None:
    assert Backoff().ceiling(failures) == pytest.approx(seconds)


def test_waits_are_spread_but_never_short() -> None:
    chance = random.Random(1)
    waits = [Backoff().seconds(3, chance) for _ in range(200)]
    assert all(0.1 <= wait <= 0.2 for wait in waits)
    assert len(set(waits)) > 100


async def test_work_is_given_up_when_told_to_stop_and_its_error_is_raised_as_it_is() -> None:
    stop = asyncio.Event()
    seen: list[str] = []

    async def work(word: str, pause: asyncio.Event) -> None:
        try:
            await pause.wait()
        finally:
            seen.append(word)
        if word == "fails":
            raise ValueError(word)

    open_, shut = asyncio.Event(), asyncio.Event()
    open_.set()
    await unless(stop, work("done", open_))
    with pytest.raises(ValueError, match="fails"):
        await unless(stop, work("fails", open_))
    stop.set()
    await unless(stop, work("given up", shut))
    assert seen == ["done", "fails", "given up"]
