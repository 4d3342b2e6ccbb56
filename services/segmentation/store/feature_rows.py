"""`members_features`: every feature of a member in a column, for audiences.

Rows go as one array of the table's row type: with this many columns that takes half the work of
arrays by column.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.segmentation.domain.audience import AUDIENCE
from services.segmentation.domain.features import WINDOWS
from shared.db import Transaction

Row = list[Any]
"""partition, member_id, as_of, due_at, the stale_… of each window, then the values of AUDIENCE."""

_encode = msgspec.json.Encoder().encode


async def put(tx: Transaction, rows: Sequence[Row]) -> None:
    """Write the rows, new or known."""
    if not rows:
        return
    for row in rows:
        for i in _KEYED:
            row[i] = _encode(row[i]).decode()
    await tx.execute(_PUT, await tx.whole_rows("members_features", _NAMES, rows))


_HEAD: Final = (
    "partition",
    "member_id",
    "as_of",
    "due_at",
    *(f"stale_{days}d" for days in WINDOWS),
)
_NAMES: Final = (*_HEAD, *(feature.name for feature in AUDIENCE))
DERIVED: Final = _NAMES[2:]
"""The columns beside the member's key."""
_KEYED: Final = tuple(i for i, feature in enumerate(AUDIENCE, len(_HEAD)) if feature.keyed)

_PUT: Final = (
    f"INSERT INTO members_features ({', '.join(_NAMES)})"  # noqa: S608 - names from our catalogue
    f" SELECT {', '.join(_NAMES)}"
    " FROM unnest($1::members_features[]) ON CONFLICT (partition, member_id) DO UPDATE SET"
    f" {', '.join(f'{name} = EXCLUDED.{name}' for name in _NAMES[2:])}"
)
