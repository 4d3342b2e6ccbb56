"""Verifying one service after the other: partition by partition, first the histories, then the log.

Nothing of the services' is written, and nobody has to stand still meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from deploy.verify.services import VERIFIABLE, Verifiable
from shared.db import Database
from shared.kafka.ends import KafkaSilent
from shared.runtime.program import ProgramError, stored_versions
from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.histories import Histories
from shared.runtime.verifying.log import FactsOnLog, LogReader

Progress = Callable[[str, str], None]
"""Told the service, and what is looked at and how far that has come."""

_STATEMENT_SECONDS_MAX = 600.0
_NOT_JUDGED_ANEW = """
SELECT p.version FROM programs p
 WHERE p.withdrawn_at IS NOT NULL
   AND (SELECT count(j.done_at) FROM judged_anew j WHERE j.version = p.version)
     < (SELECT count(DISTINCT t.partition) FROM timelines t)
 ORDER BY p.version
"""
_OPEN_SECONDS_MAX = 5.0


class CannotVerifyError(Exception):
    """The verification could not be done; the message says why."""


@dataclass(frozen=True)
class Verification:
    """What came out.

    Attributes:
        findings: by service.
        failures: by service, why it could not be verified to the end.
    """

    findings: dict[str, Findings] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything was looked at and nothing differs."""
        return not self.failures and not any(each.total for each in self.findings.values())

    @property
    def exit_code(self) -> int:
        """0: clean; 1: there are differences; 2: it could not be done."""
        if self.failures:
            return 2
        return 0 if self.clean else 1

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "clean": self.clean,
            "services": {
                name: {
                    "checked": dict(found.checked),
                    "accounted": dict(found.accounted),
                    "differences": found.total,
                    "by_table": dict(found.counts),
                    "listed": [each._asdict() for each in found.listed],
                    "failure": self.failures.get(name),
                }
                for name, found in self.findings.items()
            },
        }


async def verify(
    databases: Mapping[str, str],
    kafka: str | None,
    progress: Progress,
    *,
    listed_max: int = 20,
) -> Verification:
    """Verify services.

    Args:
        databases: by service, the URL of its database.
        kafka: host:port of the log's brokers; None leaves the log out.
        progress: told how far it has come.
        listed_max: how many differences of each table are named.
    """
    told = Verification()
    for name, url in databases.items():
        found = told.findings[name] = Findings(listed_max)
        try:
            tell = partial(progress, name)
            await verify_service(VERIFIABLE[name](), url, kafka, found, tell)
        except CannotVerifyError as error:
            told.failures[name] = str(error)
    return told


async def verify_service(
    service: Verifiable,
    url: str,
    kafka: str | None,
    findings: Findings,
    progress: Callable[[str], None],
) -> None:
    """Verify one service by its database, and by the log where it is named.

    Raises:
        CannotVerifyError: its database or the log cannot be read.
    """
    database = Database(
        url,
        application_name="regulars-verify",
        connections_max=1,  # what the log tells lies in a table of the session
        open_seconds_max=_OPEN_SECONDS_MAX,
        statement_seconds_max=_STATEMENT_SECONDS_MAX,
        server_settings={"jit": "off"},
    )
    try:
        await _verify(service, database, kafka, findings, progress)
    except ProgramError as error:
        raise CannotVerifyError(f"its program cannot be read by this release: {error}") from error
    except KafkaSilent as error:
        raise CannotVerifyError(f"the log cannot be read: {error}") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
        said = str(error) or type(error).__name__
        raise CannotVerifyError(f"its database cannot be read: {said}") from error
    finally:
        await database.close()


async def _verify(
    service: Verifiable,
    database: Database,
    kafka: str | None,
    findings: Findings,
    progress: Callable[[str], None],
) -> None:
    async with database.transaction(read_only=True) as tx:
        if not await stored_versions(tx):
            raise CannotVerifyError("its database has no program: the service has never run on it")
        left = await tx.fetch(_NOT_JUDGED_ANEW)
        if left:
            versions = ", ".join(str(row["version"]) for row in left)
            raise CannotVerifyError(
                f"program version {versions} is withdrawn, and not all members are judged anew yet:"
                " again in a while"
            )
    histories = Histories(service.machine, service.prepare, service.auditor, service.consumer)
    for partition in await histories.partitions(database):

        def tell(what: str, partition: int = partition) -> None:
            progress(f"partition {partition}: {findings.checked[what]:,} {what}")

        await histories.verify(database, partition, findings, partial(tell, "members"))
        async with database.transaction(read_only=True) as tx:
            await service.ledger(tx, partition, findings)
        if kafka is not None:
            reader = LogReader(kafka, service.consumer, service.topics, service.sure)
            on_log = FactsOnLog(service.machine, service.prepare, reader)
            await on_log.verify(database, partition, findings, partial(tell, "records"))
