"""`regulars secrets`: makes the `.env` that docker-compose.yml reads its secrets from."""

import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local.errors import StateInUseError
from deploy.local.services import ROOT, SERVICES
from deploy.local.state import new_key, write_private

_EXAMPLE = ROOT / "deploy" / "compose.env.example"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("secrets")(make_secrets)


def make_secrets(
    *,
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path(".env"),
) -> None:
    """Write random passwords and keys for docker compose, readable by the owner only."""
    if path.exists():
        raise StateInUseError(f"{path} is there already; what it protects would be lost with it")
    write_private(path, render(_EXAMPLE.read_text()).encode())
    Console().print(f"{path}: random secrets for {', '.join(SERVICES)} and their servers")


def render(example: str) -> str:
    """The example with a value for each variable that has none.

    A name that ends in _KEY gets 32 bytes as base64url, any other one a password of URL-safe
    characters.
    """
    lines = []
    for line in example.splitlines():
        name, is_variable, value = line.partition("=")
        if is_variable and not value and not name.startswith("#"):
            value = new_key() if name.endswith("_KEY") else secrets.token_urlsafe(24)
            lines.append(f"{name}={value}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
