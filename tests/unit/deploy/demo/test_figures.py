"""The figures and how they are shown."""

import io
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console

from deploy.demo import report
from deploy.demo.figures import Details, Figures, ServiceTime, times
from deploy.local.endpoints import Endpoints
from shared.observability.metrics import Metrics

FIGURES = Figures(
    events_published=160419,
    events_by_type={"regulars.purchase.completed.v1": 155848},
    members=2469,
    points_issued=3210,
    members_by_tier={"gold": 12},
    jobs_by_step={"welcome/hello": 2469},
    suppressed_by_reason={},
    dead_letters=0,
    seconds=61.5,
    events_per_second=2608.4,
    broker="kafka",
)
DETAILS = Details(
    members_by_tag={f"tag-{number:02d}": number for number in range(20)},
    time_per_service={"points": ServiceTime(12.5, 30.25), "ingest": ServiceTime(8.0, 0.0)},
    books_balance=True,
    kafka_bytes=69_267_855,
    postgres_bytes=624_589_564,
)
ENDPOINTS = Endpoints(
    kafka="127.0.0.1:9092",
    broker="kafka",
    services={name: f"http://{name}" for name in ("ingest", "points", "segmentation", "notify")},
    databases={},
    processes={},
    source_key="",
    token="",
)


def _console() -> Console:
    return Console(file=io.StringIO(), width=120)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_times_are_read_from_what_services_really_expose() -> None:
    metrics = Metrics("points", CollectorRegistry())
    metrics.batch_seconds.observe(1.5)
    metrics.batch_seconds.observe(0.25)
    read = times(generate_latest(metrics.registry).decode())
    assert read.batch_seconds == 1.75
    assert read.cpu_seconds > 0


def test_the_time_before_the_first_event_does_not_count() -> None:
    before = ServiceTime(5.0, 1.0)
    assert ServiceTime(8.5, 3.0).since(before) == ServiceTime(3.5, 2.0)
    assert ServiceTime(2.0, 0.5).since(before) == ServiceTime(2.0, 0.5)


def test_the_table_tells_everything() -> None:
    console = _console()
    report.show(console, FIGURES, DETAILS)
    text = _text(console)
    for words in ("160,419", "2,469", "the books balance", "gold", "welcome/hello", "61.5 s"):
        assert words in text
    assert "tag-19" in text
    assert "tag-09" not in text, "only the top tags"
    assert "12.5 s CPU, 30.2 s of all lanes" in text
    assert "69 MB, 432 bytes an event" in text
    assert "\x1b" not in text, "plain where there is no terminal"


def test_books_that_do_not_balance_are_shouted() -> None:
    console = _console()
    report.show(console, FIGURES, msgspec.structs.replace(DETAILS, books_balance=False))
    assert "DO NOT BALANCE" in _text(console)


def test_urls_lead_to_a_member() -> None:
    console = _console()
    report.show_urls(console, ENDPOINTS, Path(".regulars/demo"), "m-1")
    text = _text(console)
    for url in ("http://ingest/docs", "http://points/v1/members/m-1/account"):
        assert url in text
    assert "http://notify/v1/members/m-1/messages" in text
    assert "token --role analyst --state-dir .regulars/demo" in text


def test_without_a_member_only_the_pages() -> None:
    console = _console()
    report.show_urls(console, ENDPOINTS, Path(".regulars/demo"), None)
    assert "members" not in _text(console)
