"""The applications of all services, as their composition roots make them, without their loops."""

import base64
import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from services.ingest.__main__ import SERVICE as INGEST
from services.notify.__main__ import SERVICE as NOTIFY
from services.points.__main__ import SERVICE as POINTS
from services.segmentation.__main__ import SERVICE as SEGMENTATION
from shared.auth.tokens import Verifier, issue
from shared.clock import WallClock
from shared.db import Database
from shared.kafka.producer import Producer
from shared.observability.metrics import Metrics
from shared.runtime.http.app import build_app
from shared.runtime.http.health import HealthBoard
from shared.runtime.progress import progress_of
from shared.runtime.server import ASGIApp
from shared.runtime.service import Parts, Resources, Service

SERVICES: Final[Mapping[str, Service[Any]]] = {
    each.name: each for each in (INGEST, POINTS, SEGMENTATION, NOTIFY)
}
KEY: Final = base64.urlsafe_b64encode(b"k" * 32).decode()
SOURCE_KEY: Final = "the key of the development source"


def token(role: str = "admin") -> str:
    """A bearer token."""
    now = WallClock().now()
    return issue(KEY, subject="li", role=role, stores=(), expires_in_seconds=3_600, now=now)


@dataclasses.dataclass(frozen=True)
class Application:
    """A service's application: `app` is what is served, `framework` what describes it."""

    app: ASGIApp
    framework: FastAPI
    parts: Parts


@asynccontextmanager
async def application(
    name: str, database_url: str, kafka: str, *, producer: Producer | None = None
) -> AsyncIterator[Application]:
    """One service's application; without a producer it can only be described."""
    service = SERVICES[name]
    settings = service.settings.model_validate(
        {
            "database": database_url,
            "kafka": kafka,
            "pii_key": KEY,
            "token_key": KEY,
            "development_source_key": SOURCE_KEY,
            "command_wait_seconds": 0.2,  # no lane runs here
        }
    )
    clock = WallClock()
    metrics, health = Metrics(name), HealthBoard(clock)
    database = Database(database_url, application_name="test")
    hands = producer or Producer(kafka, client_id="test")
    resources: Resources[Any] = Resources(settings, database, clock, metrics, health, hands)
    parts = service.assemble(resources)
    framework = build_app(
        service=name,
        title=service.title,
        routers=parts.routers,
        metrics=metrics,
        health=health,
        verifier=Verifier.local(KEY),
        database=database,
        clock=clock,
        progress=lambda: progress_of(database, name),
    )
    app: ASGIApp = framework if parts.wrap is None else parts.wrap(framework)
    try:
        if producer is not None and parts.prepare is not None:
            await parts.prepare()
        yield Application(app, framework, parts)
    finally:
        await database.close()
