"""One open transaction.

Two ways over one connection and one BEGIN: the driver's own `fetch`, `execute` and `copy` (binary,
with `$1` placeholders: the hot paths), and `connection`, SQLAlchemy Core, for everything that is
composed (conditions, filters, pages).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS_OF: Final = """
SELECT attname FROM pg_attribute
 WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


class Transaction:
    """One open transaction; it ends with its `async with`: commit, or rollback on error."""

    def __init__(
        self, connection: AsyncConnection, driver: Any, columns: dict[str, list[str]]
    ) -> None:
        """Wrap an open connection; only `Database` does this.

        Args:
            connection: SQLAlchemy's.
            driver: the asyncpg connection under it.
            columns: where the columns of tables are remembered, by the table's name.
        """
        self.connection = connection
        self._driver = driver
        self._columns = columns

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """Run a statement with `$1` placeholders and return its rows.

        JSON goes in as text and comes out decoded (SQLAlchemy sets that up on the connection).
        """
        rows: list[asyncpg.Record] = await self._driver.fetch(sql, *args)
        return rows

    async def execute(self, sql: str, *args: object) -> str:
        """Run a statement and return its command tag, as `UPDATE 3`."""
        tag: str = await self._driver.execute(sql, *args)
        return tag

    async def require(self, rows: int, otherwise: Exception, sql: str, *args: object) -> None:
        """Run an UPDATE on which everything else depends; it is the first write.

        Raises:
            Exception: `otherwise`, when it did not touch exactly so many rows.
        """
        if await self.execute(sql, *args) != f"UPDATE {rows}":
            raise otherwise

    async def in_order(self) -> None:
        """See to it that each write is done before the next: of a transaction it always is."""

    async def copy(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        """Append rows by binary COPY: the fastest way into an insert-only table."""
        await self._driver.copy_records_to_table(table, columns=columns, records=records)

    async def whole_rows(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> list[tuple[object, ...]]:
        """The records as rows of the table's own type, for `unnest($1::table[])`."""
        known = self._columns.get(table)
        if known is None:
            rows = await self._driver.fetch(_COLUMNS_OF, table)
            known = self._columns[table] = [row["attname"] for row in rows]
        places = {name: index for index, name in enumerate(columns)}
        picks = [places.get(name) for name in known]
        return [tuple(None if pick is None else row[pick] for pick in picks) for row in records]
