"""How much the local servers keep: bytes on Kafka and in PostgreSQL."""

from pathlib import Path

import asyncpg

from deploy.local.endpoints import Endpoints
from shared.events import topics


def bytes_on_kafka(state_directory: Path) -> dict[str, int]:
    """What each topic's records take, without indexes; empty for the broker in memory."""
    data = state_directory / "kafka" / "data"
    sizes = {
        topic: sum(
            segment.stat().st_size
            for place in data.glob(f"{topic}-*")
            for segment in place.glob("*.log")
        )
        for topic in (topics.INBOUND, *topics.MEMBER_TOPICS, topics.DEAD_LETTERS)
    }
    return {topic: size for topic, size in sizes.items() if size}


async def bytes_in_postgres(endpoints: Endpoints) -> dict[str, int]:
    """What each service's database takes: tables, indexes and all."""
    sizes = {}
    for service, url in endpoints.databases.items():
        connection = await asyncpg.connect(url)
        try:
            sizes[service] = await connection.fetchval(
                "SELECT pg_database_size(current_database())"
            )
        finally:
            await connection.close()
    return sizes
