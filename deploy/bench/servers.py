"""What a benchmark runs on: real servers, and the processes that are measured on them."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from deploy.local.child import Child
from deploy.local.endpoints import Endpoints
from deploy.local.ports import Reservations
from deploy.local.services import ROOT, SERVICES, Part, is_ready, service_child
from deploy.local.settings import StackSettings
from deploy.local.stack import Stack
from deploy.local.state import new_key
from deploy.local.supervisor import Supervisor
from shared.auth.tokens import issue
from shared.clock import WallClock
from shared.runtime.environment import read_settings

Say = Callable[[str], None]

_KEPT = ("alembic_version",)


@dataclass(slots=True)
class Servers:
    """PostgreSQL, a broker with topics, and each service's tables.

    Attributes:
        endpoints: where they are.
        state: what the servers keep.
        logs: where the processes that are measured write.
        batch_events: of every consumer, bare or ours.
        partitions: of the topics.
        memory_mib: the most that each process of ours took so far, by name.
    """

    endpoints: Endpoints
    state: Path
    logs: Path
    batch_events: int
    partitions: int
    memory_mib: dict[str, float] = field(default_factory=dict)
    _reservations: Reservations = field(default_factory=Reservations)
    _pii_key: str = field(default_factory=new_key)
    _token_key: str = field(default_factory=new_key)

    def ports(self, count: int) -> list[int]:
        """Ports for processes to listen on; no two askers get the same."""
        return self._reservations.choose([None] * count)

    def service(self, name: str, roles: Sequence[str], *, port: int | None = None) -> list[Child]:
        """The processes of a service, one a role; the port is the first one's."""
        given = [] if port is None else [port]
        ports = [*given, *self.ports(len(roles) - len(given))]
        environment = {
            "REGULARS_KAFKA": self.endpoints.kafka,
            f"REGULARS_DATABASE_{name.upper()}": self.endpoints.databases[name],
            "REGULARS_CLOCK": "wall",
            "REGULARS_PARTITIONS": str(self.partitions),
            "REGULARS_BATCH_EVENTS": str(self.batch_events),
            "REGULARS_TOKEN_KEY": self._token_key,
            "REGULARS_LOG": "console",
            "REGULARS_LOG_LEVEL": "WARNING",
        }
        if name == "ingest":
            environment["REGULARS_PII_KEY"] = self._pii_key
            environment["REGULARS_DEVELOPMENT_SOURCE_KEY"] = self.endpoints.source_key
        return [
            service_child(Part(name, role), port, environment)
            for role, port in zip(roles, ports, strict=True)
        ]

    def whole(self, ports: Sequence[int]) -> list[Child]:
        """All services, one process each, on these ports."""
        return [
            child
            for service, port in zip(SERVICES, ports, strict=True)
            for child in self.service(service, ("all",), port=port)
        ]

    def bare_loop(self, database: str, topic: str, appended: int, kept: int) -> Child:
        """The bare loop as a process that writes to a service's database."""
        url = self.endpoints.databases[database]
        numbers = (str(self.batch_events), str(appended), str(kept))
        return Child(
            name=f"bare-{database}",
            argv=(
                *(sys.executable, "-m", "deploy.bench.bare_loop"),
                *(self.endpoints.kafka, url, topic, *numbers),
            ),
            ready=_at_once,
            directory=ROOT,
        )

    def bare_endpoint(self, topic: str, port: int) -> Child:
        """The bare endpoint as a process."""
        return Child(
            name="bare-endpoint",
            argv=(
                *(sys.executable, "-m", "deploy.bench.bare_endpoint", self.endpoints.kafka, topic),
                *(str(self.partitions), str(port), self.endpoints.broker),
            ),
            ready=partial(is_ready, port),
            directory=ROOT,
        )

    def bare_commands(self, port: int) -> Child:
        """The bare endpoint for commands as a process, on the database of points."""
        url = self.endpoints.databases["points"]
        return Child(
            name="bare-commands",
            argv=(sys.executable, "-m", "deploy.bench.bare_commands", url, str(port)),
            ready=partial(is_ready, port),
            directory=ROOT,
        )

    def token(self, role: str) -> str:
        """A bearer token for our services."""
        now = WallClock().now()
        return issue(self._token_key, subject="bench", role=role, expires_in_seconds=3_600, now=now)

    @asynccontextmanager
    async def running(self, children: Sequence[Child]) -> AsyncIterator[Supervisor]:
        """Run processes side by side for as long as the block lasts."""
        async with Supervisor(self.logs) as supervisor:
            await supervisor.start(*children)
            yield supervisor

    @asynccontextmanager
    async def connection(self, service: str) -> AsyncIterator[Any]:
        """A connection of asyncpg to a service's database."""
        connection = await asyncpg.connect(self.endpoints.databases[service])
        try:
            yield connection
        finally:
            await connection.close()

    async def forget(self, service: str) -> None:
        """Empty every table of a service, so that it begins at the beginning of the log."""
        async with self.connection(service) as connection:
            tables = await _tables(connection)
            await connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")

    async def rows(self, service: str) -> dict[str, int]:
        """How many rows each table of a service has."""
        async with self.connection(service) as connection:
            counts = {
                table: await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - names from the catalogue
                for table in await _tables(connection)
            }
        return {table: count for table, count in counts.items() if count}


@asynccontextmanager
async def servers(services: Sequence[str], batch_events: int) -> AsyncIterator[Servers]:
    """Start fresh servers in a directory that is thrown away afterwards."""
    with TemporaryDirectory(prefix="regulars-bench-") as directory:
        path = Path(directory)
        async with Stack(path / "state", services=services, run_services=False) as stack:
            with Reservations() as reservations:
                yield Servers(
                    stack.endpoints,
                    path / "state",
                    path / "logs",
                    batch_events,
                    read_settings(StackSettings).partitions,
                    _reservations=reservations,
                )


async def _tables(connection: Any) -> list[str]:
    rows = await connection.fetch(
        "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    return [row["name"] for row in rows if row["name"] not in _KEPT]


async def _at_once() -> bool:
    return True
