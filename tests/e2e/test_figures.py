"""What the dashboard asks is there after the demo, and every metric moves somewhere."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from deploy.local.endpoints import Endpoints, read_endpoints
from services.ingest.metrics import IngestMetrics
from services.notify.metrics import NotifyMetrics
from services.points.metrics import LedgerFigures
from services.segmentation.metrics import SegmentationFigures
from shared.clock import SECOND, WallClock
from shared.observability.metrics import Metrics
from tests.e2e.prometheus import Prometheus, prometheus

pytestmark = [pytest.mark.e2e, pytest.mark.durable, pytest.mark.long, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
DAYS = 20
_STEP_SECONDS = 5

ELSEWHERE = {
    "regulars_dead_letters_held": "integration/shared/runtime/test_watch.py",
    "regulars_lag_events": "integration/shared/runtime/test_watch.py",
    "regulars_topics_missing": "integration/shared/runtime/test_watch.py",
    "regulars_topic_recreations": "integration/shared/runtime/test_watch.py",
    "regulars_outbox_age_seconds": "integration/shared/runtime/test_watch.py",
    "regulars_outbox_messages": "integration/shared/runtime/test_watch.py",
    "regulars_timers_due": "integration/shared/runtime/test_watch.py",
    "regulars_timers_late_seconds": "integration/shared/runtime/test_watch.py",
}
"""Metrics that move only when something is wrong: the test that does it and asks for the figure."""


@asynccontextmanager
async def demo(state: Path) -> AsyncIterator[tuple[Endpoints, asyncio.subprocess.Process]]:
    """`regulars demo`, left running; the block begins as soon as the services are there."""
    process = await _regulars("demo", "--limit-days", str(DAYS), "--state-dir", str(state))
    try:
        async with asyncio.timeout(180):
            while (endpoints := _endpoints(state)) is None:
                assert process.returncode is None
                await asyncio.sleep(0.2)
        yield endpoints, process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
        await (await _regulars("down", "--state-dir", str(state))).wait()


async def _regulars(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *arguments),
        stdout=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
    )


def _endpoints(state: Path) -> Endpoints | None:
    for path in state.rglob("endpoints.json"):
        found = read_endpoints(path)
        if found is not None and found.services:
            return found
    return None


def _expressions() -> dict[str, str]:
    """The dashboard's, with its variables filled in."""
    board = json.loads((ROOT / "deploy/grafana/dashboards/regulars.json").read_text())
    return {
        f"{panel['title']}: {target['expr']}": target["expr"]
        .replace("$service", ".+")
        .replace("$__rate_interval", "20s")
        for panel in board["panels"]
        for target in panel.get("targets", ())
    }


def _listed() -> set[str]:
    """Every metric of the closed lists."""
    names: set[str] = set()
    for make in (IngestMetrics, NotifyMetrics):
        registry = CollectorRegistry()
        make(registry)
        names |= {family.name for family in registry.collect()}
    for figures in (LedgerFigures, SegmentationFigures):
        metrics = Metrics("any", CollectorRegistry())
        figures(metrics)
        names |= {family.name for family in metrics.registry.collect()}
    return {name for name in names if name.startswith("regulars_")}


async def _ranged(server: Prometheus, expression: str, since: float) -> list[dict[str, Any]]:
    answer = await server.client.get(
        "/api/v1/query_range",
        params={
            "query": expression,
            "start": since,
            "end": WallClock().now() / SECOND,
            "step": _STEP_SECONDS,
        },
    )
    assert answer.status_code == 200, (expression, answer.text)
    series: list[dict[str, Any]] = answer.json()["data"]["result"]
    return series


async def test_after_the_demo_every_expression_has_series_and_every_metric_has_moved(
    tmp_path: Path,
) -> None:
    async with (
        prometheus(tmp_path / "prometheus") as server,
        demo(tmp_path / "state") as (endpoints, running),
    ):
        since = WallClock().now() / SECOND
        server.watch(endpoints.services)
        async with asyncio.timeout(600):
            assert await running.wait() == 0
        await asyncio.sleep(2 * _STEP_SECONDS)  # two more scrapes of what stands now
        without = [
            title
            for title, expression in _expressions().items()
            if not await _ranged(server, expression, since)
        ]
        moved = await _moved(server, since)
    assert not without
    assert _listed() - moved - ELSEWHERE.keys() == set()


async def _moved(server: Prometheus, since: float) -> set[str]:
    found = await _ranged(server, '{__name__=~"regulars_.+"} > 0', since)
    names = {each["metric"]["__name__"] for each in found}
    return {
        name
        for name in _listed()
        if {name, f"{name}_total", f"{name}_count", f"{name}_bucket"} & names
    }


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_a_metric_that_needs_a_fault_is_asked_for_by_the_test_that_makes_it(name: str) -> None:
    told = (ROOT / "tests" / ELSEWHERE[name]).read_text()
    assert name.removeprefix("regulars_") in told
