"""`regulars program`: what headquarters decides, as a file that is compared, checked and applied.

A program has a part for each service that decides something; each part is a document that its
service keeps in versions. The commands take the whole file and speak to each service about its own
part.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from deploy.cli import program_names
from deploy.cli.management import Management, ManagementError, Refused, Token, Urls, plain
from deploy.cli.stack import StateDirectory
from deploy.cli.withdrawal import withdraw
from deploy.local.state import DEFAULT_DIRECTORY
from shared.clock import SECOND, Instant, WallClock, format_instant, parse_instant
from shared.runtime.program_file import ProgramFileError, read_program

_DEFAULT_FILE = Path("deploy/program.yaml")
_MARGIN: Instant = 30 * SECOND
"""All parts of one `apply` begin together, so far ahead that every service can take its part."""

_SIGNS = {
    "add": ("+", "green"),
    "remove": ("-", "red"),
    "change": ("~", "yellow"),
    "move": ("↕", "cyan"),
}
_WIDTH = 100

File = Annotated[Path, typer.Argument(help="program.yaml", show_default=True)]
Parts = Annotated[
    list[str] | None, typer.Option("--part", help="Only this part; repeatable.", metavar="PART")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="What headquarters decides: rules, tags, tiers, journeys.", no_args_is_help=True
    )
    group.command("validate")(validate)
    group.command("diff")(diff)
    group.command("apply")(apply)
    group.command("withdraw")(withdraw)
    app.add_typer(group, name="program")


def validate(
    file: File = _DEFAULT_FILE,
    *,
    part: Parts = None,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Ask each service about its part of the file; says every mistake with its place."""
    documents, elsewhere = _documents(file, part)
    with Management.find(url, token, state_dir) as services:
        _validate(services, documents, elsewhere, Console())


def diff(
    file: File = _DEFAULT_FILE,
    *,
    part: Parts = None,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Show where the file differs from the newest versions."""
    documents, _ = _documents(file, part)
    with Management.find(url, token, state_dir) as services:
        _compare(services, documents, Console())


def apply(  # noqa: PLR0913 - the flags of a command
    file: File = _DEFAULT_FILE,
    *,
    note: Annotated[str, typer.Option(help="Why; kept with the version.")] = "",
    effective_from: Annotated[
        str | None,
        typer.Option(help="From when on, as 2026-12-01T00:00:00+08:00; not given: in 30 s."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    part: Parts = None,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Put the file in force: check it, show what changes, ask, apply the parts that differ."""
    documents, elsewhere = _documents(file, part)
    begins, console = _instant(effective_from), Console()
    with Management.find(url, token, state_dir) as services:
        _validate(services, documents, elsewhere, console)
        compared = _compare(services, documents, console)
        changed = [name for name, told in compared.items() if told["changes"]]
        if not changed:
            return
        if not yes:
            typer.confirm(f"Put {', '.join(changed)} in force?", abort=True)
        starts = format_instant(WallClock().now() + _MARGIN if begins is None else begins)
        done: list[str] = []
        for name in changed:
            try:
                stored = services.call(
                    name,
                    "PUT",
                    "/v1/program",
                    body={"document": documents[name], "effective_from": starts, "note": note},
                    headers={"If-Match": f'"{compared[name]["version"]}"'},
                )
            except ManagementError as error:
                raise _half_done(error, done) from error
            done.append(name)
            console.print(f"[bold]{name}[/]: version {stored['version']}, in force from {starts}")


def _half_done(error: ManagementError, done: list[str]) -> ManagementError:
    """Say also what did happen: services have no transaction in common."""
    if not done:
        return error
    return ManagementError(f"{error}\n{', '.join(done)} had been put in force before; apply again")


def _documents(
    file: Path, parts: list[str] | None
) -> tuple[dict[str, Mapping[str, Any]], list[str]]:
    """The parts asked for, and the names in them that another part of the file should define."""
    try:
        documents = read_program(file)
    except ProgramFileError as error:
        raise ManagementError(str(error)) from error
    unknown = [part for part in parts or () if part not in documents]
    if unknown:
        raise typer.BadParameter(f"{file} has no part {unknown[0]!r}", param_hint="--part")
    asked = {name: documents[name] for name in parts or documents}
    return asked, [
        words for words in program_names.problems(documents) if words.partition("/")[0] in asked
    ]


def _validate(
    services: Management,
    documents: Mapping[str, Mapping[str, Any]],
    elsewhere: list[str],
    console: Console,
) -> None:
    """Check every part, so that all mistakes are seen at once.

    Raises:
        ManagementError: one or more parts are no program.
    """
    refusals = list(elsewhere)
    for name, document in documents.items():
        try:
            services.call(name, "POST", "/v1/program:validate", body={"document": document})
        except Refused as error:
            refusals.append(str(error).replace("#/document/", f"{name}/"))
        else:
            console.print(f"[bold]{plain(name)}[/]: valid")
    if refusals:
        raise ManagementError("\n".join(refusals))


def _compare(
    services: Management, documents: Mapping[str, Mapping[str, Any]], console: Console
) -> dict[str, Any]:
    compared = {
        name: services.call(name, "POST", "/v1/program:diff", body={"document": document})
        for name, document in documents.items()
    }
    for name, told in compared.items():
        many = len(told["changes"])
        what = f"{many} change{'s' if many > 1 else ''}" if many else "nothing changes"
        console.print(f"[bold]{plain(name)}[/]: {what} against version {told['version']}")
        for change in told["changes"]:
            console.print(_line(change), soft_wrap=True)
    return compared


def _line(change: Mapping[str, Any]) -> str:
    sign, colour = _SIGNS[change["op"]]
    values = {
        "add": _short(change["after"]),
        "remove": _short(change["before"]),
    }.get(change["op"], f"{_short(change['before'])} → {_short(change['after'])}")
    return f"  [{colour}]{sign}[/] {plain(change['pointer'] or '/')}  {plain(values)}"


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _instant(text: str | None) -> Instant | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--effective-from") from error
