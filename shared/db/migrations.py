"""What every service's Alembic `env.py` does: run the service's migrations against its database."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, make_url, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

_LOCK_KEY = 7_236_001  # two processes that start together migrate one after the other


def configuration(script_location: Path, url: str) -> Config:
    """An Alembic configuration without an ini file.

    Args:
        script_location: the service's `migrations` folder.
        url: `postgresql://…` of the service's database.
    """
    config = Config()
    config.set_main_option("script_location", str(script_location))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def upgrade(script_location: Path, url: str) -> None:
    """Bring a service's database to its newest revision."""
    command.upgrade(configuration(script_location, url), "head")


def check(script_location: Path, url: str) -> None:
    """Raise when the tables in the code differ from what the migrations make."""
    command.check(configuration(script_location, url))


def run_environment(metadata: MetaData) -> None:
    """Run what Alembic was asked for; the whole of a service's `env.py`."""
    from alembic import context  # only inside of a run does this have an environment

    url = context.config.attributes["url"]

    def migrate(connection: Connection) -> None:
        context.configure(
            connection=connection, target_metadata=metadata, transaction_per_migration=True
        )
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text(f"SELECT pg_advisory_lock({_LOCK_KEY})"))
        connection.commit()
        with context.begin_transaction():
            context.run_migrations()

    async def run() -> None:
        engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"), poolclass=pool.NullPool
        )
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
        await engine.dispose()

    asyncio.run(run())
