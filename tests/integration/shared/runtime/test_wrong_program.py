"""A service whose first program is none says so and ends, and does not try again for ever."""

import asyncio
import base64
import sys
from pathlib import Path

import pytest

from services.points.__main__ import SERVICE
from tests.conftest import KafkaServer, NewDatabase
from tests.handbook import ROOT

pytestmark = pytest.mark.integration


async def test_every_mistake_is_said_and_the_process_ends(
    new_database: NewDatabase, kafka_server: KafkaServer, tmp_path: Path
) -> None:
    program = tmp_path / "program.yaml"
    program.write_text("points: {rules: 3}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.points", "relay"),
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "REGULARS_DATABASE_POINTS": await new_database(SERVICE.migrations),
            "REGULARS_KAFKA": kafka_server.address,
            "REGULARS_TOKEN_KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
            "REGULARS_PROGRAM": str(program),
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await process.communicate()
    assert process.returncode == 2, words
    assert words.decode().splitlines()[-1].startswith("points cannot start: /rules: ")
    assert b"Traceback" not in words
