"""A position is one in a topic, not in its name: a topic made anew is read from its beginning."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.clock import HOUR, ManualClock, parse_instant
from shared.runtime.consumers import Workplace
from shared.runtime.http.health import HealthBoard
from tests.integration.runtime.chain import PARTITIONS, Chain, purchase
from tests.integration.runtime.test_lanes import NewChain

pytestmark = [pytest.mark.integration, pytest.mark.durable]

START = parse_instant("2024-02-28T09:00:00Z")
ANN = UUID(int=1)


@asynccontextmanager
async def away(chain: Chain) -> AsyncIterator[None]:
    """The topic of facts is deleted; made again, under the same name, when the block ends."""
    admin = AIOKafkaAdminClient(bootstrap_servers=chain.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([chain.events])
        yield
        async with asyncio.timeout(20):
            while await _make(admin, chain.events) is TopicAlreadyExistsError:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # the old one is not gone yet
    finally:
        await admin.close()


async def _make(admin: AIOKafkaAdminClient, topic: str) -> object:
    answer = await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    [(_, code, *_)] = answer.topic_errors
    return for_code(code)


async def publish(chain: Chain, *numbers: int) -> None:
    await chain.publish(
        [(chain.events, str(ANN), purchase(ANN, n, START + n * HOUR)) for n in numbers]
    )


async def until_bought(chain: Chain, count: int) -> None:
    await chain.until("SELECT count(*)::int FROM noted WHERE what = 'bought'", count)


def recreations(place: Workplace, chain: Chain) -> float:
    samples = [
        sample
        for family in place.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "regulars_topic_recreations_total"
    ]
    return sum(sample.value for sample in samples if sample.labels["topic"] == chain.events)


def remarks(health: HealthBoard) -> str:
    return repr(health.report())


@pytest.mark.parametrize("new", [1, 2, 5], ids=["shorter", "as long", "longer"])
async def test_a_topic_made_anew_meanwhile_is_read_from_its_beginning(
    new_chain: NewChain, new: int
) -> None:
    chain = await new_chain(clock=ManualClock(START + 40 * HOUR))
    await publish(chain, 1, 2)
    async with chain.running() as place:
        await until_bought(chain, 2)
        assert recreations(place, chain) == 0
    async with away(chain):
        pass
    await publish(chain, *range(10, 10 + new))
    async with chain.running() as place:
        await until_bought(chain, 2 + new)
        assert recreations(place, chain) == 1
        assert "made anew" in remarks(place.health)


async def test_a_topic_made_anew_under_a_running_lane_is_read_from_its_beginning(
    new_chain: NewChain,
) -> None:
    chain = await new_chain(clock=ManualClock(START + 40 * HOUR))
    async with chain.running() as place:
        await publish(chain, 1, 2)
        await until_bought(chain, 2)
        async with away(chain):
            pass
        await publish(chain, *range(10, 15))
        await until_bought(chain, 7)
        assert recreations(place, chain) >= 1


async def test_what_was_seen_in_the_old_topic_is_a_duplicate_in_the_new_one(
    new_chain: NewChain,
) -> None:
    chain = await new_chain(clock=ManualClock(START + 40 * HOUR))
    await publish(chain, 1, 2)
    async with chain.running():
        await until_bought(chain, 2)
    async with away(chain):
        pass
    await publish(chain, 1, 2, 3)
    async with chain.running():
        await until_bought(chain, 3)
