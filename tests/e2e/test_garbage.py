"""Nothing that is sent can stop it: garbage over HTTP and into every topic, and then a purchase."""

import asyncio
import os
import random
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from deploy.local.stack import Stack
from shared.events import topics
from tests.conftest import NewStack
from tests.e2e.garbage import mutated, records
from tests.e2e.outside import EARNS, as_json

pytestmark = [pytest.mark.e2e, pytest.mark.durable]

READ = (topics.INBOUND, topics.EVENTS, topics.POINTS, topics.SEGMENTS, topics.JOBS, topics.RECEIPTS)
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_PATIENCE_SECONDS = 120.0


@pytest.mark.timeout(240)
async def test_some_garbage_stops_nothing(new_stack: NewStack) -> None:
    await _survives(new_stack, a_topic=200, over_http=600)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_much_garbage_stops_nothing(new_stack: NewStack) -> None:
    await _survives(new_stack, a_topic=2_000, over_http=10_000)


async def _survives(new_stack: NewStack, *, a_topic: int, over_http: int) -> None:
    async with new_stack() as stack:
        before = dict(stack.endpoints.processes)
        await asyncio.to_thread(_pour_in, stack, a_topic)
        answers = await _send(stack, over_http)
        assert not {status for status in answers if status >= 500}, answers
        await _rests(stack, a_topic)
        await _earns(stack, "after-all")
        assert stack.endpoints.processes == before, "a process ended and was started again"
        for pid in before.values():
            os.kill(pid, 0)


def _pour_in(stack: Stack, count: int) -> None:
    for codec in _CODECS:
        client = Producer({"bootstrap.servers": stack.endpoints.kafka, "compression.type": codec})
        for number, topic in enumerate(READ):
            for value, headers in records(count // len(_CODECS), number):
                client.produce(topic, value, headers=headers)
                client.poll(0)
        assert client.flush(60) == 0


async def _send(stack: Stack, count: int) -> dict[int, int]:
    """Send mutants; how often each status was answered."""
    chance, answers = random.Random(7), dict[int, int]()
    kinds = (
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
    )
    async with _client(stack) as ingest:
        for number in range(count):
            body = as_json(f"http-{number}")
            kind = chance.choice(kinds)
            if kind.endswith("batch+json"):
                body = b"[" + b",".join([body] * 3) + b"]"
            answer = await ingest.post(
                "/v1/events", content=mutated(body, chance), headers={"content-type": kind}
            )
            answers[answer.status_code] = answers.get(answer.status_code, 0) + 1
    return answers


def _client(stack: Stack) -> httpx.AsyncClient:
    endpoints = stack.endpoints
    return httpx.AsyncClient(
        base_url=endpoints.services["ingest"],
        headers={"authorization": f"Bearer {endpoints.source_key}"},
        timeout=30,
    )


async def _rests(stack: Stack, count: int) -> None:
    """Wait until every service is ready and nothing waits for it any more."""
    async with asyncio.timeout(_PATIENCE_SECONDS), httpx.AsyncClient(timeout=30) as client:
        for name, url in stack.endpoints.services.items():
            while True:
                if await _waiting(client, url) == 0:
                    break
                await asyncio.sleep(0.5)
            answer = await client.get(f"{url}/readyz")
            assert answer.status_code == 200, (name, answer.text)
        key = {"authorization": f"Bearer {stack.endpoints.token}"}
        for name in ("ingest", "points", "segmentation", "notify"):
            url = f"{stack.endpoints.services[name]}/v1/dead-letters"
            letters: dict[str, Any] = (await client.get(url, headers=key)).json()
            assert letters["total"] > count // 4, name


async def _waiting(client: httpx.AsyncClient, url: str) -> float:
    """What a service says of its own backlog."""
    lines = (await client.get(f"{url}/metrics")).text.splitlines()
    lags = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("regulars_lag_")]
    return sum(lags) if lags else 1.0


async def _earns(stack: Stack, order: str) -> None:
    async with _client(stack) as ingest:
        taken = await ingest.post(
            "/v1/events", content=as_json(order), headers={"content-type": "application/json"}
        )
    member = taken.json()["member_id"]
    url = f"{stack.endpoints.services['points']}/v1/members/{member}/account"
    key = {"authorization": f"Bearer {stack.endpoints.token}"}
    async with asyncio.timeout(30), httpx.AsyncClient(timeout=30, headers=key) as client:
        while True:
            if (await client.get(url)).json().get("available") == EARNS:
                break
            await asyncio.sleep(0.2)
