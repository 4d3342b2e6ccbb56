"""Requests made from the OpenAPI documents of all services, right ones and wrong ones.

Whatever they hold, the answer is one that the document tells of, and never a fault of ours. `make
test` asks a few of each operation, `make test-long` many more; both with a seed, so that what they
find is found again.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from shared.runtime.server import serve
from shared.runtime.service import Role
from tests.applications import SERVICES, SOURCE_KEY, application, token
from tests.conftest import KafkaServer, NewDatabase, NewTopics
from tests.integration.services.ingest.edge import PARTITIONS, PrefixedProducer

pytestmark = pytest.mark.integration

_EVENTS = "/v1/events"
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
_SEED = 20261126


@asynccontextmanager
async def _serving(name: str, database_url: str, kafka: str, prefix: str) -> AsyncIterator[str]:
    """The service's API on a port of its own; its URL."""
    opened = socket.create_server(("127.0.0.1", 0))
    stop = asyncio.Event()
    async with (
        PrefixedProducer(kafka, prefix) as producer,
        application(name, database_url, kafka, producer=producer) as made,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(serve(made.app, opened, stop))
        for loop in made.parts.roles.get("serve", Role()).tasks:
            tasks.create_task(loop(stop))
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        stop.set()


@pytest.fixture(params=sorted(SERVICES))
async def served(
    request: pytest.FixtureRequest,
    kafka_server: KafkaServer,
    new_database: NewDatabase,
    new_topics: NewTopics,
    topic_prefix: str,
) -> tuple[str, str, str, str]:
    """What one service is to be served with: name, database, broker, prefix of its topics."""
    name: str = request.param
    await new_topics("regulars.events", partitions=PARTITIONS)
    url = await new_database(SERVICES[name].migrations)
    return name, url, kafka_server.address, topic_prefix


@pytest.fixture
def base_url(served: tuple[str, str, str, str]) -> Iterator[str]:
    """Where the service is served, in a thread of its own: schemathesis waits for its answers."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_serving(*served)) as url,
    ):
        yield url


def _ask(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, examples: int, base_url: str
) -> None:
    """Send requests of one operation, and see that every answer is one that it tells of."""
    headers = {"authorization": f"Bearer {token()}"}
    if operation.path == _EVENTS:
        headers = {"authorization": f"Bearer {SOURCE_KEY}"}

    @seed(_SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        response = case.call(base_url=base_url, headers=headers)
        case.validate_response(response, checks=_CHECKS)

    ask()


def _ask_all(base_url: str, examples: int) -> None:
    schema = schemathesis.openapi.from_url(f"{base_url}/openapi.json")
    faults: list[str] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode in GenerationMode:
            try:
                _ask(operation, mode, examples, base_url)
            except BaseExceptionGroup as group:
                faults += [f"{operation.label}: {error}" for error in group.exceptions]
            except Unsatisfiable:
                if mode is GenerationMode.POSITIVE:
                    raise
                # nothing can be wrong with a request that holds nothing
            except Exception as error:  # noqa: BLE001 - told below, with all the others
                faults.append(f"{operation.label}: {error!r}")
    assert faults == [], "\n\n".join(faults)


@pytest.mark.timeout(240)
def test_every_answer_is_one_that_the_document_tells_of(base_url: str) -> None:
    _ask_all(base_url, 4)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_every_answer_is_one_that_the_document_tells_of_at_length(base_url: str) -> None:
    _ask_all(base_url, 200)
