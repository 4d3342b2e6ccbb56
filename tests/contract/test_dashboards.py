"""Alerts and dashboards speak of metrics that exist; one renamed in code alone would go silent."""

import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from shared.observability.metrics import Metrics

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("deploy/prometheus/*.yml"), *ROOT.glob("deploy/grafana/dashboards/*.json")]
_NAME = re.compile(r"\bregulars_[a-z0-9_]+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def _exposed() -> set[str]:
    """Names on the runtime's page (its TYPE lines), and those in services' metrics.py."""
    page = generate_latest(Metrics("any").registry).decode()
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    for file in ROOT.glob("services/*/metrics.py"):
        names |= set(_NAME.findall(file.read_text("utf-8")))
    return names


def test_there_is_something_to_check() -> None:
    assert len(FILES) >= 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_metric_named_exists(file: Path) -> None:
    named = set(_NAME.findall(file.read_text("utf-8")))
    exposed = _exposed()
    unknown = {
        name for name in named if name not in exposed and _SUFFIX.sub("", name) not in exposed
    }
    assert not unknown
