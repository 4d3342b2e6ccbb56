"""Which version of the program judges an event."""

import pytest

from services.points.domain.program import read_program
from services.points.domain.versions import Version, Versions
from tests.property.services.points.points_history import document

PROGRAM = read_program(
    document({"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100})
)


def version(number: int, since: int) -> Version:
    return Version(number, since, PROGRAM)


def test_each_instant_has_the_version_in_force_and_what_was_before_the_first_has_the_first() -> (
    None
):
    versions = Versions([version(2, 100), version(1, 10), version(3, 200)])
    for at, number in (
        (-5, 1),
        (10, 1),
        (99, 1),
        (100, 2),
        (199, 2),
        (100, 2),
        (99, 1),
        (200, 3),
        (10**18, 3),
        (150, 2),
    ):
        assert versions.at(at).number == number, at


def test_of_two_with_one_effective_time_the_later_one_judges() -> None:
    versions = Versions([version(3, 100), version(2, 100), version(1, 0)])
    assert [versions.at(at).number for at in (99, 100)] == [1, 3]


def test_a_version_by_its_number() -> None:
    versions = Versions([version(1, 0), version(2, 100)])
    found = versions.numbered(2)
    assert found is not None
    assert found.number == 2
    assert versions.numbered(3) is None


def test_what_is_known_is_not_compiled_again_and_what_is_new_judges_at_once() -> None:
    versions = Versions([version(1, 0)])
    first = versions.at(50)
    versions.take([version(1, 0), version(2, 40)])
    assert versions.at(50).number == 2
    assert versions.at(30) is first


def test_without_a_version_nothing_can_be_judged() -> None:
    with pytest.raises(LookupError, match="no version"):
        Versions().at(0)
