"""`regulars env`: what the handbook's commands take as given."""

import subprocess
from pathlib import Path

import pytest

from deploy.cli.variables import print_variables
from deploy.local.endpoints import FILE_NAME, Endpoints, write_endpoints
from deploy.local.errors import StateMissingError


def test_a_shell_can_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    endpoints = Endpoints(
        kafka="127.0.0.1:9092",
        broker="kafka",
        services={"ingest": "http://127.0.0.1:8001"},
        databases={},
        processes={},
        source_key="a 'quoted' $key",
        token="a.b.c",  # noqa: S106 - of nobody
    )
    write_endpoints(tmp_path / FILE_NAME, endpoints)
    print_variables(state_dir=tmp_path)
    script = capsys.readouterr().out + 'printf "%s|" "$INGEST" "$KAFKA" "$SOURCE_KEY" "$TOKEN"'
    answer = subprocess.run(["/bin/sh", "-euc", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert answer.stdout == "http://127.0.0.1:8001|127.0.0.1:9092|a 'quoted' $key|a.b.c|"


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StateMissingError, match="make up"):
        print_variables(state_dir=tmp_path)
