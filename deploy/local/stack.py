"""The whole local system as one object.

```python
async with Stack(tmp_path, clock="stream", split_roles=True) as stack:
    async with httpx.AsyncClient(base_url=stack.endpoints.services["ingest"]) as ingest: ...
    stack.kill("points-consume")          # SIGKILL; it is started again
    await stack.ready()                   # until everything is ready again
```
"""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from deploy.local.broker import Broker, provide_broker
from deploy.local.child import Child
from deploy.local.endpoints import FILE_NAME, Endpoints, write_endpoints
from deploy.local.errors import ChildFailedError
from deploy.local.ports import LOOPBACK, Reservations
from deploy.local.postgres import Postgres
from deploy.local.services import (
    SERVICES,
    USUAL_PORTS,
    Part,
    StackClock,
    migrate,
    parts_of,
    service_child,
)
from deploy.local.settings import StackSettings
from deploy.local.state import DEFAULT_DIRECTORY, Secrets, State
from deploy.local.supervisor import STACK, Say, Supervisor, rotate_logs, say_nothing
from deploy.local.topics import make_topics, read_topics
from shared.auth.tokens import issue
from shared.clock import WallClock
from shared.runtime.environment import read_settings

_TOKEN_SECONDS = 30 * 24 * 3600


class Stack:
    """PostgreSQL, a broker and the services, for as long as the `async with` block runs.

    Servers named by `REGULARS_KAFKA` and `REGULARS_DATABASE_*` are used instead of started ones.
    Entering raises a `LocalStackError` when something cannot run; then nothing is left running.
    """

    def __init__(  # noqa: PLR0913 - all by name and with a default; callers give the two they need
        self,
        state_dir: Path = DEFAULT_DIRECTORY,
        *,
        clock: StackClock = "wall",
        split_roles: bool = False,
        services: Sequence[str] = SERVICES,
        run_services: bool = True,
        fresh: bool = False,
        usual_ports: bool = False,
        jvm: bool = True,
        endpoints_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        settings: StackSettings | None = None,
        say: Say = say_nothing,
    ) -> None:
        """Describe a stack; entering it starts it.

        Args:
            state_dir: where it keeps its data between runs.
            clock: what the services take for now: the system's time, or the events' own.
            split_roles: each role of a service as a process of its own (`points-consume`).
            services: which services there are.
            run_services: false for servers, topics and tables only.
            fresh: forget what earlier runs left.
            usual_ports: try the usual ports first; tests do not, they run side by side.
            jvm: false for the broker in memory even where Kafka could run.
            endpoints_file: where to say where everything is; else in the state directory.
            environment: more variables for the services.
            settings: servers of one's own; else from the environment.
            say: gets each line worth showing, with the name of who says it.
        """
        self.state = State(state_dir)
        self._clock = clock
        self._split_roles = split_roles
        self._services = tuple(services)
        self._run_services = run_services
        self._fresh = fresh
        self._usual_ports = usual_ports
        self._jvm = jvm
        self._endpoints_file = (endpoints_file or self.state.directory / FILE_NAME).absolute()
        self._extra = dict(environment or {})
        self._settings = settings or read_settings(StackSettings)
        self._say = say
        self._supervisor = Supervisor(self.state.logs, say=say, on_change=self._publish)
        self._endpoints: Endpoints | None = None
        self._up = False
        self._ports: dict[str, int] = {}
        self._reservations = Reservations()
        self._environment: dict[str, dict[str, str]] = {}
        self._exit = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start everything, in the order in which it is needed."""
        async with contextlib.AsyncExitStack() as exit_stack:
            exit_stack.enter_context(self.state.locked())
            if self._endpoints_file.parent != self.state.directory:
                exit_stack.enter_context(State(self._endpoints_file.parent).locked())
            if self._fresh:
                self.state.clear()
            self.state.logs.mkdir(parents=True, exist_ok=True)
            rotate_logs(self.state.logs)
            exit_stack.callback(self._endpoints_file.unlink, missing_ok=True)
            exit_stack.enter_context(self._reservations)
            await exit_stack.enter_async_context(self._supervisor)
            await self._start()
            self._exit = exit_stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, in reverse order."""
        await self._exit.__aexit__(kind, error, trace)

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is, with the process ids of this moment."""
        assert self._endpoints is not None, "the stack is not up"  # noqa: S101 - misuse in code
        return msgspec.structs.replace(self._endpoints, processes=self._supervisor.processes)

    @property
    def processes(self) -> dict[str, int]:
        """Process id of everything that runs, by name."""
        return self._supervisor.processes

    def status(self) -> dict[str, str]:
        """Each process in one word: ready, starting or down."""
        return self._supervisor.status()

    async def ready(self, *names: str) -> None:
        """Wait until the processes named (none: all) are ready, also after a restart."""
        await self._supervisor.ready(*names)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a process a signal, SIGKILL unless told; it is started again. Answers its id."""
        return self._supervisor.kill(name, number)

    async def stop(self, *names: str) -> None:
        """Stop processes for good (none named: all)."""
        await self._supervisor.stop(*names)

    async def add(self, service: str, role: str) -> str:
        """Start one more process of a role beside those there are; answers its name."""
        number = 2 + sum(name.startswith(f"{service}-{role}-") for name in self.status())
        part = Part(service, role, number)
        [self._ports[part.name]] = self._reservations.choose([None], self._ports.values())
        await self._supervisor.start(self._child(part))
        return part.name

    async def failed(self) -> ChildFailedError:
        """Wait until something died that cannot be started again; answers what."""
        await self._supervisor.failed.wait()
        assert self._supervisor.failure is not None  # noqa: S101 - set before the event
        return self._supervisor.failure

    def kill_all(self) -> None:
        """Kill everything at once, for whoever cannot wait for a clean stop."""
        self._supervisor.kill_all()

    def _publish(self) -> None:
        """Keep endpoints.json up to date."""
        if self._up:
            write_endpoints(self._endpoints_file, self.endpoints)

    async def _start(self) -> None:
        kept = self.state.secrets(self._services)
        parts = self._parts()
        self._ports = self._choose_ports(parts)
        broker = await self._provide_broker()
        postgres = await self._provide_postgres(kept, broker)
        address = broker.address if broker else str(self._settings.kafka)
        databases: dict[str, str] = {}
        await together(
            self._start_broker(broker, address), self._start_databases(postgres, kept, databases)
        )
        self._endpoints = Endpoints(
            kafka=address,
            broker=broker.kind if broker else "kafka",
            services={
                service: f"http://{LOOPBACK}:{self._ports[service]}"
                for service in self._services
                if service in self._ports
            },
            databases=databases,
            processes={},
            source_key=kept.source_key,
            token=local_token(self._token_key(kept)),
        )
        self._environment = self._environment_of(kept)
        await self._supervisor.start(*map(self._child, parts))
        self._up = True
        self._publish()

    def _parts(self) -> list[Part]:
        if not self._run_services:
            return []
        return [
            part
            for service in self._services
            for part in parts_of(service, split_roles=self._split_roles, clock=self._clock)
        ]

    def _choose_ports(self, parts: list[Part]) -> dict[str, int]:
        """A port for everything: that of the last run, else the usual one, else any."""
        names = ["postgres", "kafka", "kafka-controller", *(part.name for part in parts)]
        known = self.state.ports()
        usual = USUAL_PORTS if self._usual_ports else {}
        wanted = [known.get(name, usual.get(name)) for name in names]
        ports = dict(zip(names, self._reservations.choose(wanted), strict=True))
        self.state.remember_ports(ports)
        return ports

    async def _provide_broker(self) -> Broker | None:
        if self._settings.kafka is not None:
            return None
        ports = (self._ports["kafka"], self._ports["kafka-controller"])
        broker = await provide_broker(self.state.kafka, ports, jvm=self._jvm)
        if broker.notice is not None:
            self._say(STACK, broker.notice)
        return broker

    async def _provide_postgres(self, kept: Secrets, broker: Broker | None) -> Postgres | None:
        given = [self._settings.database(service) for service in self._services]
        if given and all(given):
            return None
        if broker is not None:
            if not self.state.belongs_to_log(broker.identity) and self.state.postgres.exists():
                self._say(
                    STACK, "the databases were filled from a log that is gone; making new ones"
                )
                shutil.rmtree(self.state.postgres)
            self.state.remember_log(broker.identity)
        postgres = Postgres(self.state.postgres, self._ports["postgres"], kept.postgres_password)
        await postgres.prepare()
        return postgres

    async def _start_broker(self, broker: Broker | None, address: str) -> None:
        """The broker, then its topics."""
        if broker is not None:
            await self._supervisor.start(broker.child)
        await make_topics(address, read_topics(self._settings.partitions))

    async def _start_databases(
        self, postgres: Postgres | None, kept: Secrets, databases: dict[str, str]
    ) -> None:
        """PostgreSQL, then the services' databases, which are noted, then their tables."""
        if postgres is not None:
            await self._supervisor.start(postgres.child())
        for service in self._services:
            url = self._settings.database(service)
            if url is None and postgres is not None:
                password = kept.database_passwords[service]
                url = await postgres.provide_database(f"regulars_{service}", password)
            databases[service] = str(url)
        await migrate(databases)

    def _token_key(self, kept: Secrets) -> str:
        return self._settings.token_key or kept.token_key

    def _environment_of(self, kept: Secrets) -> dict[str, dict[str, str]]:
        """What each service reads its settings from; of databases and keys only its own."""
        settings = self._settings
        shared = {
            "REGULARS_KAFKA": self.endpoints.kafka,
            "REGULARS_KAFKA_IDEMPOTENT": str(self.endpoints.broker == "kafka").lower(),
            "REGULARS_CLOCK": self._clock,
            "REGULARS_PARTITIONS": str(settings.partitions),
            "REGULARS_TOKEN_KEY": self._token_key(kept),
            "REGULARS_LOG": settings.log,
        }
        environment = {
            service: {**shared, f"REGULARS_DATABASE_{service.upper()}": url, **self._extra}
            for service, url in self.endpoints.databases.items()
        }
        if "ingest" in environment:
            environment["ingest"] |= {
                "REGULARS_PII_KEY": settings.pii_key or kept.pii_key,
                "REGULARS_DEVELOPMENT_SOURCE_KEY": kept.source_key,
            }
        return environment

    def _child(self, part: Part) -> Child:
        return service_child(part, self._ports[part.name], self._environment[part.service])


def local_token(key: str, *, role: str = "admin", expires_in_seconds: int = _TOKEN_SECONDS) -> str:
    """A token of the local issuer."""
    return issue(
        key,
        subject="development",
        role=role,
        expires_in_seconds=expires_in_seconds,
        now=WallClock().now(),
    )


async def together(*work: Coroutine[Any, Any, Any]) -> None:
    """Do several things side by side; the first that fails says why."""
    try:
        async with asyncio.TaskGroup() as group:
            for piece in work:
                group.create_task(piece)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
