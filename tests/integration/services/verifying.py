"""`regulars verify` on a database of a test, and values that are changed in it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import asyncpg

from deploy.verify.run import CannotVerifyError, verify_service
from deploy.verify.services import VERIFIABLE
from shared.runtime.verifying.findings import Findings


class Log(NamedTuple):
    """Where a service's log is in a test."""

    bootstrap: str
    topics: tuple[str, ...]


async def verified(service: str, url: str, log: Log | None = None) -> Findings:
    """What a verification of a database finds, whatever its consumer is called."""
    connection = await asyncpg.connect(url)
    consumers = await connection.fetch("SELECT DISTINCT consumer FROM positions")
    await connection.close()
    verifiable = VERIFIABLE[service]()
    if len(consumers) == 1:
        verifiable = replace(verifiable, consumer=consumers[0]["consumer"])
    if log is not None:
        verifiable = replace(verifiable, topics=log.topics)
    findings = Findings()
    kafka = None if log is None else log.bootstrap
    await verify_service(verifiable, url, kafka, findings, lambda _: None)
    return findings


async def unnoticed(
    service: str, url: str, table: str, changes: Mapping[str, str], log: Log | None = None
) -> list[str]:
    """Change one row of a table after the other behind the service's back.

    Args:
        service: whose tables.
        url: of its database, which is clean.
        table: which table.
        changes: `column = value [WHERE …]`, or `DELETE [WHERE …]`; one row of those is changed. Or
            `INSERT …`, which adds one. And what `verify` shall name: `table.column`.
        log: where the facts came from, if they are to be held against it.

    Returns:
        The changes of which it did not name that.
    """
    missed = []
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE TEMPORARY TABLE kept AS TABLE {table}")
    for change, name in changes.items():
        assert await connection.execute(_statement(table, change)) in _ONE_ROW, change
        listed = (await verified(service, url, log)).listed
        found = {f"{each.table}.{each.column}" for each in listed}
        if name not in found:
            missed.append(f"{change}: {sorted(found)}")
        await connection.execute(_BACK.format(table=table))
    await connection.close()
    return missed


_ONE_ROW = ("UPDATE 1", "DELETE 1", "INSERT 0 1")
_BACK = "TRUNCATE {table}; INSERT INTO {table} SELECT * FROM kept"
_DELETE = "DELETE FROM {table}"
_UPDATE = "UPDATE {table} SET {what}"
_ONE = " WHERE ctid = (SELECT ctid FROM {table} WHERE {which} LIMIT 1)"


def _statement(table: str, change: str) -> str:
    if change.startswith("INSERT"):
        return change.replace("INSERT", f"INSERT INTO {table}", 1)
    what, _, which = change.partition(" WHERE ")
    form = _DELETE if what == "DELETE" else _UPDATE
    return (form + _ONE).format(what=what, table=table, which=which or "true")


async def expect_clean(service: str, url: str) -> None:
    """What a test has left behind verifies, if the service has run at all."""
    try:
        findings = await verified(service, url)
    except CannotVerifyError:
        return
    assert not findings.listed, "\n".join(map(str, findings.listed))
