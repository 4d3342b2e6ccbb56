"""Fixtures that every test may use.

Real servers, never mocks: one PostgreSQL and one broker for the whole test run, started on first
demand, or those that `REGULARS_TEST_POSTGRES` and `REGULARS_TEST_KAFKA` name. Tests keep out of
each other's way by names: `database_url` is a database of its own for each test, `topic_prefix` and
`new_topics` give topic names nobody else uses. In tests/unit and tests/property no socket can be
opened at all.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from anyio.from_thread import start_blocking_portal
from pytest_socket import disable_socket, enable_socket

from deploy.local.broker import provide_broker
from deploy.local.ports import choose
from deploy.local.postgres import Postgres
from deploy.local.settings import StackSettings
from deploy.local.stack import Stack
from deploy.local.supervisor import Supervisor
from shared.db import migrations
from tests.settings import TestServers

_PURE = ("unit", "property")
"""Folders whose tests decide and compute only."""


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """A broker for tests.

    Attributes:
        address: host:port.
        durable: an Apache Kafka; the in-memory one forgets, and knows no transactions.
    """

    address: str
    durable: bool


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Close the network to tests of pure code, open it to the others."""
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    if folder in _PURE:
        # asyncio wakes its loop through a Unix socket pair.
        disable_socket(allow_unix_socket=True)
    else:
        enable_socket()


@pytest.fixture(scope="session")
def test_servers() -> TestServers:
    """The servers named in the environment."""
    return TestServers()


@asynccontextmanager
async def _own_postgres(directory: Path) -> AsyncIterator[str]:
    [port] = choose([None])
    server = Postgres(
        directory / "data", port, secrets.token_urlsafe(12), durable=False, shared_buffers="128MB"
    )
    await server.prepare()
    async with Supervisor(directory / "logs") as supervisor:
        await supervisor.start(server.child())
        yield server.superuser_dsn


@asynccontextmanager
async def _own_kafka(directory: Path) -> AsyncIterator[KafkaServer]:
    port, controller_port = choose([None, None])
    broker = await provide_broker(directory, (port, controller_port))
    async with Supervisor(directory / "logs") as supervisor:
        await supervisor.start(broker.child)
        yield KafkaServer(broker.address, broker.durable)


@pytest.fixture(scope="session")
def postgres_server(
    test_servers: TestServers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """URL of a PostgreSQL for a superuser."""
    if test_servers.postgres is not None:
        yield test_servers.postgres
        return
    directory = tmp_path_factory.mktemp("postgres")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_own_postgres(directory)) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def kafka_server(
    test_servers: TestServers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaServer]:
    """A broker."""
    if test_servers.kafka is not None:
        yield KafkaServer(test_servers.kafka, durable=True)
        return
    directory = tmp_path_factory.mktemp("kafka")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_own_kafka(directory)) as server,
    ):
        yield server


@pytest.fixture(autouse=True)
def _durable_only(request: pytest.FixtureRequest) -> None:
    """Skip what is marked `durable` where the broker forgets."""
    if request.node.get_closest_marker("durable") is None:
        return
    if not request.getfixturevalue("kafka_server").durable:
        pytest.skip("the in-memory broker keeps nothing over a restart and has no transactions")


def database_of(server_url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


@pytest.fixture(scope="session")
def templates(postgres_server: str) -> Iterator[dict[Path, str]]:
    """Names of databases to make others from, by the migrations that they have seen."""
    made: dict[Path, str] = {}
    yield made
    for name in made.values():
        asyncio.run(_administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


NewDatabase = Callable[..., Awaitable[str]]


@pytest.fixture
async def new_database(
    postgres_server: str, templates: dict[Path, str]
) -> AsyncIterator[NewDatabase]:
    """Makes a database at each call and answers its URL; all are dropped after the test.

    `await new_database(SERVICE.migrations)` has the service's tables, `await new_database()` none.
    """
    made: list[str] = []

    async def make(folder: Path | None = None) -> str:
        if folder is not None and folder not in templates:
            templates[folder] = await _template(postgres_server, folder)
        template = "template1" if folder is None else templates[folder]
        name = f"test_{secrets.token_hex(6)}"
        await _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(name)
        return database_of(postgres_server, name)

    yield make
    for name in made:
        await _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


async def _template(server_url: str, folder: Path) -> str:
    """Make a database with the tables of these migrations; answers its name."""
    name = f"template_{secrets.token_hex(6)}"
    await _administer(server_url, f"CREATE DATABASE {name}")
    await asyncio.to_thread(migrations.upgrade, folder, database_of(server_url, name))
    return name


async def _administer(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def database_url(new_database: NewDatabase) -> str:
    """URL (postgresql://…) of an empty database of this test's own."""
    return await new_database()


@pytest.fixture
def topic_prefix() -> str:
    """A beginning for names of topics and groups that nobody else uses, ending in a dot."""
    return f"test-{secrets.token_hex(4)}."


NewTopics = Callable[..., Awaitable[list[str]]]


@pytest.fixture
async def new_topics(kafka_server: KafkaServer, topic_prefix: str) -> AsyncIterator[NewTopics]:
    """Makes topics and answers their full names: `await new_topics("events", partitions=4)`.

    They are deleted after the test.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.address)
    await admin.start()
    made: list[str] = []

    async def make(*names: str, partitions: int = 4) -> list[str]:
        topics = [topic_prefix + name for name in names]
        response = await admin.create_topics([NewTopic(name, partitions, 1) for name in topics])
        problems = [error for error in response.topic_errors if error[1] != 0]
        assert not problems, problems
        made.extend(topics)
        return topics

    try:
        yield make
        if made:
            await admin.delete_topics(made)
    finally:
        await admin.close()


NewStack = Callable[..., Stack]


@pytest.fixture
def new_stack(tmp_path: Path) -> NewStack:
    """Makes a stack of its own for an end-to-end test; entering it starts it.

    `async with new_stack(clock="stream", split_roles=True) as stack:`: its data lie in the test's
    directory, so a second one made in the same test goes on where the first one stopped.
    """

    def make(**options: Any) -> Stack:
        return Stack(
            tmp_path / "stack", settings=StackSettings(kafka=None, partitions=4), **options
        )

    return make


@pytest.fixture
async def stack(new_stack: NewStack) -> AsyncIterator[Stack]:
    """All four services with the stream clock, on servers of their own."""
    async with new_stack(clock="stream") as running:
        yield running
