"""A version withdrawn: its time is judged by the one before, and each difference says so."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.verify.run import CannotVerifyError
from services.points.handlers.foresight import PointsForesight
from shared.clock import HOUR, MINUTE, SECOND, ManualClock
from shared.db import Database
from shared.events import Event
from shared.kafka.producer import Outcome, Producer
from shared.runtime.batch import Batch
from shared.runtime.foresight import Foresight
from shared.runtime.http.program import program_router
from shared.runtime.program import ProgramHistory, Proposal, put
from tests.conftest import KafkaServer, NewTopics
from tests.integration.services.log import messages
from tests.integration.services.points.conftest import NewLedger
from tests.integration.services.points.lane_process import PARTITIONS, rating
from tests.integration.services.points.ledger import Ledger, about
from tests.integration.services.verifying import verified
from tests.integration.shared.runtime.http.serving import NOW, serve, token
from tests.property.services.points.points_history import NOON, bought, did, document

pytestmark = pytest.mark.integration

GENEROUS, AGAIN = NOON + HOUR, NOON + HOUR + MINUTE
"""A rule a hundred times too generous is in force for a minute."""
CAUSE = "program:2:withdrawn"
MEMBERS = [UUID(int=number, version=4) for number in range(1, 301)]


def purchases(member: UUID) -> list[Event]:
    """One before that minute, two in it, one after it; not for everybody."""
    number = member.int & 0xFFFF
    told = [
        bought("before", f"b{number}", 1_000, NOON),
        bought("in", f"i{number}", 2_000 + number, GENEROUS + number),
        bought("in2", f"j{number}", 700, GENEROUS + 30 * SECOND),
        bought("after", f"a{number}", 3_000, AGAIN + number),
    ]
    return about(member, [told[0], told[3]] if number % 3 == 0 else told)


async def let_be(database: Database, ledger: Ledger) -> None:
    """Three versions: as it was, generous for a minute, as it was."""
    async with database.transaction() as tx:
        await ledger.history.refresh(tx)
    for points, begins in ((100, GENEROUS), (1, AGAIN)):
        proposal = Proposal(rating(points), author="hq", effective_from=begins)
        async with database.transaction() as tx:
            await put(tx, ledger.part, proposal, now=NOON)


@asynccontextmanager
async def api(ledger: Ledger, partitions: int = 1) -> AsyncIterator[httpx.AsyncClient]:
    foresight = Foresight(
        history=ProgramHistory(ledger.part, ledger.clock),
        part=PointsForesight(),
        clock=ledger.clock,
        consumer="points",
        partitions=partitions,
        stream=False,
        by_time=False,
    )
    router = program_router(ledger.part, ledger.database, ledger.clock, foresight)
    async with serve(ledger.database, ManualClock(NOW), routers=[router]) as client:
        yield client


async def withdraw(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/v1/program/2:withdraw", json={"note": "a typing mistake"})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def judge_on(ledger: Ledger, members: int) -> int:
    """One batch that does nothing but judge anew; how many that were."""
    batch = Batch(partition=0, partitions=1, now=ledger.clock.now(), until=0, anew_max=members)
    async with ledger.database.transaction() as tx:
        await ledger.handler.handle(tx, [], batch)
    for each in batch.committed:
        each()
    return batch.rebuilds


@pytest.fixture
async def generous(new_ledger: NewLedger) -> Ledger:
    """A ledger under which eight members bought, as told above."""
    ledger = await new_ledger(rating(1))
    await let_be(ledger.database, ledger)
    for member in MEMBERS[:8]:
        await ledger.take(*purchases(member))
    return ledger


@pytest.fixture
async def never(new_ledger: NewLedger) -> Ledger:
    """A ledger under which the same happened, and the generous version was never in force."""
    ledger = await new_ledger(rating(1))
    for member in MEMBERS[:8]:
        await ledger.take(*purchases(member))
    return ledger


async def test_a_rule_too_generous_for_a_minute_is_as_if_it_had_never_been(
    generous: Ledger, never: Ledger
) -> None:
    member = MEMBERS[0]
    assert await generous.net(member) != await never.net(member)
    before = await generous.fetch("SELECT id FROM transfers")
    async with api(generous) as client:
        told = await withdraw(client)
        assert told["state"] == "withdrawn"
        assert (told["withdrawn_by"], told["withdrawn_note"]) == ("li", "a typing mistake")
        assert told["judging"] == {"members": 6, "judged": 0, "partitions_left": 1}
        assert not told["already"]
        with pytest.raises(CannotVerifyError, match="version 2 is withdrawn"):
            await verified("points", generous.database.url)
        # a few at a time: 6 of 8 have anything in that minute
        assert [await judge_on(generous, 4) for _ in range(3)] == [4, 2, 0]
        told = (await client.get("/v1/program/2")).json()
        assert told["judging"] == {"members": 6, "judged": 6, "partitions_left": 0}
        assert (await withdraw(client))["already"]
        assert await judge_on(generous, 4) == 0
    for each in MEMBERS[:8]:
        assert await generous.net(each) == await never.net(each)
        assert await generous.lots(each) == await never.lots(each)
    await generous.check()
    assert not (await verified("points", generous.database.url)).listed
    corrections = await generous.fetch(
        "SELECT event_id, points, correction, program_version FROM transfers"
        " WHERE member_id = $1 AND code = 'correction' ORDER BY event_id",
        member,
    )
    assert corrections == [("in", 20 * 99, CAUSE, 1), ("in2", 7 * 99, CAUSE, 1)]
    after = await generous.fetch("SELECT id FROM transfers")
    assert set(before) < set(after), "nothing that was posted is gone"


async def test_whoever_buys_first_is_judged_anew_first_and_the_purchase_is_no_correction(
    generous: Ledger, never: Ledger
) -> None:
    member = MEMBERS[1]
    async with api(generous) as client:
        await withdraw(client)
    late = about(member, [bought("late", "late", 500, GENEROUS + SECOND)])
    moved = await generous.take(*late)
    await never.take(*late)
    told = [(event.data.cause, event.data.points, event.data.correction) for event in moved]
    assert sorted(told, key=str) == [
        ("in", -20 * 99, CAUSE),
        ("in2", -7 * 99, CAUSE),
        ("late", 5, None),
    ]
    assert await generous.net(member) == await never.net(member)
    # the lane comes by later and finds nothing to correct
    count = await generous.fetch("SELECT count(*) FROM transfers WHERE member_id = $1", member)
    assert await judge_on(generous, 100) == 6
    assert count == await generous.fetch(
        "SELECT count(*) FROM transfers WHERE member_id = $1", member
    )
    await generous.check()


async def test_what_the_withdrawn_version_did_not_look_at_was_kept(new_ledger: NewLedger) -> None:
    """Version 2 knows no check-in; the one before it, which judges its time now, does."""
    with_visits = document(
        {"id": "visit", "source": "interaction", "kinds": ["check_in"], "points": 5}
    )
    ledger = await new_ledger(with_visits)
    async with ledger.database.transaction() as tx:
        await ledger.history.refresh(tx)
        await put(
            tx,
            ledger.part,
            Proposal(rating(1), author="hq", effective_from=GENEROUS),
            now=NOON,
        )
    member = MEMBERS[0]
    assert await ledger.take(*about(member, [did("c", "check_in", GENEROUS + 1)])) == []
    async with api(ledger) as client:
        await withdraw(client)
    assert await judge_on(ledger, 10) == 1
    assert [row[-1] for row in await ledger.net(member)] == [5]


async def test_the_preview_says_what_changes_and_writes_nothing(generous: Ledger) -> None:
    books = await generous.fetch("SELECT id FROM transfers ORDER BY id")
    taken = 99 * (6 * 7 + sum((2_000 + n) // 100 for n in range(1, 9) if n % 3))
    async with api(generous) as client:
        whole = (await client.post("/v1/program/2:preview-withdraw")).json()
        assert whole == {
            "version": 2,
            "members": 6,
            "sample": 6,
            "changed": 6,
            "changes": [{"kind": "points", "name": "purchase", "taken": taken, "given": 0}],
        }
        some = (await client.post("/v1/program/2:preview-withdraw?sample=2")).json()
        assert (some["members"], some["sample"], some["changed"]) == (6, 2, 2)
        last = (await client.post("/v1/program/3:preview-withdraw")).json()
        assert last["changed"] == 8, "the generous one would go on"
        for path, status in (("1", 422), ("9", 404)):
            answer = await client.post(f"/v1/program/{path}:preview-withdraw")
            assert answer.status_code == status
        reader = token("analyst")
        asked = await client.post("/v1/program/2:preview-withdraw", headers=reader)
        assert asked.status_code == 200
        refused = await client.post("/v1/program/2:withdraw", json={}, headers=reader)
        assert refused.status_code == 403
        assert (await client.get("/v1/program/2")).json()["withdrawn_at"] is None
        await withdraw(client)
        again = await client.post("/v1/program/2:preview-withdraw")
        assert again.status_code == 409
    assert await generous.fetch("SELECT id FROM transfers ORDER BY id") == books


async def _publish(kafka: str, topic: str, events: Sequence[Event]) -> None:
    async with Producer(kafka, client_id="test") as producer:
        outcomes = await producer.send_many(messages(topic, PARTITIONS, events), 20)
    assert set(outcomes) == {Outcome.CONFIRMED}


async def _until(ledger: Ledger, sql: str, expected: object, /) -> None:
    async with asyncio.timeout(40):
        while True:  # the database is the only one who knows
            if (await ledger.fetch(sql))[0][0] == expected:
                break
            await asyncio.sleep(0.02)


async def _assert_alike(ledger: Ledger, never: Ledger, events: Sequence[Event]) -> None:
    """The books are as those of a ledger that hears of the same events by the first version."""
    for member in MEMBERS:
        await never.take(*(event for event in events if event.subject == str(member)))
        assert await ledger.net(member) == await never.net(member)
        assert await ledger.lots(member) == await never.lots(member)
    await ledger.check()


async def test_a_lane_killed_while_it_judges_anew_goes_on_where_it_was(
    new_ledger: NewLedger, kafka_server: KafkaServer, new_topics: NewTopics, topic_prefix: str
) -> None:
    facts, moves = await new_topics("events", "points", partitions=PARTITIONS)
    ledger = await new_ledger(rating(1), topic=moves, facts=facts)
    never = await new_ledger(rating(1))
    await let_be(ledger.database, ledger)
    arguments = [ledger.database.url, kafka_server.address, facts, moves, f"{topic_prefix}g"]
    story = [event for member in MEMBERS for event in purchases(member)]

    @asynccontextmanager
    async def lanes() -> AsyncIterator[asyncio.subprocess.Process]:
        module = "tests.integration.services.points.lane_process"
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    await _publish(kafka_server.address, facts, story)
    read = "SELECT coalesce(sum(position), 0)::int FROM positions"
    async with lanes() as process:
        await _until(ledger, read, len(story))
        # somebody holds members in the middle, so that no lane gets to the end
        async with ledger.database.transaction() as holding:
            await holding.fetch(
                "SELECT FROM timelines t WHERE member_id >= (SELECT member_id FROM timelines u"
                " WHERE u.partition = t.partition ORDER BY member_id OFFSET 30 LIMIT 1) FOR UPDATE"
            )
            async with api(ledger, PARTITIONS) as client:
                assert (await withdraw(client))["judging"]["members"] == len(MEMBERS) * 2 // 3
            begun = "SELECT count(*) FROM judged_anew WHERE members > 0"
            await _until(ledger, begun, PARTITIONS)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    assert await ledger.fetch("SELECT count(done_at) FROM judged_anew") == [(0,)]

    late = [
        event
        for member in MEMBERS[:20]
        for event in about(member, [bought("late", f"l{member.int}", 900, GENEROUS + 7)])
    ]
    async with lanes():
        await _until(ledger, "SELECT count(done_at) FROM judged_anew", PARTITIONS)
        await _publish(kafka_server.address, facts, late)
        await _until(ledger, read, len(story) + len(late))

    await _assert_alike(ledger, never, [*story, *late])
    [(judged,)] = await ledger.fetch("SELECT sum(members)::int FROM judged_anew")
    assert judged == len(MEMBERS) * 2 // 3, "each once"
    causes = await ledger.fetch(
        "SELECT DISTINCT correction, count(*) OVER (PARTITION BY correction)::int FROM transfers"
        " WHERE code = 'correction'"
    )
    assert causes == [(CAUSE, 2 * len(MEMBERS) * 2 // 3)], "each difference once, and each says why"
