"""A chain of its own for each test."""

from collections.abc import Awaitable, Callable

import pytest

from tests.conftest import KafkaServer, NewDatabase, NewTopics
from tests.integration.runtime.chain import PARTITIONS, Chain


@pytest.fixture
async def new_chain(
    kafka_server: KafkaServer,
    new_database: NewDatabase,
    new_topics: NewTopics,
    topic_prefix: str,
) -> Callable[..., Awaitable[Chain]]:
    """Makes chains over the same topics, each with a database and a group of its own."""
    events, decisions, output = await new_topics(
        "events", "decisions", "output", partitions=PARTITIONS
    )
    made = 0

    async def make(kind: type[Chain] = Chain, **options: object) -> Chain:
        nonlocal made
        made += 1
        chain = kind(
            bootstrap=kafka_server.address,
            database_url=await new_database(),
            events=events,
            decisions=decisions,
            output=output,
            group=f"{topic_prefix}group{made}",
            **options,  # type: ignore[arg-type]  # the test names Chain's own fields
        )
        await chain.create_tables()
        return chain

    return make
