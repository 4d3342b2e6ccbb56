"""`regulars env`: where the stack is and who may speak to it, as variables of the shell."""

import shlex
import sys

import typer

from deploy.cli.stack import StateDirectory
from deploy.local.endpoints import FILE_NAME, Endpoints, read_endpoints
from deploy.local.errors import StateMissingError
from deploy.local.jars import cached_jars
from deploy.local.state import DEFAULT_DIRECTORY, State


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("env")(print_variables)


def print_variables(*, state_dir: StateDirectory = DEFAULT_DIRECTORY) -> None:
    """Print the stack's addresses and keys for a shell: eval "$(.venv/bin/regulars env)"."""
    endpoints = read_endpoints(State(state_dir).directory / FILE_NAME)
    if endpoints is None:
        raise StateMissingError("no stack is up: start one with `make up ARGS=--detach`")
    for name, value in variables(endpoints).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def variables(endpoints: Endpoints) -> dict[str, str]:
    """By name: INGEST and the other services' URLs, KAFKA, SOURCE_KEY, TOKEN, KAFKA_JARS."""
    named = {service.upper(): url for service, url in endpoints.services.items()}
    named |= {
        "KAFKA": endpoints.kafka,
        "SOURCE_KEY": endpoints.source_key,
        "TOKEN": endpoints.token,
    }
    jars = cached_jars()
    return named if jars is None else {**named, "KAFKA_JARS": f"{jars}/*"}
