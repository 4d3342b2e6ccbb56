"""`members_features`: every feature of a member in a column, for audiences."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from services.segmentation.domain.audience import AUDIENCE
from services.segmentation.domain.features import WINDOWS
from shared.clock import Instant
from shared.conditions import Feature
from shared.db import Transaction

_encode = msgspec.json.Encoder().encode


class FeatureRow(msgspec.Struct):
    """What is stored of one member: the values as of an instant, and until when they are right."""

    member_id: UUID
    as_of: Instant
    due_at: Instant | None
    stale: tuple[Instant | None, ...]
    values: dict[str, Any]


async def put(tx: Transaction, partition: int, rows: Sequence[FeatureRow]) -> None:
    """Write the rows, new or known, in one statement."""
    if not rows:
        return
    columns: list[list[Any]] = [
        [row.member_id for row in rows],
        [row.as_of for row in rows],
        [row.due_at for row in rows],
        *([row.stale[i] for row in rows] for i in range(len(WINDOWS))),
    ]
    for name, wire in _WIRES:
        columns.append([wire(row.values[name]) for row in rows])
    await tx.execute(_PUT, partition, *columns)


def _as_it_is(value: Any) -> Any:
    return value


def _as_array(value: Sequence[str]) -> str:
    """An array literal: unnest cannot take an array of arrays apart by rows."""
    quoted = (item.replace("\\", "\\\\").replace('"', '\\"') for item in value)
    return "{" + ",".join([f'"{item}"' for item in quoted]) + "}"


def _as_json(value: dict[str, int]) -> str:
    return _encode(value).decode()


def _wire(feature: Feature) -> Callable[[Any], Any]:
    if feature.keyed:
        return _as_json
    return _as_array if feature.type == "set" else _as_it_is


def _statement() -> str:
    """The upsert, made from the catalogue."""
    columns = [("member_id", "uuid", ""), ("as_of", "bigint", ""), ("due_at", "bigint", "")]
    columns += [(f"stale_{days}d", "bigint", "") for days in WINDOWS]
    for feature in AUDIENCE:
        sent, cast = _TYPES[feature.type], ""
        if feature.keyed:
            sent, cast = "text", "::jsonb"
        elif feature.type == "set":
            cast = "::text[]"
        columns.append((feature.name, sent, cast))
    names = ", ".join(name for name, _, _ in columns)
    arrays = ", ".join(f"${i}::{sent}[]" for i, (_, sent, _) in enumerate(columns, 2))
    values = ", ".join(f"u.{name}{cast}" for name, _, cast in columns)
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name, _, _ in columns[1:])
    # names and types come from our own catalogue; values are parameters
    return (
        f"INSERT INTO members_features (partition, {names})"  # noqa: S608
        f" SELECT $1::smallint, {values} FROM unnest({arrays}) AS u ({names})"
        f" ON CONFLICT (member_id) DO UPDATE SET partition = EXCLUDED.partition, {updates}"
    )


_TYPES: Final = {
    "int": "bigint",
    "instant": "bigint",
    "number": "double precision",
    "bool": "boolean",
    "text": "text",
    "set": "text",
}
_WIRES: Final = [(feature.name, _wire(feature)) for feature in AUDIENCE]
_PUT: Final = _statement()
