"""The handbook's samples and commands are what they claim to be.

tests/e2e/test_handbook.py runs them.
"""

import json
import re
import subprocess
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from pydantic_settings import BaseSettings

from deploy.cli.__main__ import build
from deploy.local.settings import StackSettings
from services.ingest.settings import IngestSettings
from services.notify.settings import NotifySettings
from services.points.settings import PointsSettings
from services.segmentation.settings import SegmentationSettings
from shared.observability.metrics import Metrics
from shared.runtime.environment import variable_of
from tests.handbook import NOT_RUN, ROOT, Block, all_blocks, pages
from tests.settings import TestServers

SETTINGS: tuple[type[BaseSettings], ...] = (
    *(IngestSettings, PointsSettings, SegmentationSettings, NotifySettings),
    *(StackSettings, TestServers),
)


def _name(block: Block) -> str:
    return f"{block.page}:{block.line}"


@pytest.mark.parametrize("block", all_blocks("json"), ids=_name)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=_name)
def test_yaml_is_yaml(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.text), dict)


@pytest.mark.parametrize("block", all_blocks("sh"), ids=_name)
def test_the_shell_can_read_commands(block: Block) -> None:
    read = subprocess.run(
        ["/bin/bash", "-n"], input=block.text, text=True, capture_output=True, check=False
    )
    assert read.returncode == 0, read.stderr


def test_what_is_not_run_is_still_in_the_handbook() -> None:
    written = {line for block in all_blocks("sh") for line in block.lines}
    assert set(NOT_RUN) <= written


@pytest.mark.parametrize("page", pages())
def test_the_command_is_called_as_it_can_be_called(page: str) -> None:
    text = (ROOT / page).read_text()
    assert not re.findall(r"(?:^|[`\s(])regulars [a-z][^\n`]*", text, re.MULTILINE)
    assert not re.findall(
        r"(?:^|`)python3? -m (?:services|shared|deploy)[^\n`]*", text, re.MULTILINE
    )


@pytest.mark.parametrize("page", pages())
def test_commands_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    regulars: Any = typer.main.get_command(build())
    for words in re.findall(r"\.venv/bin/regulars ((?:[a-z][a-z-]* ?)+)", text):
        command = regulars
        for word in words.split():
            if not hasattr(command, "commands"):
                break  # the arguments begin
            assert word in command.commands, words
            command = command.commands[word]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", pages())
def test_variables_that_are_named_are_read(page: str) -> None:
    known = {variable_of(kind, name) for kind in SETTINGS for name in kind.model_fields}
    known |= {"REGULARS_TOKEN"}  # of the command line
    named = set(re.findall(r"\bREGULARS_[A-Z_]+\b(?!…)", (ROOT / page).read_text()))
    assert named <= known | {"REGULARS_WEBHOOK_SECRET"}


@pytest.mark.parametrize("kind", SETTINGS[:4])
def test_operating_names_every_setting(kind: type[BaseSettings]) -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    own = {"database", "port", "webhook_secrets"}  # one line for all services, or many variables
    variables = {variable_of(kind, name) for name in kind.model_fields if name not in own}
    assert {name for name in variables if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", pages())
def test_paths_that_are_named_are_served(page: str) -> None:
    sources = [path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    written = "".join(path.read_text() for path in sources)
    served = {_nameless(path) for path in re.findall(r'"(/v1/[^"\s?]*)"', written)}
    named = re.findall(r"/v1/[A-Za-z/:{}$_-]*[A-Za-z}]", (ROOT / page).read_text())
    assert {path for path in named if _nameless(path) not in served} == set()


def _nameless(path: str) -> str:
    """A path whose parameters have no names."""
    return re.sub(r"\{[^}]*\}|\$[A-Z]+", "{}", path)


@pytest.mark.parametrize("page", pages())
def test_figures_that_are_named_are_measured(page: str) -> None:
    measured = generate_latest(Metrics("points", CollectorRegistry()).registry).decode()
    named = re.findall(r"`(regulars_[a-z_]+)`", (ROOT / page).read_text())
    assert {name for name in named if f"# HELP {name}" not in measured} == set()
