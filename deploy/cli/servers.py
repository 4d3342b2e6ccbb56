"""`regulars topics` and `migrate`: prepare the servers of the environment or of the stack."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.stack import StateDirectory
from deploy.local.endpoints import FILE_NAME, Endpoints, read_endpoints
from deploy.local.services import SERVICES, migrate
from deploy.local.settings import StackSettings
from deploy.local.state import DEFAULT_DIRECTORY, State
from shared.runtime.environment import read_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("topics")(topics)
    app.command("migrate")(migrate_databases)


def _kafka(settings: StackSettings, endpoints: Endpoints | None) -> str:
    if settings.kafka is not None:
        return settings.kafka
    if endpoints is None:
        raise typer.BadParameter("set REGULARS_KAFKA, or start the stack with `make up`")
    return endpoints.kafka


def topics(*, state_dir: StateDirectory = DEFAULT_DIRECTORY) -> None:
    """Make the topics, at REGULARS_KAFKA or at the stack that is up."""
    from deploy.local.topics import make_topics, read_topics  # brings a Kafka client along

    settings = read_settings(StackSettings)
    address = _kafka(settings, read_endpoints(State(state_dir).directory / FILE_NAME))
    described = read_topics(settings.partitions)
    made = asyncio.run(make_topics(address, described))
    console = Console()
    for topic in described:
        new = "made" if topic.name in made else "there already"
        console.print(f"{topic.name}: {topic.partitions} partitions, {new}", highlight=False)


def migrate_databases(
    *,
    service: Annotated[list[str] | None, typer.Option(help="Only this one; repeatable.")] = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Bring databases to their newest revision: of REGULARS_DATABASE_*, or of the stack."""
    settings = read_settings(StackSettings)
    endpoints = read_endpoints(State(state_dir).directory / FILE_NAME)
    urls = {}
    for name in service or SERVICES:
        url = settings.database(name) or (endpoints.databases.get(name) if endpoints else None)
        if url is None:
            raise typer.BadParameter(f"set REGULARS_DATABASE_{name.upper()}, or start the stack")
        urls[name] = url
    asyncio.run(migrate(urls))
    Console().print(f"newest revision: {', '.join(urls)}")
