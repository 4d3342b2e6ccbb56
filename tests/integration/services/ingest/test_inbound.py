"""Events from Kafka are let in like those over HTTP; what is refused is a dead letter with why."""

import asyncio
import json
from typing import Any

import pytest

from shared.events.topics import DEAD_LETTERS, INBOUND
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Message, Outcome
from tests.integration.services.ingest.edge import PARTITIONS, Edge, consuming
from tests.integration.services.ingest.events import joined, purchase

pytestmark = pytest.mark.integration

_PATIENCE_SECONDS = 40.0


async def offer(edge: Edge, *sent: Any, headers: list[tuple[str, bytes]] | None = None) -> None:
    """Put events on the test's inbound topic as other systems would."""
    values = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in sent]
    messages = [
        Message(INBOUND, partition_of(b"%d" % index, PARTITIONS), None, value, headers or ())
        for index, value in enumerate(values)
    ]
    outcomes = await edge.producer.send_many(messages, 30)
    assert outcomes == [Outcome.CONFIRMED] * len(messages)


async def settled(edge: Edge, records: int) -> None:
    """Wait until so many records were handled, and the relay has published what came of them."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            async with edge.database.transaction() as tx:
                [row] = await tx.fetch(
                    "SELECT (SELECT coalesce(sum(position), 0) FROM positions)::int AS handled,"
                    " (SELECT count(*) FROM outbox)::int AS waiting"
                )
            if row["handled"] >= records and row["waiting"] == 0:
                return
            await asyncio.sleep(0.05)


async def letters(edge: Edge) -> list[Any]:
    async with edge.database.transaction() as tx:
        found = await tx.fetch("SELECT error, kind, event_id, raw FROM dead_letters ORDER BY id")
        return [tuple(row) for row in found]


async def test_events_from_kafka_are_identified_and_published(edge: Edge) -> None:
    known = (await edge.publish(purchase("card:1"))).json()["member_id"]
    sent = [
        purchase("card:1"),
        purchase("card:2", teller="kai"),
        joined("card:2", data={"identities": ["wecom:w"], "profile": {"name": "Li"}}),
    ]
    async with consuming(edge):
        await offer(edge, *sent)
        await settled(edge, 3)
    told = {fact["id"]: fact for fact in await edge.log()}
    assert told[sent[0]["id"]]["subject"] == known
    unseen = told[sent[1]["id"]]["subject"]
    assert told[sent[1]["id"]]["teller"] == "kai"
    assert told[sent[2]["id"]]["subject"] == unseen
    assert told[sent[2]["id"]]["data"] == {"store_id": "s1", "via": "code", "profile": {}}
    assert f"created:{unseen}" in told
    assert (await edge.publish(purchase("wecom:w"))).json()["member_id"] == unseen
    assert await letters(edge) == []


async def test_binary_mode_on_kafka(edge: Edge) -> None:
    sent = purchase()
    attributes = {name: value for name, value in sent.items() if name != "data"}
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    headers.append(("content-type", b"application/json"))
    async with consuming(edge):
        await offer(edge, sent["data"], headers=headers)
        await settled(edge, 1)
    told = next(fact for fact in await edge.log() if fact["id"] == sent["id"])
    assert told["data"] == sent["data"]


async def test_what_is_refused_is_a_dead_letter_with_the_reason(edge: Edge) -> None:
    await edge.client.put("/v1/sources/dev", json={"origins": ["pos/1"]}, headers=edge.token())
    good = [purchase(f"card:{number}") for number in range(8)]
    bad = [
        (purchase(source="stranger"), "unknown-source"),
        (purchase(data={"total": -1}), "Undecodable"),
        (purchase("nobody"), "/subject"),
        (purchase("phone:+8600000000000"), "blocked-name"),
        (b"\xff\xfe", "not a CloudEvent"),
        (purchase(time="2199-01-01T00:00:00Z"), "time-in-the-future"),
    ]
    async with consuming(edge) as spec:
        await offer(edge, *good, *(sent for sent, _ in bad))
        await settled(edge, len(good) + len(bad))
        told = {fact["id"] for fact in await edge.log()}
        assert {each["id"] for each in good} <= told
        found = await letters(edge)
        assert len(found) == len(bad)
        reasons = "\n".join(error for error, *_ in found)
        for slug in ("unknown-source", "blocked-name", "time-in-the-future", "a name is written"):
            assert slug in reasons
        announced = [json.loads(value) for _, _, value in await edge.records(DEAD_LETTERS)]
        assert len(announced) == len(bad)
        assert {each["consumer"] for each in announced} == {spec.name}


async def test_after_the_cause_is_gone_a_replay_lets_the_event_in(edge: Edge) -> None:
    await edge.client.put("/v1/sources/dev", json={"origins": ["pos/1"]}, headers=edge.token())
    sent = purchase(source="late/1")
    async with consuming(edge):
        await offer(edge, sent)
        await settled(edge, 1)
        assert sent["id"] not in {fact["id"] for fact in await edge.log()}
        new = {"name": "late", "origins": ["late/1"]}
        response = await edge.client.post("/v1/sources", json=new, headers=edge.token())
        assert response.status_code == 201
        listed = (await edge.client.get("/v1/dead-letters", headers=edge.token())).json()
        [letter] = listed["items"]
        assert letter["event_id"] == sent["id"]
        path = f"/v1/dead-letters/{letter['id']}:replay"
        replayed = await edge.client.post(path, headers=edge.token())
        assert replayed.is_success, replayed.text
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                if sent["id"] in {fact["id"] for fact in await edge.log()}:
                    break
                await asyncio.sleep(0.1)
    assert [fact["id"] for fact in await edge.log()].count(sent["id"]) == 1
