"""Which database errors pass by themselves, and which do not."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_PASSING = (
    OSError,  # includes ConnectionError and TimeoutError
    asyncpg.InternalClientError,  # a statement given to a connection while the server cuts it
    asyncpg.InterfaceError,  # "connection is closed" and the like, after a cut
    asyncpg.PostgresConnectionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.OperatorInterventionError,  # shutdown, crash recovery, cannot connect now
    asyncpg.ReadOnlySQLTransactionError,  # a replica during fail-over
    PoolTimeoutError,
)


def is_bad_value(error: BaseException) -> bool:
    """Tell whether a value of the caller's is to blame: too large for its column, or with a NUL."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return is_bad_value(error.orig.__cause__ or error.orig)
    from_client = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    return from_client or isinstance(error, asyncpg.DataError)


def is_transient(error: BaseException) -> bool:
    """Tell whether trying the same again later can succeed.

    A connection cut, a deadlock, a server that starts or stops, a full disk: yes. A violated
    constraint or a wrong type: no, the same input will fail again.
    """
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig.__cause__ if error.orig is not None else None
        return cause is not None and is_transient(cause)
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return False  # asyncpg.DataError: an argument that does not fit its column
    return isinstance(error, _PASSING)
