"""`regulars dead-letters` and `regulars program`, against services that answer over HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from deploy.cli.__main__ import build
from deploy.cli.management import ManagementError
from deploy.local.endpoints import FILE_NAME, Endpoints, write_endpoints
from shared.auth.tokens import Verifier, issue
from shared.clock import WallClock
from shared.db import Database
from shared.kafka.consumer import Record
from shared.observability.metrics import Metrics
from shared.runtime import dead_letters
from shared.runtime.http.app import build_app
from shared.runtime.http.dead_letters import dead_letters_router
from shared.runtime.http.health import HealthBoard
from shared.runtime.http.program import program_router
from shared.runtime.program import Mistake, ProgramError, ProgramHistory, ProgramPart
from shared.runtime.server import listen, serve
from tests.conftest import NewDatabase
from tests.integration.shared.runtime.http.serving import KEY, blind, runtime_database

pytestmark = pytest.mark.integration

SERVICES = ("points", "notify")
DEFAULT = {"rules": [{"id": "purchase", "points": 1}]}


def parse(document: Mapping[str, Any]) -> int:
    for index, rule in enumerate(document["rules"]):
        if rule["points"] <= 0:
            raise ProgramError([Mistake(f"/rules/{index}/points", "must be positive")])
    return len(document["rules"])


@asynccontextmanager
async def service(name: str, database: Database, stop: asyncio.Event) -> AsyncIterator[str]:
    """A service that answers on a port of its own; gives its URL."""
    clock = WallClock()
    part = ProgramPart(name, parse, DEFAULT)
    async with database.transaction() as tx:
        await ProgramHistory(part, clock).refresh(tx)
    app = build_app(
        service=name,
        title=name,
        routers=[
            dead_letters_router(database, clock),
            program_router(part, database, clock, blind(part, clock)),
        ],
        metrics=Metrics(name),
        health=HealthBoard(clock),
        verifier=Verifier.local(KEY),
        database=database,
        clock=clock,
    )
    opened: socket.socket = listen("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(app, opened, stop))
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        stop.set()


@pytest.fixture
async def databases(
    new_database: NewDatabase,
) -> AsyncIterator[dict[str, Database]]:
    async with (
        runtime_database(await new_database()) as points,
        runtime_database(await new_database()) as notify,
    ):
        yield {"points": points, "notify": notify}


@pytest.fixture
async def state_dir(databases: dict[str, Database], tmp_path: Path) -> AsyncIterator[Path]:
    """The state of a stack that is up."""
    stop = asyncio.Event()
    async with (
        service("points", databases["points"], stop) as points,
        service("notify", databases["notify"], stop) as notify,
    ):
        now = WallClock().now()
        endpoints = Endpoints(
            kafka="127.0.0.1:1",
            broker="kafka",
            services={"points": points, "notify": notify},
            databases={},
            processes={},
            source_key="",
            token=issue(KEY, subject="li", role="admin", expires_in_seconds=600, now=now),
        )
        write_endpoints(tmp_path / FILE_NAME, endpoints)
        yield tmp_path


Regulars = Callable[..., Awaitable[Result]]


@pytest.fixture
def regulars(state_dir: Path) -> Regulars:
    """Runs the command beside the services."""

    async def run(*arguments: str | Path, typed: str | None = None) -> Result:
        command = [*map(str, arguments), "--state-dir", str(state_dir)]
        runner = CliRunner(env={"COLUMNS": "200", "REGULARS_TOKEN": None})
        return await asyncio.to_thread(runner.invoke, build(), command, input=typed)

    return run


async def set_aside(database: Database, count: int, topic: str = "regulars.events") -> None:
    async with database.transaction() as tx:
        for offset in range(count):
            await dead_letters.insert(
                tx,
                "points",
                Record(topic, 0, offset, 0, b"m", b"[red]{bad", (("x", b"y"),)),
                kind="poison",
                error=f"no lot [{offset}]\nsecond line",
                now=WallClock().now(),
            )


async def test_letters_are_listed_shown_replayed_and_discarded(
    regulars: Regulars, databases: dict[str, Database]
) -> None:
    await set_aside(databases["points"], 3)
    told = await regulars("dead-letters", "list")
    assert told.exit_code == 0
    assert "points: 3 held" in told.output
    assert "notify: 0 held" in told.output
    assert "no lot [2]" in told.output
    assert "second line" not in told.output
    shown = await regulars("dead-letters", "show", "1", "--service", "points")
    assert "second line" in shown.output
    assert "x: y" in shown.output
    assert "[red]{bad" in shown.output, "what a stranger sent is no markup"
    raw = await regulars("dead-letters", "show", "1", "-s", "points", "--raw")
    assert raw.stdout_bytes == b"[red]{bad"
    assert (await regulars("dead-letters", "discard", "1", "-s", "points")).exit_code == 0
    replayed = await regulars("dead-letters", "replay", "1", "2", "-s", "points")
    assert "1 asked to be applied again" in replayed.output
    assert replayed.exit_code == 1
    assert "left as they are: 1" in replayed.output
    told = await regulars("dead-letters", "list", "--state", "all", "--json")
    letters = json.loads(told.stdout)["points"][0]
    assert {letter["id"]: letter["state"] for letter in letters} == {
        1: "discarded",
        2: "replaying",
        3: "held",
    }


async def test_letters_are_replayed_by_topic_and_all(
    regulars: Regulars, databases: dict[str, Database]
) -> None:
    await set_aside(databases["points"], 2)
    await set_aside(databases["points"], 2, topic="regulars.segments")
    by_topic = await regulars(
        "dead-letters", "replay", "-s", "points", "--topic", "regulars.segments"
    )
    assert "2 asked" in by_topic.output
    assert "2 asked" in (await regulars("dead-letters", "replay", "-s", "points", "--all")).output
    assert (await regulars("dead-letters", "replay", "-s", "points")).exit_code == 2


async def test_a_list_longer_than_a_page(
    regulars: Regulars, databases: dict[str, Database]
) -> None:
    await set_aside(databases["points"], 12)
    told = await regulars("dead-letters", "list", "-s", "points", "--limit", "7", "--json")
    letters, total = json.loads(told.stdout)["points"]
    assert (len(letters), total) == (7, 12)


async def test_a_refusal_is_told_in_the_services_words(regulars: Regulars) -> None:
    told = await regulars("dead-letters", "show", "77", "-s", "points")
    assert isinstance(told.exception, ManagementError)
    assert str(told.exception) == "points: there is no such dead letter"
    unknown = await regulars("dead-letters", "show", "77", "-s", "till")
    assert "no service 'till'; there are points, notify" in str(unknown.exception)


async def test_the_stacks_token_is_never_sent_elsewhere(regulars: Regulars) -> None:
    told = await regulars("dead-letters", "list", "--url", "points=http://127.0.0.1:1")
    assert "--token" in str(told.exception)


async def test_a_service_that_is_not_there(regulars: Regulars) -> None:
    url = "points=http://127.0.0.1:1"
    told = await regulars("dead-letters", "list", "--url", url, "--token", "x")
    assert "points at http://127.0.0.1:1 does not answer" in str(told.exception)
    assert (await regulars("dead-letters", "list", "--url", "nonsense")).exit_code == 2


def write(file: Path, **parts: int) -> Path:
    program = {
        name: {"rules": [{"id": "purchase", "points": points}]} for name, points in parts.items()
    }
    file.write_text(yaml.safe_dump(program))
    return file


async def test_a_program_is_compared_checked_and_applied(
    regulars: Regulars, tmp_path: Path
) -> None:
    same = write(tmp_path / "same.yaml", points=1, notify=1)
    assert (await regulars("program", "diff", same)).output.count("nothing changes") == 2
    wrong = write(tmp_path / "wrong.yaml", points=0, notify=-1)
    for command in ("validate", "apply"):
        told = await regulars("program", command, wrong)
        assert "points/rules/0/points: must be positive" in str(told.exception)
        assert "notify/rules/0/points: must be positive" in str(told.exception)
    better = write(tmp_path / "better.yaml", points=2, notify=1)
    assert "~ /rules/purchase/points  1 → 2" in (await regulars("program", "diff", better)).output
    refused = await regulars("program", "apply", better, typed="n\n")
    assert refused.exit_code == 1
    applied = await regulars("program", "apply", better, "--note", "spring", typed="y\n")
    assert applied.exit_code == 0, applied.output
    assert "points: version 2, in force from" in applied.output
    assert "notify: version" not in applied.output
    again = await regulars("program", "apply", better, "--yes")
    assert again.output.count("nothing changes") == 2


async def test_one_part_alone_and_from_when_on(regulars: Regulars, tmp_path: Path) -> None:
    better = write(tmp_path / "better.yaml", points=2, notify=2)
    begins = ("--effective-from", "2100-01-01T00:00:00+08:00")
    told = await regulars("program", "apply", better, "--part", "notify", "--yes", *begins)
    assert "notify: version 2, in force from 2099-12-31T16:00:00Z" in told.output
    assert "points:" not in told.output
    late = await regulars(
        "program", "apply", better, "--yes", "--effective-from", "2000-01-01T00:00:00Z"
    )
    assert "too early" in str(late.exception)
    assert (await regulars("program", "apply", better, "--effective-from", "soon")).exit_code == 2
    assert (await regulars("program", "apply", better, "--part", "till")).exit_code == 2


async def test_a_version_is_shown_and_withdrawn(regulars: Regulars, tmp_path: Path) -> None:
    better = write(tmp_path / "better.yaml", points=2, notify=1)
    await regulars("program", "apply", better, "--yes")
    refused = await regulars("program", "withdraw", "points", "2", typed="n\n")
    assert refused.exit_code == 1
    assert "version 2, planned" in refused.output
    assert "0 members have anything in its time" in refused.output
    done = await regulars("program", "withdraw", "points", "2", "--note", "wrong", typed="y\n")
    assert done.exit_code == 0, done.output
    assert "points: version 2 is withdrawn" in done.output
    assert "judged anew so far: 0 of about 0 members" in done.output
    again = await regulars("program", "withdraw", "points", "2", "--yes")
    assert "version 2 was withdrawn" in again.output
    first = await regulars("program", "withdraw", "points", "1", "--yes")
    assert "none before it" in str(first.exception)
    unknown = await regulars("program", "withdraw", "points", "9", "--yes")
    assert "there is no such version" in str(unknown.exception)


async def test_a_file_that_is_no_program(regulars: Regulars, tmp_path: Path) -> None:
    file = tmp_path / "program.yaml"
    file.write_text("points:\n  a: 1\n  a: 2\n")
    told = await regulars("program", "validate", file)
    assert "line 3: 'a' is given twice" in str(told.exception)


async def test_without_a_stack_it_says_what_to_do(tmp_path: Path) -> None:
    runner = CliRunner(env={"REGULARS_TOKEN": None})
    arguments = ["dead-letters", "list", "--state-dir", str(tmp_path)]
    told = await asyncio.to_thread(runner.invoke, build(), arguments)
    assert "make up" in str(told.exception)
