"""A real Prometheus for a test: it scrapes the services of a stack, under the rules we ship."""

import json
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml

from deploy.local.child import Child
from deploy.local.ports import LOOPBACK, choose
from deploy.local.supervisor import Supervisor
from tests.debian import program

RULES = Path(__file__).parents[2] / "deploy" / "prometheus"
_DURATION = re.compile(r"(?<=\[|:|t) ?(\d+)(s|m|h)\b")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def scaled(rules: str, factor: float) -> str:
    """The same rules with every duration (`for:`, `[…]`, `offset`) divided by a factor."""

    def shorter(found: re.Match[str]) -> str:
        milliseconds = int(found[1]) * _SECONDS[found[2]] * 1000 / factor
        blank = " " if found[0].startswith(" ") else ""
        return f"{blank}{max(1, round(milliseconds))}ms"

    return _DURATION.sub(shorter, rules)


@dataclass
class Prometheus:
    """A running one.

    Attributes:
        client: its HTTP API.
        targets: the file in which it finds the services.
    """

    client: httpx.AsyncClient
    targets: Path

    def watch(self, services: Mapping[str, str]) -> None:
        """Scrape these and no others: a service by its URL."""
        told = [
            {"targets": [urlsplit(url).netloc], "labels": {"service": service}}
            for service, url in services.items()
        ]
        scratch = self.targets.with_suffix(".new")
        scratch.write_text(json.dumps(told))
        scratch.replace(self.targets)

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression, now."""
        answer = await self.client.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        series: list[dict[str, Any]] = answer.json()["data"]["result"]
        return series

    async def firing(self) -> list[dict[str, Any]]:
        """The alerts that fire now, with labels and annotations."""
        answer = await self.client.get("/api/v1/alerts")
        alerts = answer.json()["data"]["alerts"]
        return [alert for alert in alerts if alert["state"] == "firing"]


@asynccontextmanager
async def prometheus(directory: Path, *, factor: float = 1.0) -> AsyncIterator[Prometheus]:
    """Start one; it scrapes every second, and its rules are quicker by a factor."""
    binary = program("prometheus", "prometheus")
    targets = directory / "targets.json"
    _configure(directory, targets, factor)
    [port] = choose([None])
    address = f"{LOOPBACK}:{port}"

    async def ready() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"http://{address}/-/ready")).status_code == 200
            except httpx.TransportError:
                return False

    child = Child(
        name="prometheus",
        argv=(
            str(binary),
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ),
        ready=ready,
        directory=directory,
    )
    async with Supervisor(directory / "logs") as supervisor:
        await supervisor.start(child)
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=10) as client:
            yield Prometheus(client, targets)


def _configure(directory: Path, targets: Path, factor: float) -> None:
    """Write what it reads: our rules, and where it will be told what to scrape."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in ("alerts.yml", "expected.yml"):
        (directory / name).write_text(scaled((RULES / name).read_text(), factor))
    targets.write_text("[]")
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yml", "expected.yml"],
        "scrape_configs": [
            {
                "job_name": "regulars",
                "honor_labels": True,
                "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
            }
        ],
    }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
