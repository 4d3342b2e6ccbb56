"""`endpoints.json`: where everything is while a stack is up, for people, tools and tests."""

from pathlib import Path
from typing import Literal

import msgspec

from deploy.local.state import write_private

FILE_NAME = "endpoints.json"


class Endpoints(msgspec.Struct, frozen=True):
    """Where a running stack can be reached.

    Attributes:
        kafka: host:port.
        broker: "kafka" or "tansu"; the latter keeps everything in memory.
        services: base URL of each service.
        databases: URL of each service's database, with its role and password.
        processes: process id of each process, up to date after restarts.
        source_key: of a source that may publish everything.
        token: of an administrator.
    """

    kafka: str
    broker: Literal["kafka", "tansu"]
    services: dict[str, str]
    databases: dict[str, str]
    processes: dict[str, int]
    source_key: str
    token: str


def write_endpoints(path: Path, endpoints: Endpoints) -> None:
    """Put the file in place, readable by its owner only."""
    write_private(path, msgspec.json.format(msgspec.json.encode(endpoints), indent=2) + b"\n")


def read_endpoints(path: Path) -> Endpoints | None:
    """What the file says; nothing where there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoints)
    except FileNotFoundError:
        return None
