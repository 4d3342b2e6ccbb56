"""How many members are judged anew at once follows from what the last ones took."""

from shared.runtime.anew_pace import AnewPace


def test_quick_ones_make_it_larger_slow_ones_smaller() -> None:
    pace = AnewPace()
    with pace.turn() as members:
        assert members == 16
    sizes = [pace.members]
    for seconds in (0.001, 0.001, 0.03, 0.051, 2.0, 0.001):
        pace.took(pace.members, seconds)
        sizes.append(pace.members)
    assert sizes == [32, 64, 128, 128, 64, 32, 64]
    for _ in range(10):
        pace.took(pace.members, 0.0)
    assert pace.members == 512


def test_never_none_at_all() -> None:
    pace = AnewPace()
    for _ in range(9):
        pace.took(pace.members, 1.0)
    assert pace.members == 1


def test_an_error_is_looked_for_until_it_stands_alone() -> None:
    pace = AnewPace()
    with pace.turn() as members:
        assert members == 16
        assert pace.slower()
    assert pace.members == 2, "what the failed turn took is of no interest"
    assert pace.slower()
    assert pace.members == 1
    assert not pace.slower()
    assert pace.members == 16
