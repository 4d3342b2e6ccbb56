"""What a process says that was started without its settings, or with wrong ones."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.ingest.settings import IngestSettings
from services.notify.settings import NotifySettings
from services.points.settings import PointsSettings
from services.segmentation.settings import SegmentationSettings
from shared.runtime.environment import SettingsRefused, read_settings, read_some, variable_of
from shared.runtime.settings import ServiceSettings

ROOT = Path(__file__).parents[4]
_KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="


def _refuse(_value: SecretStr) -> SecretStr:
    raise ValueError("is not to our taste")


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TRIAL_", env_ignore_empty=True, extra="ignore")

    database: SecretStr = Field(validation_alias="TRIAL_DATABASE_X", description="a database")
    key: Annotated[SecretStr, AfterValidator(_refuse)] = Field(description="a key")
    many: int = Field(description="how many", ge=1, examples=["4"])


def _refused(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[str, ...]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsRefused) as caught:
        read_settings(_Settings)
    return caught.value.lines


def test_what_is_missing_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _refused(monkeypatch, TRIAL_MANY="") == (
        "TRIAL_DATABASE_X: missing · a database",
        "TRIAL_KEY: missing · a key",
        "TRIAL_MANY: missing · how many · for example TRIAL_MANY=4",
    )


def test_what_is_wrong_is_said_and_its_value_never(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = _refused(monkeypatch, TRIAL_DATABASE_X="hush", TRIAL_KEY="hush", TRIAL_MANY="hush")
    assert lines[0] == "TRIAL_KEY: is not to our taste · a key"
    assert lines[1].startswith("TRIAL_MANY: should be a valid integer")
    assert "hush" not in str(lines)


def test_a_chore_needs_no_more_than_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAL_DATABASE_X", "postgresql://x")
    assert read_some(_Settings, "database").database.get_secret_value() == "postgresql://x"
    with pytest.raises(SettingsRefused, match="TRIAL_MANY: missing"):
        read_some(_Settings, "database", "many")


def test_variables_have_the_prefix_or_their_own_name() -> None:
    assert variable_of(_Settings, "many") == "TRIAL_MANY"
    assert variable_of(_Settings, "database") == "TRIAL_DATABASE_X"


def _start(service: str, *role: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a module of ours
        [sys.executable, "-m", f"services.{service}", *role],
        env={"PATH": "/usr/bin:/bin", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def _variables(answer: subprocess.CompletedProcess[str]) -> list[str]:
    """Of the lines after the heading."""
    return [line.strip().partition(":")[0] for line in answer.stderr.splitlines()[1:]]


def _right(service: str) -> Mapping[str, str]:
    return {
        "REGULARS_KAFKA": "127.0.0.1:1",
        f"REGULARS_DATABASE_{service.upper()}": "postgresql://a:hush@127.0.0.1:1/a",
        "REGULARS_TOKEN_KEY": _KEY,
        "REGULARS_PII_KEY": _KEY,
    }


@pytest.mark.parametrize("settings", [PointsSettings, SegmentationSettings, NotifySettings])
def test_every_service_says_all_that_it_needs(
    monkeypatch: pytest.MonkeyPatch, settings: type[ServiceSettings]
) -> None:
    for name in settings.model_fields:
        monkeypatch.delenv(variable_of(settings, name), raising=False)
    with pytest.raises(SettingsRefused) as caught:
        read_settings(settings)
    service = settings.__name__.removesuffix("Settings").lower()
    named = {line.partition(":")[0] for line in caught.value.lines}
    assert named == set(_right(service)) - {"REGULARS_PII_KEY"}


def test_a_bare_service_says_all_that_it_needs_and_no_traceback() -> None:
    answer = _start("ingest")
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert set(_variables(answer)) == set(_right("ingest"))


def test_of_wrong_settings_every_one_is_said_and_no_secret() -> None:
    wrong = {
        "REGULARS_DATABASE_INGEST": "mysql://ingest:hush@127.0.0.1/ingest",
        "REGULARS_INGEST_PORT": "70000",
        "REGULARS_KAFKA": "localhost",
        "REGULARS_PARTITIONS": "many",
        "REGULARS_TOKEN_KEY": "hush",
        "REGULARS_PII_KEY": "hush",
        "REGULARS_BLOCKED_NAMES": '["nobody"]',
        "REGULARS_NAMES_MAX": "hush",
        "REGULARS_PERSONAL_FIELDS": "[7]",
        "REGULARS_LOG_LEVEL": "LOUD",
    }
    answer = _start("ingest", **wrong)
    assert answer.returncode == 2
    assert set(_variables(answer)) == set(wrong)
    assert "hush" not in answer.stderr


def test_lists_and_objects_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _right("ingest").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REGULARS_NAMES_MAX", '{"card": 9}')
    monkeypatch.setenv("REGULARS_PERSONAL_FIELDS", '["name"]')
    settings = read_settings(IngestSettings)
    assert settings.names_max == {"card": 9}
    assert settings.personal_fields == frozenset({"name"})


def test_a_program_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _right("points").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REGULARS_PROGRAM", "/nowhere/program.yaml")
    with pytest.raises(SettingsRefused) as caught:
        read_settings(PointsSettings)
    [line] = caught.value.lines
    assert line.startswith("REGULARS_PROGRAM: /nowhere/program.yaml: ")


def test_a_program_without_the_services_part_is_said_in_one_line(tmp_path: Path) -> None:
    program = tmp_path / "program.yaml"
    program.write_text("notify: {}\n")
    answer = _start("points", **_right("points"), REGULARS_PROGRAM=str(program))
    assert answer.returncode == 2
    last = answer.stderr.splitlines()[-1]
    assert last == f"points cannot start: {program} has no section 'points'"
    assert "Traceback" not in answer.stderr


def test_half_an_identity_provider_is_named_by_the_missing_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in _right("points").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("REGULARS_TOKEN_KEY")
    monkeypatch.setenv("REGULARS_TOKEN_JWKS_URL", "https://login.example/keys")
    with pytest.raises(SettingsRefused) as caught:
        read_settings(PointsSettings)
    assert caught.value.lines == ("REGULARS_TOKEN_JWKS_URL needs REGULARS_TOKEN_ISSUER beside it",)


def test_to_migrate_a_database_is_enough() -> None:
    answer = _start("points", "migrate")
    assert answer.returncode == 2
    assert _variables(answer) == ["REGULARS_DATABASE_POINTS"]
