"""The engine and its transactions.

`Transaction` offers two ways over one connection and one BEGIN: the driver's own `fetch`, `execute`
and `copy` (binary, with `$1` placeholders: the hot paths), and `connection`, SQLAlchemy Core, for
everything that is composed (conditions, filters, pages).
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - ten times faster to parse than uuid.UUID
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

# Statements of the lanes look rows up by sets of keys. Left to itself the planner caches "scan it
# all" while a table is small and keeps to it as the table grows; these settings rule that out.
KEYED_LOOKUPS = {
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


def member_uuid(text: str) -> UUID:
    """Parse a member id.

    Raises:
        ValueError: not a UUID.
    """
    parsed: UUID = DriverUUID(text)
    return parsed


class Transaction:
    """One open transaction; it ends with its `async with`: commit, or rollback on error."""

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        """Wrap an open connection; only `Database.transaction` does this."""
        self.connection = connection
        self._driver = driver

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

    async def copy(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        """Append rows by binary COPY: the fastest way into an insert-only table."""
        await self._driver.copy_records_to_table(table, columns=columns, records=records)


class Database:
    """A pool of connections to one service's database."""

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        connections_max: int = 12,
        connect_timeout_seconds: float = 5.0,
        server_settings: dict[str, str] | None = None,
    ) -> None:
        """Prepare the pool; nothing is opened before the first transaction.

        Args:
            url: `postgresql://user:password@host:port/database`.
            application_name: shown in pg_stat_activity.
            connections_max: the most connections that this process opens.
            connect_timeout_seconds: for opening one, and for waiting for a free one.
            server_settings: further settings of each session.
        """
        self.url = url
        # AUTOCOMMIT: SQLAlchemy leaves BEGIN and COMMIT to `transaction`, so that statements given
        # to the driver and statements given to SQLAlchemy are inside the same one.
        self.engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",
            pool_size=connections_max,
            max_overflow=0,
            pool_timeout=connect_timeout_seconds,
            pool_pre_ping=False,  # the lanes retry; requests answer 503
            connect_args={
                "timeout": connect_timeout_seconds,
                "server_settings": {
                    "application_name": application_name,
                    **(server_settings or {}),
                },
            },
        )

    @asynccontextmanager
    async def transaction(
        self, *, read_only: bool = False, timeout_seconds: float | None = None
    ) -> AsyncGenerator[Transaction]:
        """Open a transaction: commit at the end of the block, roll back when it raises.

        Args:
            read_only: a snapshot that may not write (`REPEATABLE READ READ ONLY`).
            timeout_seconds: the server cancels a statement that takes longer.
        """
        async with self.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None  # noqa: S101 - narrows the type; a checked-out connection has one
            isolation = "repeatable_read" if read_only else None
            try:
                async with driver.transaction(isolation=isolation, readonly=read_only):
                    if timeout_seconds is not None:
                        # whole milliseconds from a float of ours: nothing to escape
                        await driver.execute(
                            f"SET LOCAL statement_timeout = {int(timeout_seconds * 1000)}"
                        )
                    yield Transaction(connection, driver)
            except BaseException:
                if driver.is_closed():
                    # cut off: the pool's other connections are too, most likely
                    await connection.invalidate()
                    await self.engine.dispose()
                elif driver.is_in_transaction():
                    await connection.invalidate()  # cancelled half-way: not fit to be used again
                raise

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
