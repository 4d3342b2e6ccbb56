"""What passes by itself is waited out; nothing is lost and nothing is done twice."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.clock import DAY, Instant, ManualClock, to_datetime
from shared.events import decode, encode, types
from shared.events.decisions import ClockAdvanced
from shared.kafka.consumer import GroupConsumer
from tests.integration.runtime.chain import LAPSE, Chain, purchase
from tests.integration.runtime.test_lanes import MEMBERS, START, _story, _tell

pytestmark = pytest.mark.integration

NewChain = Callable[..., Awaitable[Chain]]


async def test_connections_cut_again_and_again_lose_and_double_nothing(new_chain: NewChain) -> None:
    far = ManualClock(START + 400 * DAY)
    story = _story(200)
    chain = await new_chain(clock=far, batch_events=3)
    await _tell(chain, story, times=2, seed=11)
    async with chain.running(relay=True):
        for handled in (50, 120, 250):
            await chain.until(
                "SELECT 1 FROM positions HAVING coalesce(sum(position), 0) >= $1", 1, handled
            )
            await chain.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await chain.handled(2 * len(story))
        await chain.until("SELECT count(*)::int FROM outbox", 0)
    quiet = await new_chain(clock=far)
    async with quiet.running():
        await quiet.handled(2 * len(story))
    assert await chain.notes() == await quiet.notes()


def _mark(partition: int, until: Instant) -> bytes:
    return encode(
        type=types.CLOCK_ADVANCED,
        source="urn:test:upstream",
        id=f"mark-{partition}-{until}",
        subject=f"clock:{partition}",
        at=until,
        data=ClockAdvanced(partition=partition, until=to_datetime(until)),
        recorded_at=until,
    )


async def test_with_the_stream_clock_nothing_overtakes_the_input_that_is_waited_for(
    new_chain: NewChain,
) -> None:
    chain = await new_chain(stream=True)
    who = MEMBERS[0]
    await chain.publish(
        [
            (chain.events, str(who), purchase(who, 1, START)),
            (chain.events, str(who), purchase(who, 2, START + 2 * DAY)),
            (chain.events, str(who), purchase(who, 4, START + 60 * DAY)),
            (chain.decisions, str(who), purchase(who, 8, START + DAY)),
        ]
    )
    async with chain.running(relay=True):
        await chain.publish([(chain.decisions, str(who), _mark(0, START + DAY))])
        await chain.handled(3)  # the first purchase, the decision and the mark; the others wait
        assert [total for *_, total in await chain.notes()] == [1, 9]
        await chain.publish([(chain.decisions, str(who), _mark(0, START + 5 * DAY))])
        await chain.handled(5)
        assert [total for *_, total in await chain.notes()] == [1, 9, 11]
        await chain.publish(
            [
                (chain.decisions, str(who), _mark(0, START + 90 * DAY)),
                (chain.events, str(who), _mark(0, START + 90 * DAY)),
            ]
        )
        await chain.until("SELECT count(*)::int FROM noted WHERE what = 'bought'", 4)
        # lapsed ten days after the second purchase, as of then, before the third was told
        lapsed = await chain.fetch("SELECT at, total FROM noted WHERE what = 'lapsed' ORDER BY 1")
        assert lapsed == [(START + 2 * DAY + LAPSE, 11), (START + 60 * DAY + LAPSE, 15)]
        await chain.until("SELECT count(*)::int FROM outbox", 0)
    marks = await _marks(chain)
    assert marks == sorted(marks)
    assert marks[-1] == START + 90 * DAY


async def _marks(chain: Chain) -> list[Instant]:
    """What the service said about its own clock, in order."""
    found: list[Instant] = []
    consumer = GroupConsumer(chain.bootstrap, f"{chain.group}-reader", [chain.output])
    ready: list[int] = []

    async def assigned(partitions: set[int]) -> None:
        ready.extend(partitions)

    async def revoked(partitions: set[int]) -> None:
        return

    await consumer.start(assigned, revoked)
    try:
        for partition in (0, 1):
            records = await consumer.poll(
                partition, [chain.output], timeout_seconds=2, records_max=1000
            )
            found.extend(
                decode(each.value, each.headers).at
                for each in records
                if each.value is not None and each.value.startswith(b"{")
            )
    finally:
        await consumer.stop()
    return found


def _tasks_in(routine: str) -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if routine in str(task.get_coro())]


@pytest.mark.parametrize(
    "routine", ["_md_synchronizer", "_coordination_routine", "_fetch_requests_routine"]
)
async def test_a_client_that_has_lost_a_task_is_replaced_by_another(
    new_chain: NewChain, routine: str
) -> None:
    """It would stand still without a word; whatever ended the task, the membership goes on."""
    far = ManualClock(START + 400 * DAY)
    chain = await new_chain(clock=far)
    story = _story()
    async with chain.running():
        await _tell(chain, story[:60])
        await chain.handled(60)
        lost = _tasks_in(routine)
        assert lost
        for task in lost:
            task.cancel()
        async with asyncio.timeout(20):
            await asyncio.wait(lost)
            while not _tasks_in(routine):  # noqa: ASYNC110 - the client's own, it tells nobody
                await asyncio.sleep(0.05)
        await _tell(chain, story[60:])
        await chain.handled(len(story))
    quiet = await new_chain(clock=far)
    async with quiet.running():
        await quiet.handled(len(story))
    assert await chain.notes() == await quiet.notes()
