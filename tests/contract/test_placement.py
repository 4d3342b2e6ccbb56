"""Whatever lies in one transaction of a lane can lie on one node: keys begin with the partition."""

from collections.abc import Iterable

import pytest
from sqlalchemy import ForeignKeyConstraint, SmallInteger, Table, UniqueConstraint

from services.ingest.tables import metadata as ingest
from services.notify.tables import metadata as notify
from services.points.tables import metadata as points
from services.segmentation.tables import metadata as segmentation
from shared.db.placement import CHAIN_WIDE, PARTITION, lane_tables

_SERVICES = {"ingest": ingest, "points": points, "segmentation": segmentation, "notify": notify}
_OF_LANES = [
    pytest.param(table, id=f"{service}.{table.name}")
    for service, metadata in _SERVICES.items()
    for table in lane_tables(metadata)
]
_OF_THE_CHAIN = {
    "journey_controls",
    "idempotency_keys",
    "programs",
    "members",
    "identities",
    "identity_conflicts",
    "personal_data",
    "sources",
    "rejected_events",
    "stores",
    "order_index",
    "order_notes",
    "receipt_codes",
}


def _uniques(table: Table) -> Iterable[list[str]]:
    """The columns of the primary key, and of all else that is unique."""
    yield list(table.primary_key.columns.keys())
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield list(constraint.columns.keys())
    for index in table.indexes:
        if index.unique:
            yield [getattr(each, "name", str(each)) for each in index.expressions]


@pytest.mark.parametrize("table", _OF_LANES)
def test_the_partition_comes_first_in_all_that_is_unique(table: Table) -> None:
    assert [columns[0] for columns in _uniques(table)] == [PARTITION] * len(list(_uniques(table)))


@pytest.mark.parametrize("table", _OF_LANES)
def test_the_partition_is_a_small_number_that_is_always_there(table: Table) -> None:
    column = table.columns[PARTITION]
    assert isinstance(column.type, SmallInteger)
    assert not column.nullable


@pytest.mark.parametrize("table", _OF_LANES)
def test_no_row_of_a_lane_hangs_on_a_row_elsewhere(table: Table) -> None:
    assert not [each for each in table.constraints if isinstance(each, ForeignKeyConstraint)]


def test_what_belongs_to_no_lane_is_known() -> None:
    """A new table is a lane's, unless somebody says here that it is the whole chain's."""
    marked = {
        table.name
        for metadata in _SERVICES.values()
        for table in metadata.tables.values()
        if table.info.get("placement") == CHAIN_WIDE["placement"]
    }
    assert marked == _OF_THE_CHAIN


def test_every_lane_has_the_tables_of_the_runtime() -> None:
    runtime = {"timelines", "facts", "positions", "outbox", "dead_letters"}
    for metadata in _SERVICES.values():
        assert runtime <= {table.name for table in lane_tables(metadata)}
