"""The waits as a table."""

import random

import pytest

from shared.runtime.backoff import Backoff


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
