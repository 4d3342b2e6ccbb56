"""The engine and its transactions.

A block of `transaction` is BEGIN … COMMIT; a block of `write_set` sends all its writes as one
statement when it ends.

A server that hangs answers nothing, not even that it cancels. So every wait has an end on both
sides: the server ends a statement by `statement_timeout`, and we end it a little later by
ourselves; opening a transaction (a free connection, or a new one, and BEGIN) has an end of its own;
and `abandon` cuts everything off at once when a probe has found that the server does not answer.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID
from weakref import WeakSet

import asyncpg
from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - ten times faster to parse than uuid.UUID
from sqlalchemy import event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.db.transaction import Transaction
from shared.db.write_set import WriteSet

# Statements of the lanes look rows up by sets of keys. Left to itself the planner caches "scan it
# all" while a table is small and keeps to it as the table grows; these settings rule that out.
KEYED_LOOKUPS = {
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

_GRACE_SECONDS = 2.0  # how much longer than the server's limit we wait for its word of it
_ROLLBACK_SECONDS_MAX = 1.0
CONNECT_SECONDS_MAX = 5.0


def member_uuid(text: str) -> UUID:
    """Parse a member id.

    Raises:
        ValueError: not a UUID.
    """
    parsed: UUID = DriverUUID(text)
    return parsed


class Database:
    """A pool of connections to one service's database."""

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        connections_max: int = 12,
        open_seconds_max: float = 1.5,
        statement_seconds_max: float = 30.0,
        server_settings: dict[str, str] | None = None,
    ) -> None:
        """Prepare the pool; nothing is opened before the first transaction.

        Args:
            url: `postgresql://user:password@host:port/database`.
            application_name: shown in pg_stat_activity.
            connections_max: the most connections that this process opens.
            open_seconds_max: for opening a transaction: a free connection or a new one, and BEGIN.
            statement_seconds_max: for one statement, where a transaction does not say otherwise.
            server_settings: further settings of each session.
        """
        self.url = url
        self._columns: dict[str, list[str]] = {}
        self._open_seconds_max = open_seconds_max
        self._opened: WeakSet[Any] = WeakSet()
        self._in_use: WeakSet[Any] = WeakSet()
        # AUTOCOMMIT: SQLAlchemy leaves BEGIN and COMMIT to `transaction`, so that statements given
        # to the driver and statements given to SQLAlchemy are inside the same one.
        self.engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",
            pool_size=connections_max,
            max_overflow=0,
            pool_timeout=open_seconds_max,
            pool_pre_ping=False,  # the lanes retry; requests answer 503
            connect_args={
                "timeout": open_seconds_max,
                "command_timeout": statement_seconds_max + _GRACE_SECONDS,
                "server_settings": {
                    "application_name": application_name,
                    **limits(statement_seconds_max),
                    **(server_settings or {}),
                },
            },
        )

        pool = self.engine.sync_engine.pool
        event.listen(pool, "connect", self._remember)
        event.listen(pool, "checkout", _open_anew_if_closed)

    def _remember(self, connection: Any, _record: object) -> None:
        self._opened.add(connection.driver_connection)

    @asynccontextmanager
    async def transaction(
        self, *, read_only: bool = False, timeout_seconds: float | None = None
    ) -> AsyncGenerator[Transaction]:
        """Open a transaction: commit at the end of the block, roll back when it raises.

        Args:
            read_only: a snapshot that may not write (`REPEATABLE READ READ ONLY`).
            timeout_seconds: the server cancels a statement that takes longer; at most the pool's
                own limit.

        Raises:
            TimeoutError: the server did not answer, neither the statement nor that it gave it up.
        """
        async with contextlib.AsyncExitStack() as held:
            async with asyncio.timeout(self._open_seconds_max):
                connection, driver = await self._check_out(held)
                begun = driver.transaction(
                    isolation="repeatable_read" if read_only else None, readonly=read_only
                )
                with _cut_off_unless_done(driver):
                    await begun.start()
                    if timeout_seconds is not None:
                        # whole milliseconds from a float of ours: nothing to escape
                        await driver.execute(
                            f"SET LOCAL statement_timeout = {int(timeout_seconds * 1000)}"
                        )
            try:
                yield Transaction(connection, driver, self._columns)
            except BaseException:
                await _roll_back(begun, driver)
                raise
            with _cut_off_unless_done(driver):
                await begun.commit()

    @asynccontextmanager
    async def write_set(self) -> AsyncGenerator[WriteSet]:
        """Read at once, and send all writes as one statement at the end of the block.

        Raises:
            TimeoutError: the server did not answer.
            Unmatched: a statement that everything depends on missed some of its rows.
        """
        async with contextlib.AsyncExitStack() as held:
            async with asyncio.timeout(self._open_seconds_max):
                connection, driver = await self._check_out(held)
            writes = WriteSet(connection, driver, self._columns)
            try:
                yield writes
                await writes.flush()
            except BaseException:
                if writes.opened is not None:
                    await _roll_back(writes.opened, driver)
                raise

    async def _check_out(self, held: contextlib.AsyncExitStack) -> tuple[AsyncConnection, Any]:
        """Take a connection; one that was cut off does not go back into the pool."""
        connection = await held.enter_async_context(self.engine.connect())
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 - narrows the type; a checked-out connection has one
        self._in_use.add(driver)

        async def give_back() -> None:
            self._in_use.discard(driver)
            if driver.is_closed():
                await connection.invalidate()
                self._forget_idle()  # they are cut too, most likely

        held.push_async_callback(give_back)
        return connection, driver

    def _forget_idle(self) -> None:
        """Close what nobody uses: without a farewell, which a server that hangs never answers.

        The pool itself stays: one that is replaced takes what is in use with it, and nobody closes
        that.
        """
        for driver in self._opened - self._in_use:
            driver.terminate()

    def abandon(self) -> None:
        """Cut everything off at once: whoever waits for the server gets a transient error."""
        for driver in list(self._in_use):
            driver.terminate()
        self._forget_idle()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _open_anew_if_closed(connection: Any, _record: object, _proxy: object) -> None:
    if connection.driver_connection.is_closed():
        raise DisconnectionError


@contextlib.contextmanager
def _cut_off_unless_done(driver: Any) -> Iterator[None]:
    """Close the connection when this fails: nobody knows where it stands then."""
    try:
        yield
    except BaseException:
        driver.terminate()
        raise


async def _roll_back(begun: Any, driver: Any) -> None:
    """Roll back, or cut the connection off where the server does not answer."""
    try:
        async with asyncio.timeout(_ROLLBACK_SECONDS_MAX):
            await begun.rollback()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        driver.terminate()


async def connect(url: str, name: str, statement_seconds_max: float) -> Any:
    """A connection of asyncpg outside of all pools, for who listens or holds a lock on it."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS_MAX,
        command_timeout=statement_seconds_max,
        server_settings={"application_name": name, **limits(statement_seconds_max)},
    )


def limits(statement_seconds_max: float) -> dict[str, str]:
    """Settings of a session in which nothing waits for ever, for a lock or for its client."""
    return {
        "statement_timeout": f"{int(statement_seconds_max * 1000)}",
        "lock_timeout": f"{int(statement_seconds_max * 500)}",
        # a process that was stopped (SIGSTOP, a frozen machine) must not hold its locks for ever
        "idle_in_transaction_session_timeout": f"{int(statement_seconds_max * 2000)}",
    }
