"""Files of another PostgreSQL are named as what they are, before the server refuses them."""

from pathlib import Path

import pytest

from deploy.local.errors import PostgresUnavailableError
from deploy.local.postgres import Postgres


async def test_files_of_another_version_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresUnavailableError, match="made by PostgreSQL 17"):
        await Postgres(tmp_path, 1, "secret").prepare()
