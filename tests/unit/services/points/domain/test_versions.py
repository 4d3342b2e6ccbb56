"""Which version judges, and what must be kept for those that may come to."""

import pytest

from services.points.domain.program import read_program
from services.points.domain.versions import Version, Versions
from tests.property.services.points.points_history import document

PLAIN = {"id": "a", "source": "purchase", "per_amount": 100, "points": 1}
VISIT = {"id": "v", "source": "interaction", "kinds": ["check_in"], "points": 5}


def versions(*withdrawn: int) -> Versions:
    rules = [(1, 0, [VISIT]), (2, 10, [PLAIN]), (3, 20, [{**PLAIN, "points": 2}])]
    known = [Version(n, at, read_program(document(*each))) for n, at, each in rules]
    return Versions(known, withdrawn)


@pytest.mark.parametrize(
    ("withdrawn", "judges"),
    [((), [1, 1, 2, 3]), ((2,), [1, 1, 1, 3]), ((3,), [1, 1, 2, 2]), ((2, 3), [1, 1, 1, 1])],
)
def test_a_time_is_judged_by_the_last_that_stands(
    withdrawn: tuple[int, ...], judges: list[int]
) -> None:
    known = versions(*withdrawn)
    assert [known.at(instant).number for instant in (-5, 9, 10, 20)] == judges
    assert [known.numbered(n) is not None for n in (1, 2, 3, 4)] == [True, True, True, False]


@pytest.mark.parametrize("withdrawn", [(), (2,), (2, 3)])
def test_what_any_version_begun_by_then_looks_at_is_kept(withdrawn: tuple[int, ...]) -> None:
    known = versions(*withdrawn)
    for instant in (-5, 0, 15, 25):
        assert known.kept(instant).could_earn("check_in", None)
        assert not known.kept(instant).could_earn("share", None)
    with pytest.raises(LookupError):
        Versions().kept(0)


def test_what_only_a_later_version_looks_at_is_not() -> None:
    rules = [(1, 0, [PLAIN]), (2, 10, [VISIT])]
    known = Versions([Version(n, at, read_program(document(*each))) for n, at, each in rules])
    assert not known.kept(9).could_earn("check_in", None)
    assert known.kept(10).could_earn("check_in", None)
