from textwrap import dedent

import pytest

from deploy.mutants.covering import Covered
from deploy.mutants.finding import mutants_of
from deploy.mutants.sampling import name_of, sample

_QUEUE = dedent('''
    """What is due."""
    import logging
    _LOG = logging.getLogger(__name__)

    def due(rows: list[int], now: int) -> list[int]:
        """Those that are due."""
        _LOG.info("%d rows at %d", len(rows), now + 0)
        return [row for row in rows if row <= now]
''')


def _afters(source: str) -> list[str]:
    return [mutant.after for mutant in mutants_of("due.py", source)]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("a = b < 3", "a = (b <= 3)"),
        ("a = b and c", "a = (b or c)"),
        ("a = b and c", "a = c"),
        ("a = b - c", "a = (b + c)"),
        ("a = 7", "a = 8"),
        ("a = b['key']", "a = b['key_']"),
        ("a = f(b, c)", "a = f(c, b)"),
        ("a = min(b, c)", "a = max(b, c)"),
        ("a.b = 3", "pass"),
        ("f(a)", "pass"),
        ("raise a", "pass"),
        ("a = query.where(b).limit(c)", "a = query.limit(c)"),
    ],
)
def test_a_line_is_changed_so_that_it_does_something_else(line: str, after: str) -> None:
    assert after in _afters(line)


def test_words_for_people_and_types_are_left_alone() -> None:
    afters = _afters(_QUEUE)
    assert afters
    assert not [after for after in afters if "_LOG" in after or "def due" in after]


def test_every_change_compiles_and_no_two_are_the_same() -> None:
    mutants = mutants_of("due.py", _QUEUE)
    for mutant in mutants:
        compile(mutant.source, "due.py", "exec")
    assert len({mutant.source for mutant in mutants}) == len(mutants)


def test_a_change_keeps_its_name_when_the_file_changes_elsewhere() -> None:
    moved = mutants_of("due.py", "LIMIT = 4\n" + _QUEUE)
    names = {name_of(mutant) for mutant in mutants_of("due.py", _QUEUE)}
    assert names < {name_of(mutant) for mutant in moved}


def test_a_seed_draws_the_same_whatever_else_can_be_changed() -> None:
    before = mutants_of("due.py", _QUEUE)
    after = mutants_of("due.py", "LIMIT = 4\n" + _QUEUE)
    drawn = [name_of(mutant) for mutant in sample(before, 1, len(before))]
    again = [name_of(mutant) for mutant in sample(after, 1, len(after))]
    assert drawn == [name for name in again if name in drawn]
    assert drawn != [name_of(mutant) for mutant in sample(before, 2, len(before))]


def test_tests_that_run_the_line_are_asked_the_quickest_first() -> None:
    [mutant, *_] = mutants_of("due.py", _QUEUE)
    lines: dict[int, list[str]] = {mutant.first_line: ["slow", "quick"], 1: ["", "other"]}
    covered = Covered({"slow": 2.0, "quick": 0.1, "other": 0.0}, {"due.py": lines}, {})
    assert covered.tests_for(mutant) == ["quick", "slow"]


def test_what_runs_at_import_is_for_all_tests_to_notice() -> None:
    [mutant, *_] = mutants_of("due.py", "LIMIT = 4\n")
    covered = Covered({"far": 0.0, "near": 1.0}, {"due.py": {1: [""], 9: ["near"]}}, {})
    assert covered.tests_for(mutant) == ["near", "far"]
