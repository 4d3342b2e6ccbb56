"""One PostgreSQL and one broker for all the runs, named to the tests by their variables."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.broker import provide_broker
from deploy.local.ports import choose
from deploy.local.postgres import Postgres
from deploy.local.supervisor import Supervisor


class GivenServers(BaseSettings):
    """`REGULARS_TEST_POSTGRES` and `REGULARS_TEST_KAFKA`, as the tests read them."""

    model_config = SettingsConfigDict(env_prefix="REGULARS_TEST_", extra="ignore")

    postgres: str | None = None
    kafka: str | None = None


@asynccontextmanager
async def test_servers(directory: Path) -> AsyncIterator[dict[str, str]]:
    """The variables that name servers; those that none is named for are started here."""
    given = GivenServers()
    async with Supervisor(directory / "logs") as supervisor:
        postgres, kafka = given.postgres, given.kafka
        if postgres is None:
            [port] = choose([None])
            password = secrets.token_urlsafe(12)
            server = Postgres(
                directory / "postgres", port, password, durable=False, shared_buffers="128MB"
            )
            await server.prepare()
            await supervisor.start(server.child())
            postgres = server.superuser_dsn
        if kafka is None:
            broker_port, controller_port = choose([None, None])
            broker = await provide_broker(directory / "kafka", (broker_port, controller_port))
            await supervisor.start(broker.child)
            kafka = broker.address
        yield {"REGULARS_TEST_POSTGRES": postgres, "REGULARS_TEST_KAFKA": kafka}
