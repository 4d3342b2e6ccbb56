"""The services as children: which processes there are, their ports, their environment."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.local.child import TAIL_LINES, Child, child_environment
from deploy.local.errors import ChildFailedError
from deploy.local.ports import LOOPBACK

ROOT = Path(__file__).parents[2]
"""The checkout: services are run as modules from here."""

SERVICES = ("ingest", "points", "segmentation", "notify")

USUAL_PORTS: Mapping[str, int] = {
    "postgres": 5432,
    "kafka": 9092,
    "kafka-controller": 9093,
    "ingest": 8001,
    "points": 8002,
    "segmentation": 8003,
    "notify": 8004,
}

StackClock = Literal["wall", "stream"]
"""What services take for now: the system's time, or the events' own."""

_ROLES = ("serve", "consume", "schedule", "relay")
_MORE_ROLES: Mapping[str, tuple[str, ...]] = {"notify": ("deliver",)}
_HTTP_OK = 200
_PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """One process of a service.

    Attributes:
        service: its name.
        role: "all", or the one role that this process plays.
        number: from 2 for further processes of the same role.
    """

    service: str
    role: str
    number: int = 1

    @property
    def name(self) -> str:
        """`points` where HTTP is served; `points-consume`; `points-consume-2` beside it."""
        name = self.service if self.role in ("all", "serve") else f"{self.service}-{self.role}"
        return name if self.number == 1 else f"{self.service}-{self.role}-{self.number}"


def parts_of(service: str, *, split_roles: bool, clock: str) -> list[Part]:
    """The processes of a service: one with all roles, or one for each role.

    With the stream clock nothing is delivered: a replay never speaks to the outside.
    """
    if not split_roles:
        return [Part(service, "all")]
    more = () if clock == "stream" else _MORE_ROLES.get(service, ())
    return [Part(service, role) for role in (*_ROLES, *more)]


def service_child(part: Part, port: int, environment: Mapping[str, str]) -> Child:
    """A process of a service as a child of the supervisor.

    Args:
        part: which process.
        port: of its HTTP server.
        environment: what the service reads its settings from.
    """

    async def ready() -> bool:
        return await is_ready(port)

    return Child(
        name=part.name,
        argv=(sys.executable, "-m", f"services.{part.service}", part.role),
        ready=ready,
        environment={
            **environment,
            f"REGULARS_{part.service.upper()}_PORT": str(port),
            "REGULARS_HOST": LOOPBACK,
            "REGULARS_INSTANCE": part.name,
        },
        directory=ROOT,
    )


async def is_ready(port: int) -> bool:
    """Whether the service behind a port answers /readyz with 200."""
    async with asyncio.timeout(_PROBE_SECONDS):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(
                f"GET /readyz HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode()
            )
            await writer.drain()
            status = await reader.readline()
        finally:
            writer.close()
    return status.split(b" ")[1:2] == [str(_HTTP_OK).encode()]


async def migrate(urls: Mapping[str, str]) -> None:
    """Bring the databases of services to their newest revision.

    All in one process beside ours: importing what migrations need takes longer than they do.

    Raises:
        ChildFailedError: with the last lines of it.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.migrations", "upgrade", *urls),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=child_environment(
            {f"REGULARS_DATABASE_{service.upper()}": url for service, url in urls.items()}
        ),
        cwd=ROOT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        lines = output.decode(errors="replace").splitlines()
        raise ChildFailedError("migrate", "failed", lines[-TAIL_LINES:])
