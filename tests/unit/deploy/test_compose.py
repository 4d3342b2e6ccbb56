"""The compose file: secrets come from outside, and the example names all of them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.postgres import MAJOR, find_binaries

ROOT = Path(__file__).parents[3]
COMPOSE = (ROOT / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    return found


def test_every_secret_is_a_variable_of_the_example() -> None:
    example = (ROOT / "deploy" / "compose.env.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE))
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    optional = set(re.findall(r"\$\{([A-Z_]+):-", COMPOSE))
    assert used - optional == named


def test_no_password_or_key_is_written_in_the_file(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|KEY$|SECRET|TOKEN", variable):
                assert str(value).startswith("${"), f"{name}: {variable}"
        assert "@" not in re.sub(r"\$\{[^}]*\}@", "", str(service.get("environment"))).replace(
            "1@kafka", ""
        )


def test_ports_are_open_to_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_everything_that_stays_up_says_whether_it_is_well(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "healthcheck" not in service} == {
        "prepare"
    }


def test_each_service_has_its_own_database_and_no_other(services: dict[str, Any]) -> None:
    for name in ("ingest", "points", "segmentation", "notify"):
        databases = [
            variable
            for variable in services[name]["environment"]
            if variable.startswith("REGULARS_DATABASE_")
        ]
        assert databases == [f"REGULARS_DATABASE_{name.upper()}"]


def test_there_is_one_version_of_postgresql(services: dict[str, Any]) -> None:
    assert services["postgres"]["image"] == f"postgres:{MAJOR}"
    # from 18 on the image refuses a volume at the old place, …/data
    assert "postgres:/var/lib/postgresql" in services["postgres"]["volumes"]
    described = subprocess.run(  # noqa: S603 - of the wheel that we install
        [find_binaries() / "pg_config", "--version"], capture_output=True, text=True, check=True
    )
    assert described.stdout.split()[1].partition(".")[0] == str(MAJOR)
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {
        number for page in pages for number in re.findall(r"PostgreSQL (\d+)", page.read_text())
    }
    assert named <= {str(MAJOR)}


def test_who_has_no_secrets_yet_is_told_how_to_make_them() -> None:
    required = re.findall(r"\$\{[A-Z_]+:\?([^}]*)\}", COMPOSE)
    assert required
    assert set(required) == {"run make secrets first"}
