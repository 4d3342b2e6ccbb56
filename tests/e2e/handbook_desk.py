"""A checkout of its own with a running stack, where pages of the handbook are typed in a shell."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.endpoints import Endpoints, read_endpoints
from shared.events.topics import EVENTS, INBOUND, SEGMENTS
from tests.handbook import ROOT, Block

_LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", ".regulars*", ".env", "__pycache__", ".*_cache", ".hypothesis", "*.parquet"
)
_READS = {
    "ingest": (INBOUND,),
    "points": (EVENTS, SEGMENTS),
    "segmentation": (EVENTS,),
    "notify": (EVENTS, SEGMENTS),
}
_PATIENCE_SECONDS = 60
_DONE = "--- so far the page works ---"
_FAIL_LOUDLY = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }\n'


class PageError(AssertionError):
    """A block of a page did not work; the message is all that the page has printed."""


@dataclass
class Desk:
    """A checkout, and the stack of it.

    Attributes:
        directory: the checkout's.
        environment: of the shells.
    """

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def endpoints(self) -> Endpoints:
        """Where the stack is."""
        found = read_endpoints(self.directory / ".regulars" / "endpoints.json")
        assert found is not None
        return found

    def run(self, command: str) -> str:
        """Run one command; answers what it printed."""
        done = subprocess.run(  # noqa: S603 - a command of the handbook
            ["/bin/bash", "-c", command],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PageError(done.stdout)
        return done.stdout

    async def follow(self, blocks: list[Block]) -> str:
        """Type a page's blocks into one shell, each when all came of the one before; what it said.

        Raises:
            PageError: a command failed, or an HTTP request was not answered with success.
        """
        (self.directory / ".yes").write_text("y\n" * 10)
        shell = await asyncio.create_subprocess_exec(
            *("/bin/bash", "-euo", "pipefail"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self.directory,
            env=self.environment,
        )
        assert shell.stdin is not None
        shell.stdin.write(_FAIL_LOUDLY.encode())
        said = ""
        try:
            for block in blocks:
                (self.directory / ".block").write_text(block.script)
                shell.stdin.write(f"source .block < .yes\necho; echo '{_DONE}'\n".encode())
                said += await self._answer(shell, block, said)
                await self.settled()
        finally:
            shell.stdin.close()
            await shell.wait()
        return said

    async def _answer(self, shell: asyncio.subprocess.Process, block: Block, said: str) -> str:
        assert shell.stdout is not None
        answer = ""
        while line := (await shell.stdout.readline()).decode():
            if line.strip() == _DONE:
                return answer
            answer += line
        raise PageError(f"{block.page}:{block.line}\n{block.script}\n{said}{answer}")

    async def settled(self) -> None:
        """Wait until every service has come to the end of what it reads, and published all."""
        endpoints = self.endpoints
        consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.kafka)
        await consumer.start()
        headers = {"authorization": f"Bearer {endpoints.token}"}
        try:
            async with (
                httpx.AsyncClient(headers=headers, timeout=30) as client,
                asyncio.timeout(_PATIENCE_SECONDS),
            ):
                quiet = 0
                while quiet < 2:  # one look at all services takes time, and they feed each other
                    quiet = quiet + 1 if await _at_the_end(endpoints, client, consumer) else 0
                    await asyncio.sleep(0.05)
        finally:
            await consumer.stop()


async def _at_the_end(
    endpoints: Endpoints, client: httpx.AsyncClient, consumer: AIOKafkaConsumer
) -> bool:
    for service, url in endpoints.services.items():
        progress = (await client.get(f"{url}/v1/progress")).json()
        if progress["outbox_messages"]:
            return False
        for topic in _READS[service]:
            places = [
                TopicPartition(topic, number)
                for number in consumer.partitions_for_topic(topic)
                or await _partitions(consumer, topic)
            ]
            for place, end in (await consumer.end_offsets(places)).items():
                read = 0
                for partitions in progress["consumers"].values():
                    held = partitions.get(str(place.partition), {"positions": {}})
                    read = max(read, held["positions"].get(topic, 0))
                if read < end:
                    return False
    return True


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """Partitions of a topic that the client has not heard of yet."""
    await consumer.topics()
    return set(consumer.partitions_for_topic(topic) or ())


@contextmanager
def checkout(directory: Path) -> Iterator[Desk]:
    """A copy of this checkout that uses the Python environment of the tests."""
    shutil.copytree(ROOT, directory, ignore=_LEFT_BEHIND)
    environment = directory / ".venv"
    environment.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != ".ready":
            (environment / entry.name).symlink_to(entry)
    (environment / ".ready").touch()  # newer than all: make has nothing to install
    kept = ("PATH", "HOME", "LANG", "XDG_CACHE_HOME", "JAVA_HOME", "TMPDIR")
    yield Desk(
        directory,
        {name: os.environ[name] for name in kept if name in os.environ},  # noqa: TID251 - passed on
    )
