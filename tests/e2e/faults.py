"""Faults that a running stack is given, and taken from it again."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.stack import Stack
from shared.events import topics
from shared.kafka.producer import Message, Outcome, Producer
from tests.e2e.prometheus import Prometheus

PARTITIONS = 4


@asynccontextmanager
async def stopped(stack: Stack, name: str) -> AsyncIterator[None]:
    """A process and all its children are frozen."""
    family = _family(stack.processes[name])
    for process in family:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in family:
            os.kill(process, signal.SIGCONT)


def _family(root: int) -> list[int]:
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return [root, *map(int, children)]


@asynccontextmanager
async def not_found(server: Prometheus, stack: Stack, name: str) -> AsyncIterator[None]:
    """A service is gone from where Prometheus looks for it."""
    services = stack.endpoints.services
    server.watch({service: url for service, url in services.items() if service != name})
    try:
        yield
    finally:
        server.watch(services)


async def restart_again_and_again(stack: Stack, server: Prometheus, name: str) -> None:
    """Kill a process as often as the alert counts, each time after it has been seen."""
    seen: set[str] = set()
    while len(seen) < 5:
        await stack.ready(name)
        for each in await server.query(f'process_start_time_seconds{{service="{name}"}}'):
            if each["value"][1] not in seen:
                seen.add(each["value"][1])
                stack.kill(name)
        await asyncio.sleep(0.3)


@asynccontextmanager
async def message_not_taken(stack: Stack, service: str) -> AsyncIterator[None]:
    """A committed message has waited in the outbox for two minutes, in the database's own words."""
    packed = msgspec.msgpack.encode([(b"nobody", b"{}")])
    await execute(
        stack,
        service,
        "INSERT INTO outbox (topic, partition, count, created_at, messages)"
        " VALUES ($1, 0, 1, (extract(epoch FROM now()) - 120)::bigint * 1000000, $2)",
        topics.DEAD_LETTERS,
        packed,
    )
    yield


@asynccontextmanager
async def late_timers(stack: Stack, service: str) -> AsyncIterator[None]:
    """Somebody holds a lane's lock while a timer is ten minutes late."""
    connection = await asyncpg.connect(stack.endpoints.databases[service])
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM positions FOR UPDATE")
            await execute(
                stack,
                service,
                """INSERT INTO timelines
                          (member_id, partition, as_at, as_rank, as_key, due_at, state)
                   VALUES ('00000000-0000-0000-0000-000000000000', 0, 0, 0, '',
                           (extract(epoch FROM now()) - 600)::bigint * 1000000, '')""",
            )
            try:
                yield
            finally:
                await execute(stack, service, "DELETE FROM timelines WHERE as_at = 0")
    finally:
        await connection.close()


@asynccontextmanager
async def set_aside(stack: Stack, topic: str, value: bytes, *services: str) -> AsyncIterator[None]:
    """A record that nobody can process; afterwards its letters are discarded."""
    await publish(stack, topic, value)
    yield
    for service in services:
        await discard_all(stack, service)


async def publish(stack: Stack, topic: str, value: bytes) -> None:
    """Put a record into partition 0 of a topic."""
    async with Producer(stack.endpoints.kafka, client_id="test") as producer:
        told = await producer.send(Message(topic, 0, b"key", value), 20)
    assert told is Outcome.CONFIRMED


async def discard_all(stack: Stack, service: str) -> None:
    """Give up every dead letter that a service holds."""
    async with httpx.AsyncClient(
        base_url=stack.endpoints.services[service],
        headers={"Authorization": f"Bearer {stack.endpoints.token}"},
        timeout=30,
    ) as client:
        found = (await client.get("/v1/dead-letters", params={"state": "held"})).json()
        for letter in found["items"]:
            answer = await client.post(f"/v1/dead-letters/{letter['id']}:discard")
            assert answer.status_code == 200, answer.text


@asynccontextmanager
async def deleted(stack: Stack, topic: str) -> AsyncIterator[None]:
    """A topic is deleted, and then made anew."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.endpoints.kafka)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        yield
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    finally:
        await admin.close()


async def execute(stack: Stack, service: str, sql: str, *arguments: Any) -> None:
    """Run a statement in a service's database."""
    connection = await asyncpg.connect(stack.endpoints.databases[service])
    try:
        await connection.execute(sql, *arguments)
    finally:
        await connection.close()


def stranger() -> bytes:
    """A well-formed event whose source is not registered: it cannot be let in."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "x-1",
            "source": "nobody/knows",
            "type": "regulars.member.joined.v1",
            "subject": "card:1",
            "time": "2017-01-01T11:53:26Z",
            "data": {"store_id": "7", "via": "code", "surprise\u0000": 1},
        }
    ).encode()
