"""Every alert fires when it must and is silent when it must; the handbook has a section on each."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.debian import program

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
CASES = sorted((PROMETHEUS / "tests").glob("*.yaml"))
_SECONDS_MAX = 120


def _alerts() -> list[str]:
    document: dict[str, Any] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
    return [rule["alert"] for group in document["groups"] for rule in group["rules"]]


def _cases() -> list[tuple[str, bool]]:
    """Of each case: the alert that it asks for, and whether it expects it to fire."""
    return [
        (case["name"].split()[0], bool(asked["exp_samples"]))
        for file in CASES
        for case in yaml.safe_load(file.read_text())["tests"]
        for asked in case["promql_expr_test"]
        if f'alertname="{case["name"].split()[0]}"' in asked["expr"]
    ]


def _promtool(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own files
        [program("promtool", "prometheus"), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", _alerts())
def test_an_alert_has_a_case_of_each_kind(alert: str) -> None:
    kinds = {fires for name, fires in _cases() if name == alert}
    assert kinds == {True, False}


def test_every_case_asks_for_an_alert_that_there_is() -> None:
    assert {name for name, _ in _cases()} == set(_alerts())


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.name)
def test_the_cases_hold(file: Path) -> None:
    _promtool("test", "rules", str(file))


def test_what_compose_gives_prometheus_is_valid() -> None:
    _promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    _promtool("check", "rules", *map(str, sorted(PROMETHEUS.glob("[!p]*.yml"))))


@pytest.mark.parametrize("alert", _alerts())
def test_the_handbook_has_a_section_on_each(alert: str) -> None:
    handbook = (ROOT / "docs" / "operating.md").read_text()
    assert re.search(rf"^#### {alert}$", handbook, re.MULTILINE)
