"""Which test runs which line, and how long each takes: learnt once from the unchanged tree."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from deploy.mutants.finding import Mutant

_IMPORTING = ""
"""The coverage context of what runs while modules are imported."""


class Covered(msgspec.Struct):
    """What a run of the area's tests told.

    Attributes:
        seconds: of each test that passed, by its node id.
        lines: by path and line the tests that ran it; an empty name for the import of the module.
        failed: node ids of tests that did not pass, with what they said.
    """

    seconds: dict[str, float]
    lines: dict[str, dict[int, list[str]]]
    failed: dict[str, str]

    def tests_for(self, mutant: Mutant) -> list[str]:
        """The tests that can notice, those that take least first.

        What runs at import can matter to any test: those that come to the same file go first.
        """
        of_file = self.lines.get(mutant.path, {})
        ran: set[str] = set()
        for line in range(mutant.first_line, mutant.last_line + 1):
            ran.update(of_file.get(line, ()))
        near = self._quickest(ran)
        if not mutant.at_import and _IMPORTING not in ran:
            return near
        chosen = set(near)
        there = {test for tests in of_file.values() for test in tests} - chosen
        near += self._quickest(there)
        return near + self._quickest(set(self.seconds) - set(near))

    def _quickest(self, tests: Iterable[str]) -> list[str]:
        known = [test for test in tests if test in self.seconds]
        return sorted(known, key=lambda test: (self.seconds[test], test))


def read_lines(
    data_file: Path, root: Path, paths: Iterable[str]
) -> dict[str, dict[int, list[str]]]:
    """What coverage wrote down, by path and line."""
    from coverage import CoverageData

    data = CoverageData(str(data_file))
    data.read()
    return {path: data.contexts_by_lineno(str(root / path)) for path in paths}
