"""Every command of the handbook, typed as it is written, against one running stack.

What is not run is listed with the reason in tests/handbook.py. Samples in JSON and YAML are
accepted by the services that they are meant for.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from shared.events.topics import EVENTS
from tests.debian import kcat
from tests.e2e.handbook_desk import Desk, PageError, checkout
from tests.handbook import DOWN, ROOT, UP, Block, all_blocks, blocks, pages
from tests.java import java_with_kafka

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SAYS = {
    "README.md": ['"member_id"'],
    "README.zh.md": ['"member_id"'],
    "docs/quick-start.md": [
        '"status":"accepted"',
        '"available": 35',
        '"balance":85',
        "points: version 2",
    ],
    "docs/publishing-events.md": [
        "sdk-binary accepted",
        "java-2 is at",
        "regulars.points.moved.v1",
    ],
    "docs/program.md": ["points: valid", "nothing changes"],
    "docs/operating.md": ["regulars.events"],
}
"""What a reader is told to expect of a page."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    if shutil.which("make") is None:
        pytest.skip("the handbook's commands need make")
    with checkout(tmp_path_factory.mktemp("handbook") / "regulars") as made:
        try:
            made.run(UP)
            yield made
        finally:
            made.run(DOWN)


def runnable(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == "sh" and block.script.strip()]


@pytest.mark.parametrize("page", [page for page in pages() if runnable(page)])
async def test_a_page_followed_as_written_works(desk: Desk, page: str) -> None:
    (desk.directory / ".env").unlink(missing_ok=True)  # `make secrets` is on more than one page
    todo = runnable(page)
    provide_programs(desk, todo)
    if "dead-letters" in "".join(block.script for block in todo):
        todo = with_letters(todo, await held(desk))
    said = await desk.follow(todo)
    for words in SAYS[page]:
        assert words in said
    assert not [secret for secret in secrets(desk) if secret in said]


def provide_programs(desk: Desk, todo: list[Block]) -> None:
    """Have what a page takes for granted; skips where it cannot be had."""
    words = " ".join(block.script for block in todo).split()
    if "java" in words:
        java_with_kafka()
    if "kcat" in words and shutil.which("kcat") is None:
        desk.environment["PATH"] += f":{kcat().parent}"


def secrets(desk: Desk) -> set[str]:
    """Everything that nobody should read over somebody's shoulder, or in a log."""
    kept = json.loads((desk.directory / ".regulars" / "secrets.json").read_text())
    found = {desk.endpoints.token, *kept.pop("database_passwords").values(), *kept.values()}
    assert len(found) == 9
    return found


async def held(desk: Desk) -> list[int]:
    """Make dead letters of points; answers their numbers."""
    async with AIOKafkaProducer(bootstrap_servers=desk.endpoints.kafka) as producer:
        for number in range(3):
            await producer.send_and_wait(EVENTS, b"no event", key=b"%d" % number)
    await desk.settled()
    async with httpx.AsyncClient(
        headers={"authorization": f"Bearer {desk.endpoints.token}"}
    ) as client:
        answer = await client.get(f"{desk.endpoints.services['points']}/v1/dead-letters")
    return [letter["id"] for letter in answer.json()["items"]]


def with_letters(todo: list[Block], letters: list[int]) -> list[Block]:
    """The page's numbers 17 to 19 are those of letters that are there."""
    numbers = dict(zip(("17", "18", "19"), map(str, letters), strict=False))
    return [
        replace(
            block,
            text=re.sub(r"\b1[789]\b(?=.*--service)", lambda found: numbers[found[0]], block.text),
        )
        for block in todo
    ]


def test_no_secret_is_printed_or_logged(desk: Desk) -> None:
    printed = desk.run(UP + " || true") + desk.run(".venv/bin/regulars status")
    logs = list((desk.directory / ".regulars" / "logs").iterdir())
    assert logs
    written = printed + "".join(log.read_text(errors="replace") for log in logs)
    assert not [secret for secret in secrets(desk) if secret in written]
    tracked = desk.run(f"git -C {ROOT} check-ignore .env .regulars/secrets.json")
    assert len(tracked.splitlines()) == 2


def test_a_block_that_fails_would_be_seen(desk: Desk) -> None:
    with pytest.raises(PageError, match="no such thing"):
        desk.run("echo no such thing; false")


async def test_sample_events_are_accepted(desk: Desk) -> None:
    samples = [json.loads(block.text) for block in all_blocks("json")]
    events = [sample for sample in samples if "specversion" in sample]
    assert events
    async with httpx.AsyncClient(
        headers={"authorization": f"Bearer {desk.endpoints.source_key}"}
    ) as client:
        for event in events:
            answer = await client.post(f"{desk.endpoints.services['ingest']}/v1/events", json=event)
            assert answer.status_code == 202, answer.text


def test_samples_are_part_of_a_valid_program(desk: Desk) -> None:
    program = yaml.safe_load((desk.directory / "deploy" / "program.yaml").read_text())
    samples = [yaml.safe_load(block.text) for block in all_blocks("yaml")]
    assert samples
    for part in ("points", "segmentation", "notify"):
        for sample in samples:
            program[part] |= sample.get(part, {})
    for number, sample in enumerate(each for each in samples if "when" in each):
        title = {"zh": "示例", "en": "A sample"}
        tag = {"tag": f"sample_{number}", "title": title, **sample}
        program["segmentation"]["groups"].append(
            {"id": f"samples_{number}", "title": title, "exclusive": False, "tags": [tag]}
        )
    (desk.directory / "samples.yaml").write_text(yaml.safe_dump(program, allow_unicode=True))
    said = desk.run(".venv/bin/regulars program validate samples.yaml")
    assert "points: valid" in said
    assert "segmentation: valid" in said
