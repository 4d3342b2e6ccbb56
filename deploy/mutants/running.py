"""Runs the sample: workers in copies of the tree side by side, fed from one queue."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deploy.mutants.areas import Area
from deploy.mutants.covering import Covered
from deploy.mutants.errors import RedBaselineError
from deploy.mutants.finding import Mutant
from deploy.mutants.tree import copy_tree, digest_of
from deploy.mutants.worker import Answer, Job

_LONGEST_LINE_BYTES = 1 << 28
_BASELINE_SECONDS = 1800.0
_SPARE_SECONDS = 30.0
_SLOWER = 4
"""How many times as long a test may take as without a change: others use the machine too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A change and what came of it.

    Attributes:
        mutant: the change.
        killed: whether a test noticed, or everything hung.
        tests: how many tests could have noticed.
        seconds: that it took.
        said: the end of what pytest said.
    """

    mutant: Mutant
    killed: bool
    tests: int
    seconds: float
    said: str


@dataclass(slots=True)
class Worker:
    """A warm process in a copy of the tree."""

    process: asyncio.subprocess.Process

    async def ask(self, job: Job) -> Answer:
        """Run a job and wait for its answer."""
        assert self.process.stdin is not None  # noqa: S101 - piped below
        assert self.process.stdout is not None  # noqa: S101
        self.process.stdin.write(msgspec.json.encode(job) + b"\n")
        await self.process.stdin.drain()
        return msgspec.json.decode(await self.process.stdout.readline(), type=Answer)


@asynccontextmanager
async def worker(root: Path, copy: Path, environment: Mapping[str, str]) -> AsyncIterator[Worker]:
    """A worker in a new copy of the tree, for as long as the block runs."""
    copy_tree(root, copy)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.mutants.worker",
        cwd=copy,
        env={**os.environ, **environment},  # noqa: TID251 - what tests see, they see here as well
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE_BYTES,
    )
    try:
        yield Worker(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def learn(one: Worker, area: Area, root: Path, kept: Path) -> Covered:
    """What the tests run with nothing changed; RedBaselineError where they fail twice.

    It is kept in a file for as long as nothing in the tree changes.
    """
    known = kept / f"{digest_of(root)}.json"
    if known.exists():
        return msgspec.json.decode(known.read_bytes(), type=Covered)
    job = Job(area.files(root), "", area.present_tests(root), 60, _BASELINE_SECONDS)
    answer = await one.ask(job)
    if answer.covered is not None and answer.covered.failed:
        answer = await one.ask(job)
    covered = answer.covered
    if covered is None or covered.failed or not covered.seconds:
        failed = (
            "\n".join(f"{name}: {why}" for name, why in covered.failed.items()) if covered else ""
        )
        raise RedBaselineError(f"tests fail with nothing changed:\n{failed or answer.said}")
    _keep(covered, known)
    return covered


def _keep(covered: Covered, path: Path) -> None:
    """In the place of what was known of earlier trees."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob("*.json"):
        old.unlink()
    path.write_bytes(msgspec.json.encode(covered))


async def hold_against(
    workers: Sequence[Worker],
    mutants: Sequence[Mutant],
    covered: Covered,
    tell: Callable[[Outcome], None],
) -> list[Outcome]:
    """Run the tests of each change; outcomes come in the order in which they are known."""
    waiting = list(reversed(mutants))
    outcomes: list[Outcome] = []

    async def work(one: Worker) -> None:
        while waiting:
            outcome = await _outcome(one, waiting.pop(), covered)
            outcomes.append(outcome)
            tell(outcome)

    async with asyncio.TaskGroup() as group:
        for one in workers:
            group.create_task(work(one))
    return outcomes


async def _outcome(one: Worker, mutant: Mutant, covered: Covered) -> Outcome:
    tests = covered.tests_for(mutant)
    if not tests:
        return Outcome(mutant, killed=False, tests=0, seconds=0, said="no test comes here")
    took = [covered.seconds[test] for test in tests]
    job = Job(
        paths=[mutant.path],
        source=mutant.source,
        tests=tests,
        test_seconds=max(took) * _SLOWER + _SPARE_SECONDS / 2,
        seconds=sum(took) * _SLOWER + _SPARE_SECONDS * 2,
    )
    answer = await one.ask(job)
    return Outcome(mutant, answer.code != 0, len(tests), answer.seconds, answer.said)
