"""Whose time a withdrawn version was: from its beginning to the next one that stands."""

import pytest

from shared.runtime.program import END, Withdrawn, times_of

VERSIONS = [(1, -100), (2, 10), (3, 20), (4, 20), (5, 15)]


@pytest.mark.parametrize(
    ("withdrawn", "expected"),
    [
        (set(), []),
        ({2}, [Withdrawn(2, 10, 15)]),
        ({5}, [Withdrawn(5, 15, 20)]),
        ({4}, [Withdrawn(4, 20, END)]),
        ({3}, [Withdrawn(3, 20, 20)]),  # 4 begins with it, and rules
        ({2, 5}, [Withdrawn(2, 10, 20), Withdrawn(5, 15, 20)]),
        ({3, 4}, [Withdrawn(3, 20, END), Withdrawn(4, 20, END)]),
        ({9}, []),
    ],
)
def test_until_the_next_that_stands(withdrawn: set[int], expected: list[Withdrawn]) -> None:
    assert list(times_of(VERSIONS, withdrawn)) == expected
