"""The facts of points held against a real log: what is missing, one too many or told otherwise."""

from uuid import UUID

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.clock import HOUR
from shared.events import event_key
from shared.kafka.partitioner import partition_of
from shared.kafka.whole import whole
from shared.runtime.dead_letters import insert
from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.log import BEFORE_RETENTION, LETTERS, NO_EVENTS
from tests.integration.services.points.conftest import NewCounter
from tests.integration.services.points.counter import PARTITIONS, Counter
from tests.integration.services.points.ledger import about
from tests.integration.services.points.test_adjustments import adjust
from tests.integration.services.verifying import Log, unnoticed, verified
from tests.property.services.points.points_history import NOON, SOURCE, bought, joined, refunded

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ANN = UUID("01890000-0000-7000-8000-00000000000a")
OTHERS = [UUID(int=number, version=4) for number in range(1, 2 * PARTITIONS)]


@pytest.fixture
async def counter(new_counter: NewCounter) -> Counter:
    """A ledger that has read everything: events twice, a late one, no events, commands."""
    counter = await new_counter()
    history = [
        each
        for member in (ANN, *OTHERS)
        for each in about(
            member,
            [
                joined(f"j-{member}", None, NOON, referrer=None if member == ANN else ANN),
                bought(f"p-{member}", f"o-{member}", 3_000, NOON + HOUR),
                refunded(f"r-{member}", f"o-{member}", 1_000, NOON + 3 * HOUR),
            ],
        )
    ]
    async with counter.lanes(), counter.serving() as client:
        of_nobody = msgspec.structs.replace(bought("nobody", "nobody", 500, NOON), subject="")
        await counter.publish([*history, *history, of_nobody])
        async with AIOKafkaProducer(bootstrap_servers=counter.bootstrap) as producer:
            for partition in range(PARTITIONS):
                await producer.send_and_wait(counter.facts, b"no event", partition=partition)
        late = about(ANN, [bought("late", "late", 500, NOON + HOUR - 1)])
        await counter.publish(late)
        await counter.until_available(ANN, 20 + 5 + 50 * len(OTHERS))
        assert (await adjust(client, 50, key="k")).status_code == 201
        assert (await adjust(client, -5_000)).status_code == 422
        await counter.until("SELECT 1 FROM dead_letters HAVING count(*) = $1::int", PARTITIONS)
    return counter


def log(counter: Counter) -> Log:
    return Log(counter.bootstrap, (counter.facts,))


async def on_log(counter: Counter) -> Findings:
    return await verified("points", counter.ledger.database.url, log(counter))


async def test_every_fact_is_on_the_log_and_everything_on_the_log_is_a_fact(
    counter: Counter,
) -> None:
    findings = await on_log(counter)
    assert findings.listed == []
    assert findings.accounted[NO_EVENTS] == PARTITIONS
    assert findings.checked["records"] > 2 * 3 * (1 + len(OTHERS))


async def test_a_changed_fact_is_named(counter: Counter) -> None:
    changes = {
        "DELETE WHERE about IS NOT NULL": "facts.row",
        r"event_key = '\x00'": "facts.row",
        "member_id = gen_random_uuid()": "facts.row",
        "at = at + 1": "facts.at",
        "rank = 1": "facts.rank",
        r"about = '\x00' WHERE about IS NOT NULL": "facts.about",
        r"supersedes = '\x00'": "facts.supersedes",
        "body = set_byte(body, length(body) - 1, get_byte(body, length(body) - 1) # 1)"
        " WHERE about IS NOT NULL": "facts.body",
    }
    url = counter.ledger.database.url
    assert await unnoticed("points", url, "facts", changes, log(counter)) == []


@pytest.mark.long
async def test_of_a_store_that_was_emptied_every_fact_is_missed(counter: Counter) -> None:
    kept = (await on_log(counter)).checked["facts"]
    async with counter.ledger.database.transaction() as tx:
        await tx.execute("DELETE FROM outbox")
        await tx.execute(
            "TRUNCATE facts, timelines, transfers, lots, accounts, awards, remarks, flows"
        )
    findings = await on_log(counter)
    assert set(findings.counts) == {"facts"}
    # what points says itself may not have been read by it again
    assert kept - len(OTHERS) - 1 <= findings.counts["facts"] <= kept
    assert len(findings.listed) == findings.listed_max < findings.counts["facts"]


@pytest.mark.long
async def test_what_is_no_event_has_to_be_a_letter(counter: Counter) -> None:
    async with counter.ledger.database.transaction() as tx:
        await tx.execute("DELETE FROM dead_letters WHERE partition = 1")
    [missing] = (await on_log(counter)).listed
    assert (missing.table, missing.column, missing.found) == ("dead_letters", "row", "missing")
    assert missing.key.startswith(f"{counter.facts}-1 offset ")


@pytest.mark.long
async def test_an_event_that_is_a_letter_need_not_be_a_fact(counter: Counter) -> None:
    partition = partition_of(str(ANN).encode(), PARTITIONS)
    place = TopicPartition(counter.facts, partition)
    async with AIOKafkaConsumer(bootstrap_servers=counter.bootstrap) as client:
        end = (await client.end_offsets([place]))[place]
    records = [
        record
        async for lot in whole(counter.bootstrap, counter.facts, partition, end)
        for record in lot
    ]
    late = next(record for record in records if b'"late"' in (record.value or b""))
    async with counter.ledger.database.transaction() as tx:
        key = event_key(SOURCE, "late")
        await tx.execute("CREATE TABLE kept AS SELECT * FROM facts WHERE event_key = $1", key)
        await tx.execute("DELETE FROM facts WHERE event_key = $1", key)
    assert ("facts", "row") in named(await on_log(counter))
    async with counter.ledger.database.transaction() as tx:
        about = (None, "late", str(ANN))
        await insert(tx, counter.group, late, kind="poison", error="", now=0, about=about)
    findings = await on_log(counter)
    assert ("facts", "row") not in named(findings)
    assert findings.accounted[LETTERS] == 1
    async with counter.ledger.database.transaction() as tx:
        await tx.execute("INSERT INTO facts SELECT * FROM kept")


@pytest.mark.long
async def test_facts_from_before_the_retention_are_accounted_for(counter: Counter) -> None:
    places = [TopicPartition(counter.facts, partition) for partition in range(PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=counter.bootstrap) as client:
        ends = await client.end_offsets(places)
    admin = AIOKafkaAdminClient(bootstrap_servers=counter.bootstrap)
    await admin.start()
    try:
        # of the first partition one record is left, of the others none
        kept = {place: int(place.partition == 0) for place in places}
        await admin.delete_records(
            {place: RecordsToDelete(before_offset=ends[place] - kept[place]) for place in places}
        )
    finally:
        await admin.close()
    findings = await on_log(counter)
    assert findings.listed == []
    assert findings.checked["records"] == 1
    # what points told Ann of those whom she sent may lie in its outbox yet
    old = findings.checked["facts"] - 1 - len(OTHERS)
    assert findings.accounted[BEFORE_RETENTION] >= old > 0


def named(findings: Findings) -> set[tuple[str, str]]:
    return {(each.table, each.column) for each in findings.listed}
