"""Lanes of points in a process of their own, so that it can be killed.

`python -m tests.integration.services.points.lane_process DATABASE KAFKA FACTS MOVES GROUP`
"""

import asyncio
import random
import sys
from collections.abc import Mapping
from typing import Any

from shared.db import Database
from shared.db.database import KEYED_LOOKUPS
from shared.kafka.producer import Producer
from shared.runtime.batch import Input
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.group import LaneGroup
from shared.runtime.http.health import HealthBoard
from shared.runtime.publishing import OutboxPublisher
from tests.integration.services.points.ledger import Ledger
from tests.property.services.points.points_history import document

PARTITIONS = 4


def rating(points: int) -> Mapping[str, Any]:
    """A program that gives so many points for each yuan."""
    rule = {"id": "purchase", "source": "purchase", "per_amount": 100, "points": points}
    return document(rule)


async def run(ledger: Ledger, kafka: str, group: str, stop: asyncio.Event) -> None:
    """Be a process of points until told to stop."""
    async with Producer(kafka, client_id="lanes") as producer:
        place = Workplace(
            database=ledger.database,
            clock=ledger.clock,
            metrics=ledger.metrics,
            health=HealthBoard(ledger.clock),
            partitions=PARTITIONS,
            batch_events=500,
            chance=random.Random(1),
            poster=OutboxPublisher(producer),
        )
        spec = ConsumerSpec(
            name=group,
            inputs=(Input(ledger.facts),),
            handler=ledger.handler,
            source="urn:test",
        )
        await LaneGroup(spec, kafka, place, instance="0").run(stop)


async def _main(url: str, kafka: str, facts: str, moves: str, group: str) -> None:
    database = Database(url, application_name="lanes", server_settings=KEYED_LOOKUPS)
    ledger = Ledger(database, rating(1), topic=moves, facts=facts)
    await run(ledger, kafka, group, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
