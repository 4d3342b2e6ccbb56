"""The mapping of the real year, on a year of a few rows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from deploy.demo import year
from shared.clock import DAY, parse_instant
from shared.events import edge, types

_BASKETS: list[tuple[str, int, int, int, int, int, float]] = [
    # time, household, store, basket, product, quantity, sales value
    ("2017-01-01T11:53:26", 900, 330, 20, 1, 1, 0.5),
    ("2017-01-01T11:53:26", 900, 330, 10, 2, 2, 1.15),
    ("2017-01-03T23:59:59", 900, 330, 40, 1, 0, 0.0),
    ("2017-01-01T11:53:26", 900, 330, 20, 9, 3, 2.78),
    ("2017-01-02T00:00:00", 901, 331, 30, 2, 1, 16.44),
]
_REDEMPTIONS = [("2017-01-02", 901, 51380041013, 26), ("2017-01-02", 901, 51380041013, 8)]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the package, with the few rows above."""
    columns = list(zip(*_BASKETS, strict=True))
    names = ["household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value"]
    transactions = {
        "transaction_timestamp": pa.array(map(_time, columns[0]), pa.timestamp("ns")),
        **{name: list(values) for name, values in zip(names, columns[1:], strict=True)},
    }
    pq.write_table(pa.table(transactions), tmp_path / "transactions.parquet")
    products = {"product_id": [2, 1], "department": ["MEAT", "GROCERY"]}
    pq.write_table(pa.table(products), tmp_path / "products.parquet")
    days, households, coupons, campaigns = zip(*_REDEMPTIONS, strict=True)
    redemptions = {
        "household_id": households,
        "coupon_upc": coupons,
        "campaign_id": campaigns,
        "redemption_date": pa.array(map(_time, days), pa.timestamp("ns")),
    }
    pq.write_table(pa.table(redemptions), tmp_path / "coupon_redemptions.parquet")
    return tmp_path


def _events(folder: Path, limit_days: int | None = None) -> list[dict[str, Any]]:
    return [msgspec.json.decode(raw) for _, _, raw in year.load(limit_days, folder).events()]


def test_everything_in_the_order_of_time(folder: Path) -> None:
    events = _events(folder)
    assert [(event["id"], event["time"]) for event in events] == [
        ("joined:900", "2017-01-01T11:53:25Z"),
        ("basket:10", "2017-01-01T11:53:26Z"),
        ("basket:20", "2017-01-01T11:53:26Z"),
        ("joined:901", "2017-01-01T23:59:59Z"),
        ("basket:30", "2017-01-02T00:00:00Z"),
        ("redemption:901:51380041013:26:17168", "2017-01-02T12:00:00Z"),
        ("redemption:901:51380041013:8:17168", "2017-01-02T12:00:00Z"),
        ("basket:40", "2017-01-03T23:59:59Z"),
    ]


def test_a_basket_is_a_purchase(folder: Path) -> None:
    [basket] = [event for event in _events(folder) if event["id"] == "basket:20"]
    assert basket["type"] == types.PURCHASE_COMPLETED
    assert basket["subject"] == "card:900"
    assert basket["data"] == {
        "order_id": "20",
        "store_id": "330",
        "currency": "USD",
        "total": 328,
        "channel": "store",
        "lines": [
            {"sku": "1", "category": "GROCERY", "quantity": 1, "amount": 50},
            {"sku": "9", "category": "UNKNOWN", "quantity": 3, "amount": 278},
        ],
    }


def test_cents_are_rounded_per_line(folder: Path) -> None:
    """1.15 and 16.44 times 100 are not whole numbers in floating point."""
    totals = {event["id"]: event["data"].get("total") for event in _events(folder)}
    assert (totals["basket:10"], totals["basket:30"], totals["basket:40"]) == (115, 1644, 0)


def test_joins_and_redemptions(folder: Path) -> None:
    events = {event["id"]: event for event in _events(folder)}
    joined = events["joined:900"]
    assert (joined["type"], joined["data"]) == (
        types.MEMBER_JOINED,
        {"store_id": "330", "via": "receipt"},
    )
    task = events["redemption:901:51380041013:26:17168"]
    assert (task["type"], task["data"]) == (
        types.INTERACTION_RECORDED,
        {"kind": "task_done", "campaign_id": "26", "task_id": "coupon:51380041013"},
    )


@pytest.mark.parametrize(("limit_days", "count"), [(1, 3), (2, 7), (3, 8), (400, 8)])
def test_the_first_calendar_days(folder: Path, limit_days: int, count: int) -> None:
    """Days are those of baskets: who first buys at midnight has not joined the evening before."""
    loaded = year.load(limit_days, folder)
    assert loaded.start == parse_instant("2017-01-01T00:00:00Z")
    assert loaded.end == loaded.start + min(limit_days, 3) * DAY
    events = list(loaded.events())
    assert len(events) == count == loaded.count
    assert all(loaded.start <= at < loaded.end for _, at, _ in events)


def test_ingest_takes_every_event(folder: Path) -> None:
    for event_type, at, raw in year.load(None, folder).events():
        assert edge.explain_refusal(raw) == []
        envelope = edge.INBOUND.decode(raw)
        assert (envelope.type, envelope.time) == (
            event_type,
            datetime.fromtimestamp(at / 1e6, UTC),
        )


def test_a_second_run_publishes_the_same(folder: Path) -> None:
    first, second = year.load(None, folder), year.load(None, folder)
    assert list(first.events()) == list(second.events())
