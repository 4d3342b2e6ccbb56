"""`regulars dead-letters`: what could not be processed, and what to do about it."""

import base64
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.management import Management, Token, Urls, plain
from deploy.cli.stack import StateDirectory
from deploy.local.state import DEFAULT_DIRECTORY

_PAGE = 500

Service = Annotated[str, typer.Option("--service", "-s", help="Whose: points, notify, …")]
Ids = Annotated[list[int], typer.Argument(help="Numbers from the list.")]
Topic = Annotated[str | None, typer.Option(help="Only of this topic.")]
Type = Annotated[str | None, typer.Option("--type", help="Only of this event type.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What could not be processed, with why.", no_args_is_help=True)
    group.command("list")(list_letters)
    group.command("show")(show)
    group.command("replay")(replay)
    group.command("discard")(discard)
    app.add_typer(group, name="dead-letters")


def list_letters(  # noqa: PLR0913 - the flags of a command
    *,
    service: Annotated[
        list[str] | None, typer.Option("--service", "-s", help="Whose; repeatable. All: not given.")
    ] = None,
    state: Annotated[
        str, typer.Option(help="held, replaying, replayed, discarded or all.")
    ] = "held",
    topic: Topic = None,
    event_type: Type = None,
    limit: Annotated[int, typer.Option(help="At most so many of each service.", min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Show what was set aside, newest first."""
    query = {"state": None if state == "all" else state, "topic": topic, "type": event_type}
    with Management.find(url, token, state_dir) as services:
        told = {name: _letters(services, name, query, limit) for name in service or services.urls}
    if as_json:
        sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    console = Console()
    for name, (letters, total) in told.items():
        console.print(f"[bold]{plain(name)}[/]: {total} {plain(state)}")
        if letters:
            console.print(_table(letters))


def show(
    letter: Annotated[int, typer.Argument(help="Its number from the list.")],
    *,
    service: Service,
    raw: Annotated[bool, typer.Option("--raw", help="Only its bytes, as they came.")] = False,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Show one whole: what came, where, and why it could not be processed."""
    with Management.find(url, token, state_dir) as services:
        told = services.call(service, "GET", f"/v1/dead-letters/{letter}")
    content = base64.b64decode(told.pop("raw") or "")
    if raw:
        sys.stdout.buffer.write(content)
        return
    console, text = Console(), told.pop("text")
    told["headers"] = ", ".join(_header(*header) for header in told["headers"])
    for name, value in told.items():
        console.print(f"[bold]{name:>10}[/]  {plain(value)}")
    console.print()
    console.print(plain(text if text is not None else content))


def replay(  # noqa: PLR0913 - the flags of a command
    ids: Annotated[list[int] | None, typer.Argument(help="Numbers from the list.")] = None,
    *,
    service: Service,
    topic: Topic = None,
    event_type: Type = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are held.")] = False,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Have letters applied again, after their cause is gone: by number, by filter, or all."""
    if not (ids or topic or event_type or everything):
        raise typer.BadParameter("say which: numbers, --topic, --type, or --all")
    which = {"ids": ids} if ids else {"topic": topic, "type": event_type}
    done = 0
    with Management.find(url, token, state_dir) as services:
        while True:
            told = services.call(service, "POST", "/v1/dead-letters:replay", body=which)
            done += len(told["ids"])
            if not told["left"] or not told["ids"]:
                break
    Console().print(
        f"{done} asked to be applied again; `.venv/bin/regulars dead-letters list` shows the rest"
    )
    _tell_missing(ids, told["ids"])


def discard(
    ids: Ids,
    *,
    service: Service,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Give letters up. They stay on record, and are never applied."""
    with Management.find(url, token, state_dir) as services:
        for letter in ids:
            services.call(service, "POST", f"/v1/dead-letters/{letter}:discard")
            Console().print(f"{letter} discarded")


def _letters(
    services: Management, name: str, query: dict[str, str | None], limit: int
) -> tuple[list[dict[str, Any]], int]:
    letters: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = services.call(
            name,
            "GET",
            "/v1/dead-letters",
            query={**query, "limit": min(limit - len(letters), _PAGE), "cursor": cursor},
        )
        letters += page["items"]
        cursor = page["next"]
        if cursor is None or len(letters) >= limit:
            return letters, page["total"]


def _table(letters: Sequence[dict[str, Any]]) -> Table:
    table = Table(show_edge=False)
    for heading in ("id", "tries"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("since", "kind", "where and type", "why"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        table.add_row(
            str(letter["id"]),
            str(letter["attempts"]),
            letter["first_at"][:19].replace("T", " "),
            letter["kind"],
            f"{plain(letter['topic'])} {letter['partition']}@{letter['position']} "
            + plain(letter["type"]),
            plain(letter["error"].splitlines()[0] if letter["error"] else ""),
        )
    return table


def _header(name: str, value: str | None) -> str:
    if value is None:
        return f"{name} (no value)"
    return f"{name}: {base64.b64decode(value).decode('utf-8', 'replace')}"


def _tell_missing(asked: Sequence[int] | None, found: Sequence[int]) -> None:
    missing = [str(each) for each in asked or () if each not in found]
    if missing:
        Console(stderr=True).print(f"not held, so left as they are: {', '.join(missing)}")
        raise typer.Exit(1)
