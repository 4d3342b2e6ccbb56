"""A batch's writes as one statement: what a small transaction costs is its round trips.

`WriteSet` is a `Transaction` for those who read first and write afterwards. Reads go out at once;
writes are gathered, and when the block ends they are sent as one statement, each a part of its
`WITH`. One statement is a transaction by itself: all of it happens, or nothing. Writes with the
same text become one part, their arrays joined: what several lanes write costs no more than what one
does.

What it asks of its user: no read depends on a write of the same block, no two writes touch the same
row (all parts see the same snapshot), and nobody looks at a command tag. Whoever cannot promise
that calls `in_order`, and from there on it is a transaction like any other.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from shared.db.transaction import Transaction

_PLACEHOLDER: Final = re.compile(r"\$(\d+)")


class Unmatched(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """A statement that everything depends on did not touch all of its rows: nothing was written."""


class _Write(NamedTuple):
    """A statement that waits; `rows`: how many it must touch, if anything depends on it."""

    sql: str
    args: Sequence[object]
    rows: int | None = None


class WriteSet(Transaction):
    """Reads at once, writes together at the end; only `Database.write_set` makes one."""

    def __init__(
        self, connection: AsyncConnection, driver: Any, columns: dict[str, list[str]]
    ) -> None:
        """Gather for an open connection; the arguments are those of a `Transaction`."""
        super().__init__(connection, driver, columns)
        self._writes: list[_Write] = []
        self.opened: Any = None

    @override
    async def execute(self, sql: str, *args: object) -> str:
        """Put a statement to the others; its tag is not known yet."""
        if self.opened is not None:
            return await super().execute(sql, *args)
        self._writes.append(_Write(sql, args))
        return ""

    @override
    async def require(self, rows: int, otherwise: Exception, sql: str, *args: object) -> None:
        """Put a statement to the others on which all of them depend; see `flush`."""
        if self.opened is not None:
            await super().require(rows, otherwise, sql, *args)
        else:
            self._writes.append(_Write(f"{sql} RETURNING 1", args, rows))

    @override
    async def copy(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        """Put rows to the others, as an array of the table's row type."""
        if self.opened is not None:
            await super().copy(table, columns, records)
            return
        rows = await self.whole_rows(table, columns, records)
        if rows:
            self._writes.append(_Write(_insert(table, tuple(columns)), (rows,)))

    @override
    async def in_order(self) -> None:
        """Open an ordinary transaction, and send what was gathered so far.

        Raises:
            Unmatched: as `flush`.
        """
        if self.opened is not None:
            return
        self.opened = self._driver.transaction()
        await self.opened.start()
        for write in self._writes:
            touched = await self._driver.fetch(write.sql, *write.args)
            if write.rows not in (None, len(touched)):
                raise Unmatched

    async def flush(self) -> None:
        """Send what was gathered, or commit.

        Raises:
            Unmatched: what `require` was given did not touch as many rows as it must.
        """
        if self.opened is not None:
            await self.opened.commit()
            return
        parts = _joined(self._writes)
        if not parts:
            return
        texts: list[str] = []
        args: list[object] = []
        for part in parts:
            texts.append(_shifted(part.sql, len(args)))
            args.extend(part.args)
        required = tuple(index for index, part in enumerate(parts) if part.rows is not None)
        text = _statement(tuple(texts), required, len(args))
        if required:
            args.append([parts[index].rows for index in required])
        try:
            await self._driver.fetch(text, *args)
        except asyncpg.DivisionByZeroError:
            raise Unmatched from None


def _joined(writes: Sequence[_Write]) -> list[_Write]:
    """Join the arrays of statements with the same text, where all else in them is the same.

    They all see what was there before, so that their order is of no matter.
    """
    parts: dict[tuple[object, ...], _Write] = {}
    for write in writes:
        same = (write.sql, *(arg for arg in write.args if not isinstance(arg, (list, tuple))))
        known = parts.get(same)
        if known is None:
            parts[same] = write
        else:
            args = [
                [*arg, *more] if isinstance(arg, (list, tuple)) else arg  # type: ignore[misc]  # both are
                for arg, more in zip(known.args, write.args, strict=True)
            ]
            rows = None if write.rows is None else (known.rows or 0) + write.rows
            parts[same] = _Write(write.sql, args, rows)
    return list(parts.values())


@lru_cache(maxsize=200)
def _insert(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM unnest($1::{table}[])"  # noqa: S608 - names of our own tables


@lru_cache(maxsize=2_000)
def _shifted(sql: str, by: int) -> str:
    """The same statement with its placeholders numbered from `by + 1`."""
    return _PLACEHOLDER.sub(lambda found: f"${int(found[1]) + by}", sql)


@lru_cache(maxsize=500)
def _statement(parts: tuple[str, ...], required: tuple[int, ...], args: int) -> str:
    """One statement of many; it divides by zero when a part missed some of the rows it must touch.

    How many each must touch is the last argument, an array.
    """
    together = ",\n".join(f"w{index} AS ({part})" for index, part in enumerate(parts))
    if not required:
        return f"WITH {together}\nSELECT 1"
    counts = ", ".join(f"(SELECT count(*) FROM w{each})" for each in required)  # noqa: S608
    # not a constant, so that the planner does not divide
    return (
        f"WITH {together}\n"
        f"SELECT 1 / (CASE WHEN ARRAY[{counts}] = ${args + 1}::bigint[] THEN 1 ELSE 0 END)"
    )
