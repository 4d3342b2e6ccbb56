"""The `regulars` command.

Each module of this package has a function `register(app)` that adds its commands to the Typer
application; to add a group of commands, write such a module and name it in `_GROUPS`. What is slow
to import (Parquet, benchmarks) is imported inside the commands: `regulars --help` stays quick.
"""

import sys

import typer
from rich.console import Console
from rich.text import Text

from deploy.cli import (
    bench,
    dead_letters,
    demo,
    generate,
    program,
    secrets_file,
    servers,
    stack,
    token,
    variables,
    verify,
)
from deploy.local.errors import ChildFailedError, LocalStackError
from shared.runtime.environment import EXIT_CODE, SettingsRefused

_GROUPS = (
    stack,
    servers,
    token,
    variables,
    secrets_file,
    demo,
    generate,
    dead_letters,
    program,
    verify,
    bench,
)


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="regulars",
        help="Regulars (熟客): the loyalty and community engine of a store chain.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for group in _GROUPS:
        group.register(app)
    return app


def main() -> None:
    """Run the command line; a known trouble is one line, not a traceback."""
    try:
        build()()
    except LocalStackError as trouble:
        console = Console(stderr=True)
        if isinstance(trouble, ChildFailedError):
            console.print(Text("\n".join(f"  {line}" for line in trouble.tail), style="dim"))
        console.print(Text(str(trouble), style="bold red"))
        sys.exit(1)
    except SettingsRefused as refused:
        Console(stderr=True, soft_wrap=True).print(Text(str(refused), style="bold red"))
        sys.exit(EXIT_CODE)


if __name__ == "__main__":
    main()
