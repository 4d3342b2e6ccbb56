"""`regulars token`: a bearer token of the local issuer."""

import sys
from typing import Annotated

import typer

from deploy.cli.stack import StateDirectory
from deploy.local.errors import StateMissingError
from deploy.local.settings import StackSettings
from deploy.local.state import DEFAULT_DIRECTORY, State
from shared.auth.principal import ROLES
from shared.clock import WallClock
from shared.runtime.environment import read_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("token")(token)


def token(
    *,
    role: Annotated[str, typer.Option(help="One of " + ", ".join(sorted(ROLES)) + ".")],
    subject: Annotated[str, typer.Option(help="Who it is for.")] = "development",
    store: Annotated[
        list[str] | None, typer.Option(help="A store that the role is limited to; repeatable.")
    ] = None,
    hours: Annotated[float, typer.Option(help="How long it is good for.")] = 12.0,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Print a token for the management APIs, signed with REGULARS_TOKEN_KEY or the stack's key."""
    if role not in ROLES:
        raise typer.BadParameter("one of " + ", ".join(sorted(ROLES)), param_hint="--role")
    from shared.auth.tokens import issue  # brings cryptography along

    key = read_settings(StackSettings).token_key or State(state_dir).token_key()
    if key is None:
        raise StateMissingError("no key to sign with: set REGULARS_TOKEN_KEY, or `make up` once")
    made = issue(
        key,
        subject=subject,
        role=role,
        stores=store or (),
        expires_in_seconds=int(hours * 3600),
        now=WallClock().now(),
    )
    sys.stdout.write(made + "\n")
