"""The figures of a benchmark, as files and people get them."""

from deploy.bench.result import Result
from deploy.bench.scenarios import SCENARIOS
from deploy.cli.bench import NAMES


def test_medians_count_and_the_ratio_is_theirs() -> None:
    result = Result("points", "kafka", 1_000, [50.0, 100.0, 900.0], [210.0, 200.0, 10.0], 123.4)
    figures = result.figures()
    assert figures["events_per_second"] == 100.0
    assert figures["bare_events_per_second"] == 200.0
    assert figures["ratio"] == 0.5
    assert figures["seconds"] == 10.0
    assert figures["rss_mib_max"] == 123.4
    assert (figures["name"], figures["broker"], figures["events"]) == ("points", "kafka", 1_000)


def test_what_has_no_bare_loop_has_no_ratio() -> None:
    figures = Result("restart", "kafka", 10, details={"seconds": 1.5}).figures()
    assert figures["ratio"] is None
    assert figures["events_per_second"] is None
    assert figures["seconds"] == 1.5


def test_the_command_knows_every_benchmark() -> None:
    assert set(NAMES) == set(SCENARIOS)
