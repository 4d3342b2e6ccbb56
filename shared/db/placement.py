"""Where tables lie: a lane's beside its position, by Kafka partition; the chain's in one place.

A batch is one transaction of one partition. So that it needs one node only, wherever the database
is spread over several, every table has `partition` as the first column of its primary key and of
each unique index, unless it is marked `info=CHAIN_WIDE`: such a table has nothing to do with
partitions, and no lane writes to it.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import MetaData, Table

PARTITION: Final = "partition"

CHAIN_WIDE: Final[dict[Any, Any]] = {"placement": "chain-wide"}
"""`Table(…, info=CHAIN_WIDE)`: belongs to no lane."""


def lane_tables(metadata: MetaData) -> Iterator[Table]:
    """The tables that belong to lanes, by name."""
    for table in metadata.sorted_tables:
        if table.info.get("placement") != CHAIN_WIDE["placement"]:
            yield table
