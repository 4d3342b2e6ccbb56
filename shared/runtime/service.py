"""A service's process: settings → connections → the roles asked for, until told to stop.

`python -m services.<name> [all|serve|consume|schedule|relay|…|migrate|check-migrations]`. One role
a process in production; all of them in one process by default. Every process answers /healthz,
/readyz and /metrics on its port.
"""

import argparse
import asyncio
import gc
import logging
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import uvloop
from fastapi import APIRouter

from shared.backoff import Backoff, rest
from shared.clock import Clock, WallClock
from shared.db import Database, is_transient
from shared.db.database import KEYED_LOOKUPS
from shared.kafka.producer import Producer
from shared.observability import logs
from shared.observability.metrics import Metrics
from shared.outbox import Relay
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.environment import EXIT_CODE, SettingsRefused, read_settings, read_some
from shared.runtime.group import LaneGroup
from shared.runtime.http.app import build_app
from shared.runtime.http.health import HealthBoard
from shared.runtime.program import ProgramError
from shared.runtime.program_file import ProgramFileError
from shared.runtime.progress import progress_of
from shared.runtime.publishing import OutboxGauges, OutboxPublisher
from shared.runtime.server import ASGIApp, listen, serve
from shared.runtime.settings import ServiceSettings
from shared.runtime.watch import Watch

log = logging.getLogger(__name__)

_Settings = TypeVar("_Settings", bound=ServiceSettings)
Task = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A loop of a service's own: runs until the event is set."""

# A batch folds many histories at once: its statements may take their time.
_LANES_OPEN_SECONDS_MAX = 5.0
_LANES_STATEMENT_SECONDS_MAX = 60.0

_WELL_SECONDS = 60.0
"""A loop that ran for so long was well: its next failure is the first one again."""
_ROLES = ("all", "serve", "consume", "schedule", "relay")


@dataclass(frozen=True)
class Role:
    """What a process does under one name, beside answering HTTP."""

    consumers: Sequence[ConsumerSpec] = ()
    tasks: Sequence[Task] = ()


@dataclass(frozen=True)
class Resources(Generic[_Settings]):
    """What a composition root is given to build its parts from.

    `database` is for requests; the lanes have a pool of their own.
    """

    settings: _Settings
    database: Database
    clock: Clock
    metrics: Metrics
    health: HealthBoard
    producer: Producer


@dataclass(frozen=True)
class Parts:
    """A service, put together.

    Attributes:
        routers: its own endpoints, and those of dead letters and program.
        roles: its roles by name, as `consume`.
        prepare: done once before anything starts, tried again until the servers are there.
        wrap: puts an ASGI application around the finished one (a route that bypasses the
            framework).
    """

    routers: Sequence[APIRouter] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    prepare: Callable[[], Awaitable[None]] | None = None
    wrap: Callable[[ASGIApp], ASGIApp] | None = None


@dataclass(frozen=True)
class Service(Generic[_Settings]):
    """What makes a service different from the others.

    Attributes:
        name: as `points`.
        title: what people read above its documentation.
        settings: the class of its settings.
        migrations: the folder of its Alembic tree.
        more_roles: names of roles that other services do not have, as `deliver`.
        assemble: builds its parts; called inside the running event loop.
    """

    name: str
    title: str
    settings: type[_Settings]
    migrations: Path
    assemble: Callable[[Resources[_Settings]], Parts]
    more_roles: Sequence[str] = ()


def main(service: Service[Any], arguments: Sequence[str] | None = None) -> None:
    """Run a service from the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name}")
    chores = ("migrate", "check-migrations")
    parser.add_argument(
        "role",
        nargs="?",
        default="all",
        choices=(*_ROLES, *service.more_roles, *chores),
        help="what this process does (default: everything)",
    )
    role = parser.parse_args(arguments).role
    wrong: list[Exception] = []
    try:
        if role in chores:
            _do_chore(service, role)
        else:
            settings = read_settings(service.settings)
            logs.configure(service.name, style=settings.log, level=settings.log_level)
            uvloop.run(run(service, settings, role))
    except* (SettingsRefused, ProgramFileError, ProgramError) as group:
        wrong.extend(_leaves(group))
    if wrong:
        sys.stderr.writelines(f"{service.name} cannot start: {each}\n" for each in wrong)
        sys.exit(EXIT_CODE)


def _leaves(group: ExceptionGroup[Any]) -> list[Exception]:
    """The exceptions themselves, out of the task groups that they came through."""
    found: list[Exception] = []
    for each in group.exceptions:
        found += _leaves(each) if isinstance(each, ExceptionGroup) else [each]
    return found


def _do_chore(service: Service[Any], role: str) -> None:
    """Bring the database to its newest revision, or see whether it is there."""
    from shared.db import migrations  # Alembic costs a tenth of a process's start

    settings = read_some(service.settings, "database", "log", "log_level")
    logs.configure(service.name, style=settings.log, level=settings.log_level)
    chore = migrations.upgrade if role == "migrate" else migrations.check
    chore(service.migrations, settings.database.get_secret_value())


async def run(service: Service[Any], settings: ServiceSettings, role: str) -> None:
    """Be a process of a service until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = WallClock()
    metrics = Metrics(service.name)
    health = HealthBoard(clock)
    url = settings.database.get_secret_value()
    database = Database(url, application_name=f"regulars-{service.name}")
    lanes_database = Database(
        url,
        application_name=f"regulars-{service.name}-lanes",
        connections_max=settings.partitions * 3 + 2,
        open_seconds_max=_LANES_OPEN_SECONDS_MAX,
        statement_seconds_max=_LANES_STATEMENT_SECONDS_MAX,
        server_settings=KEYED_LOOKUPS,
    )
    async with Producer(
        settings.kafka,
        client_id=f"regulars-{service.name}",
        idempotent=settings.kafka_idempotent,
    ) as producer:
        resources = Resources(settings, database, clock, metrics, health, producer)
        parts = service.assemble(resources)
        place = Workplace(
            database=lanes_database,
            clock=clock,
            metrics=metrics,
            health=health,
            partitions=settings.partitions,
            batch_events=settings.batch_events,
            chance=random.Random(),  # noqa: S311 - spreads waits, guards nothing
            poster=OutboxPublisher(producer),
        )
        await _prepare(parts, health, stop)
        await _work(service, role, resources, parts, place, stop)
    await database.close()
    await lanes_database.close()
    log.info("%s (%s) has stopped", service.name, role)


async def _work(
    service: Service[Any],
    role: str,
    resources: Resources[Any],
    parts: Parts,
    place: Workplace,
    stop: asyncio.Event,
) -> None:
    """Run the roles; the relay goes last, when nothing can write into the outbox any more."""
    settings = resources.settings
    names = tuple(parts.roles) if role == "all" else (role,)
    relay_stop = asyncio.Event()
    async with asyncio.TaskGroup() as outer:
        if role in ("all", "relay"):
            relay = Relay(
                place.database,
                OutboxPublisher(resources.producer),
                OutboxGauges(place.metrics, place.health),
            )
            outer.create_task(relay.run(relay_stop), name="relay")
        async with asyncio.TaskGroup() as inner:
            watch = _watch(resources, parts, place)
            inner.create_task(watch.run(stop), name="watch")
            for name in names:
                for spec in parts.roles.get(name, Role()).consumers:
                    group = LaneGroup(spec, settings.kafka, place, instance=settings.instance)
                    inner.create_task(group.run(stop), name=f"consumer {spec.name}")
                for task in parts.roles.get(name, Role()).tasks:
                    loop = _kept_going(name, task, resources.metrics, stop)
                    inner.create_task(loop, name=f"{name} task")
            inner.create_task(
                serve(
                    _application(service, role, resources, parts),
                    listen(settings.host, settings.port),
                    stop,
                )
            )
            _freeze()
            log.info("%s (%s) answers on port %d", service.name, role, settings.port)
        relay_stop.set()


def _watch(resources: Resources[Any], parts: Parts, place: Workplace) -> Watch:
    """Every process watches for the whole service: whatever ends, the figures go on."""
    settings = resources.settings
    topics = {
        topic for role in parts.roles.values() for spec in role.consumers for topic in spec.topics
    }
    return Watch(
        url=resources.database.url,
        bootstrap=settings.kafka,
        inputs=[(topic, number) for topic in sorted(topics) for number in range(place.partitions)],
        stream=settings.stream,
        clock=place.clock,
        metrics=place.metrics,
        health=place.health,
        pools=(resources.database, place.database),
    )


async def _kept_going(name: str, task: Task, metrics: Metrics, stop: asyncio.Event) -> None:
    """Run a loop beside the main work; when it fails it is begun again, and nothing else ends."""
    backoff, failures = Backoff(first_seconds=1.0, ceiling_seconds=60.0), 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            await task(stop)
        except Exception:
            log.exception("a loop of %s failed and is begun again", name)
        else:
            if not stop.is_set():
                log.error("a loop of %s ended by itself and is begun again", name)
        if stop.is_set():
            return
        failures = 1 if time.monotonic() - began > _WELL_SECONDS else failures + 1
        metrics.loop_failures.labels(name).inc()
        await rest(stop, backoff.ceiling(failures))


async def _prepare(parts: Parts, health: HealthBoard, stop: asyncio.Event) -> None:
    """Do what must be done first, as soon as the servers are there."""
    if parts.prepare is None:
        return
    check = health.dependency("database")
    backoff, failures = Backoff(), 0
    while not stop.is_set():
        try:
            await parts.prepare()
        except Exception as error:
            if not is_transient(error):
                raise
            failures += 1
            check.down(type(error).__name__)
            log.warning("waiting for the database: %r", error)
            await rest(stop, backoff.ceiling(failures))
        else:
            check.up()
            return


def _application(
    service: Service[Any], role: str, resources: Resources[Any], parts: Parts
) -> ASGIApp:
    """The whole API where it is served; health and metrics in the other processes."""
    serving = role in ("all", "serve")
    app: ASGIApp = build_app(
        service=service.name,
        title=service.title,
        routers=parts.routers if serving else (),
        metrics=resources.metrics,
        health=resources.health,
        verifier=resources.settings.verifier(),
        database=resources.database,
        clock=resources.clock,
        progress=lambda: progress_of(resources.database, service.name),
    )
    return parts.wrap(app) if serving and parts.wrap is not None else app


def _freeze() -> None:
    """Take what start-up made out of the garbage collector's sight, and let it look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
