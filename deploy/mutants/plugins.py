"""What the tool tells pytest: which tests to run in which order, and to note what each one ran."""

import pytest
from coverage import Coverage
from hypothesis import Phase, settings


class Selection:
    """Runs these tests only, in this order, and stops looking for a smaller example."""

    def __init__(self, tests: list[str]) -> None:
        self._places = {test: place for place, test in enumerate(tests)}

    def pytest_configure(self) -> None:
        """Let Hypothesis say that a test fails, as soon as it does."""
        settings.register_profile(
            "mutants", phases=[Phase.explicit, Phase.generate], database=None, deadline=None
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was asked for, in its order."""
        kept = [item for item in items if item.nodeid in self._places]
        items[:] = sorted(kept, key=lambda item: self._places[item.nodeid])


class Notes:
    """Notes the lines that each test runs, its seconds, and which tests failed.

    Attributes:
        seconds: of tests that passed.
        failed: what tests that did not pass said.
    """

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self.seconds: dict[str, float] = {}
        self.failed: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """From here on lines are this test's."""
        self._coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up set-up, call and tear-down."""
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext[-2000:]
        elif report.when == "call" and report.passed:
            self.seconds.setdefault(report.nodeid, 0.0)
        if report.nodeid in self.seconds:
            self.seconds[report.nodeid] += report.duration
            if report.nodeid in self.failed:
                del self.seconds[report.nodeid]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read fails like a test."""
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext[-2000:]
