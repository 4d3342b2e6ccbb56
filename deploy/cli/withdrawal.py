"""`regulars program withdraw`: what a version did is shown, asked about, and taken back."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.management import Management, Token, Urls, plain
from deploy.cli.stack import StateDirectory
from deploy.local.state import DEFAULT_DIRECTORY

_KINDS = {"points": "points", "tag": "members", "tier": "members", "message": "messages"}


def withdraw(  # noqa: PLR0913 - the flags of a command
    part: Annotated[str, typer.Argument(help="points, segmentation or notify")],
    version: Annotated[int, typer.Argument(help="The number of the version.", min=1)],
    *,
    note: Annotated[str, typer.Option(help="Why; kept with the version.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Urls = None,
    token: Token = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Let a version count as never in force: its time is judged anew by the one before it."""
    console, path = Console(), f"/v1/program/{version}"
    with Management.find(url, token, state_dir) as services:
        shown = services.call(part, "GET", path)
        if shown["state"] != "withdrawn":
            preview = services.call(part, "POST", f"{path}:preview-withdraw")
            _show(part, shown, preview, console)
            if not yes:
                typer.confirm(f"Withdraw version {version} of {part}?", abort=True)
        told = services.call(part, "POST", f"{path}:withdraw", body={"note": note})
    if told["already"]:
        console.print(f"[bold]{part}[/]: version {version} was withdrawn {told['withdrawn_at']}")
    else:
        console.print(f"[bold]{part}[/]: version {version} is withdrawn")
    console.print(_progress(told["judging"]))


def _show(part: str, shown: dict[str, Any], preview: dict[str, Any], console: Console) -> None:
    since = shown["effective_from"] or "ever"
    console.print(
        f"[bold]{plain(part)}[/]: version {shown['version']}, {shown['state']}, since {since}:"
        f" {preview['members']} members have anything in its time"
    )
    if not preview["sample"]:
        return
    whole = preview["sample"] == preview["members"]
    of = "all of them" if whole else f"{preview['sample']} of them"
    console.print(f"Judged anew, {of}: something changes for {preview['changed']}")
    if not preview["changes"]:
        return
    table = Table("", "", "taken", "given", "", box=None)
    for change in preview["changes"]:
        taken = f"-{change['taken']}" if change["taken"] else ""
        given = f"+{change['given']}" if change["given"] else ""
        unit = _KINDS[change["kind"]]
        table.add_row(change["kind"], plain(change["name"]), taken, given, unit)
    console.print(table)


def _progress(judging: dict[str, Any]) -> str:
    if not judging["partitions_left"]:
        return f"judged anew: {judging['judged']} members, nobody is left"
    of = "" if judging["members"] is None else f" of about {judging['members']}"
    return f"judged anew so far: {judging['judged']}{of} members; the lanes go on by themselves"
