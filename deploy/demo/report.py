"""The figures for people: a table, and where to look further."""

import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.demo.figures import Details, Figures
from deploy.local.endpoints import Endpoints

_TAGS_MAX: Final = 10


def show(console: Console, figures: Figures, details: Details) -> None:
    """Print everything that came out."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    table.add_column(justify="right")
    _rows(table, "events published", figures.events_by_type, figures.events_published)
    table.add_row("members", "", f"{figures.members:,}")
    table.add_row("points issued", _books(details), f"{figures.points_issued:,}")
    _rows(table, "members per tier", figures.members_by_tier)
    _rows(table, "top tags", dict(islice(_largest(details.members_by_tag).items(), _TAGS_MAX)))
    _rows(table, "jobs per step", _largest(figures.jobs_by_step))
    _rows(table, "suppressed", _largest(figures.suppressed_by_reason))
    table.add_row("dead letters", "", f"{figures.dead_letters:,}")
    title = "time per service"
    for name, time in details.time_per_service.items():
        shares = f"{time.cpu_seconds:.1f} s CPU"
        if time.batch_seconds:
            shares += f", {time.batch_seconds:.1f} s of all lanes"
        table.add_row(title, name, shares)
        title = ""
    table.add_row("end to end", f"on {figures.broker}", f"{figures.seconds:,.1f} s")
    table.add_row("", "events a second", f"{figures.events_per_second:,.0f}")
    each = max(figures.events_published, 1)
    for name, kept in (("Kafka", details.kafka_bytes), ("PostgreSQL", details.postgres_bytes)):
        told = f"{kept / 1_000_000:,.0f} MB, {kept / each:,.0f} bytes an event"
        table.add_row("kept" if name == "Kafka" else "", f"on {name}", told)
    console.print(table)


def show_urls(
    console: Console, endpoints: Endpoints, state_dir: Path, member_id: str | None
) -> None:
    """Print where to look further, and how to get a token for it."""
    urls = endpoints.services
    console.print("\nLook further:", style="bold")
    for name, url in urls.items():
        console.print(f"  {name:<13} {url}/docs", highlight=False)
    if member_id is None:
        return
    regulars = _near(Path(sys.executable).with_name("regulars"))
    token = f"TOKEN=$({regulars} token --role analyst --state-dir {_near(state_dir)})"
    console.print("\nOne member, explained:", style="bold")
    console.print(f"  {token}", highlight=False, soft_wrap=True)
    for title, path in (
        ("points", f"{urls['points']}/v1/members/{member_id}/account"),
        ("why", f"{urls['points']}/v1/members/{member_id}/transfers"),
        ("tags and tier", f"{urls['segmentation']}/v1/members/{member_id}"),
        ("messages", f"{urls['notify']}/v1/members/{member_id}/messages"),
    ):
        command = f'curl -H "authorization: Bearer $TOKEN" {path}'
        console.print(f"  {title:<13} {command}", highlight=False, soft_wrap=True)


def _rows(table: Table, title: str, counts: Mapping[str, int], total: int | None = None) -> None:
    if total is not None:
        table.add_row(title, "", f"{total:,}")
        title = ""
    for name, count in counts.items():
        table.add_row(title, name, f"{count:,}")
        title = ""
    if not counts and total is None:
        table.add_row(title, "none", "0")


def _near(path: Path) -> Path:
    """A path as one would type it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _books(details: Details) -> str:
    return "the books balance" if details.books_balance else "[red]THE BOOKS DO NOT BALANCE[/]"


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    """The largest first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
