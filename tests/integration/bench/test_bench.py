"""A benchmark from end to end, small: it starts servers, measures both sides and leaves nothing."""

import pytest

from deploy.bench.scenarios import Options, run

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.mark.parametrize("name", ["points", "ingest", "pipeline"])
async def test_a_small_round_gives_all_figures(name: str) -> None:
    said: list[str] = []
    result = await run(Options(name, 2_000, 500, rounds=1, batch_events=500), said.append)
    figures = result.figures()
    assert figures["events"] == 2_000
    assert figures["events_per_second"] > 0
    assert figures["bare_events_per_second"] > 0
    assert figures["ratio"] > 0
    assert figures["rss_mib_max"] > 10
    assert said


async def test_a_killed_consumer_is_timed_until_it_has_new_output() -> None:
    result = await run(Options("restart", 20_000, 500, rounds=1, batch_events=500), lambda _: None)
    [commit] = result.details["seconds_to_first_commit"]
    [output] = result.details["seconds_to_first_output"]
    assert 0 < commit <= output
