"""The log is the source of truth: a service whose tables were emptied comes to the same again."""

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from deploy.local.stack import Stack
from tests.e2e.story import differences, in_peace, slice_of_the_year

pytestmark = [pytest.mark.e2e, pytest.mark.durable, pytest.mark.long, pytest.mark.timeout(600)]

_KEPT = ("programs", "alembic_version")


async def _empty(directory: Path, services: list[str]) -> None:
    """What docs/operating.md says, while the services are down."""
    async with Stack(directory, clock="stream", run_services=False) as stack:
        for service in services:
            connection = await asyncpg.connect(stack.endpoints.databases[service])
            tables = await connection.fetchval(
                "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables"
                " WHERE schemaname = 'public' AND tablename <> ALL ($1)",
                _KEPT,
            )
            await connection.execute(f"TRUNCATE {tables}")
            await connection.close()


@pytest.mark.parametrize(
    "services", [["points"], ["segmentation"], ["notify"], ["points", "segmentation", "notify"]]
)
async def test_emptied_it_reads_the_log_again_and_ends_the_same(
    tmp_path: Path, services: list[str]
) -> None:
    told = slice_of_the_year(10, 80)
    before = await in_peace(tmp_path, told)
    assert all(any(household[what] for household in before.values()) for what in ("points", "tags"))
    await _empty(tmp_path, services)
    after = await in_peace(tmp_path, replace(told, events=[]))
    assert differences(before, after) == []
