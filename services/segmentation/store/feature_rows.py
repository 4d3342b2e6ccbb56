"""`members_features`: every feature of a member in a column, for audiences.

Rows go by COPY into a temporary table of the connection and from there in one statement: with this
many columns that takes half the work of arrays by column.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.segmentation.domain.audience import AUDIENCE
from services.segmentation.domain.features import WINDOWS
from shared.conditions import Feature
from shared.db import Transaction

Row = list[Any]
"""member_id, partition, as_of, due_at, the stale_… of each window, then the values of AUDIENCE."""

_TYPES: Final = {
    "int": "bigint",
    "instant": "bigint",
    "number": "double precision",
    "bool": "boolean",
    "text": "text",
    "set": "text[]",
}

_encode = msgspec.json.Encoder().encode


async def put(tx: Transaction, rows: Sequence[Row]) -> None:
    """Write the rows, new or known."""
    if not rows:
        return
    for row in rows:
        for i in _KEYED:
            row[i] = _encode(row[i]).decode()
    await tx.execute(_STAGE)
    await tx.copy("features_arriving", _NAMES, rows)
    await tx.execute(_PUT)


def _type(feature: Feature) -> str:
    # the driver sends JSON as text; it is cast on its way into the table
    return "text" if feature.keyed else _TYPES[feature.type]


_HEAD: Final = (
    ("member_id", "uuid"),
    ("partition", "smallint"),
    ("as_of", "bigint"),
    ("due_at", "bigint"),
    *((f"stale_{days}d", "bigint") for days in WINDOWS),
)
_COLUMNS: Final = (*_HEAD, *((feature.name, _type(feature)) for feature in AUDIENCE))
_NAMES: Final = tuple(name for name, _ in _COLUMNS)
_KEYED: Final = tuple(i for i, feature in enumerate(AUDIENCE, len(_HEAD)) if feature.keyed)

_STAGE: Final = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS features_arriving"
    f" ({', '.join(f'{name} {kind}' for name, kind in _COLUMNS)}) ON COMMIT DELETE ROWS"
)

_CAST: Final = [f"{name}::jsonb" if i in _KEYED else name for i, name in enumerate(_NAMES)]
_PUT: Final = (
    f"INSERT INTO members_features ({', '.join(_NAMES)})"  # noqa: S608 - names from our catalogue
    f" SELECT {', '.join(_CAST)}"
    " FROM features_arriving ON CONFLICT (member_id) DO UPDATE SET"
    f" {', '.join(f'{name} = EXCLUDED.{name}' for name in _NAMES[1:])}"
)
