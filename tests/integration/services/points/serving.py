"""The service's own application, as its composition root puts it together, on a test's database."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.points.__main__ import assemble
from services.points.settings import PointsSettings
from shared.auth.tokens import Verifier, issue
from shared.clock import Clock
from shared.db import Database
from shared.kafka.producer import Producer
from shared.observability.metrics import Metrics
from shared.runtime.http.app import build_app
from shared.runtime.http.health import HealthBoard
from shared.runtime.service import Resources

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


def headers(clock: Clock, role: str = "admin", stores: tuple[str, ...] = ()) -> dict[str, str]:
    """Headers of a caller."""
    token = issue(
        KEY, subject="li", role=role, stores=stores, expires_in_seconds=3600, now=clock.now()
    )
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def serve(database: Database, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, an admin's."""
    settings = PointsSettings.model_validate(
        {
            "database": database.url,
            "kafka": "127.0.0.1:1",
            "token_key": KEY,
            "partitions": 1,  # as that of the ledger that is served
        }
    )
    metrics, health = Metrics("points"), HealthBoard(clock)
    producer = Producer(settings.kafka, client_id="never started")
    parts = assemble(Resources(settings, database, clock, metrics, health, producer))
    assert parts.prepare is not None
    await parts.prepare()
    app = build_app(
        service="points",
        title="Points",
        routers=parts.routers,
        metrics=metrics,
        health=health,
        verifier=Verifier.local(KEY),
        database=database,
        clock=clock,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers(clock)
    ) as client:
        yield client


async def answer(client: httpx.AsyncClient, path: str, **options: Any) -> Any:
    """The body of a good answer."""
    response = await client.get(path, **options)
    assert response.status_code == 200, response.text
    return response.json()
