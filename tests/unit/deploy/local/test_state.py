"""What a stack keeps between runs, and who may use it."""

import stat
from pathlib import Path

import pytest

from deploy.local.errors import StateInUseError
from deploy.local.state import State, write_private


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    state = State(tmp_path)
    first = state.secrets(("ingest", "points"))
    assert State(tmp_path).secrets(("ingest", "points")) == first
    assert len(set(first.database_passwords.values())) == 2
    mode = stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode)
    assert mode == 0o600


def test_a_further_service_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    before = State(tmp_path).secrets(("ingest",))
    after = State(tmp_path).secrets(("ingest", "notify"))
    assert after.database_passwords["ingest"] == before.database_passwords["ingest"]
    assert after.token_key == before.token_key == State(tmp_path).token_key()
    assert set(after.database_passwords) == {"ingest", "notify"}


def test_two_stacks_do_not_share_a_state(tmp_path: Path) -> None:
    with (
        State(tmp_path).locked(),
        pytest.raises(StateInUseError, match=r"a stack runs on .* already \(process \d+\)"),
        State(tmp_path).locked(),
    ):
        pass
    with State(tmp_path).locked():
        assert State(tmp_path).holder() is not None
    assert State(tmp_path).holder() is None


def test_clearing_keeps_logs_and_the_lock(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with state.locked():
        state.secrets(("ingest",))
        for folder in (state.postgres, state.kafka, state.logs):
            folder.mkdir()
            (folder / "file").touch()
        state.clear()
        left = {path.name for path in state.directory.iterdir()}
    assert left == {"up.lock", "logs"}


def test_databases_belong_to_the_log_they_were_filled_from(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert state.belongs_to_log("one")
    state.remember_log("one")
    assert State(tmp_path).belongs_to_log("one")
    assert not State(tmp_path).belongs_to_log("two")


def test_ports_are_remembered_by_name(tmp_path: Path) -> None:
    State(tmp_path).remember_ports({"kafka": 9092})
    State(tmp_path).remember_ports({"points": 8002})
    assert State(tmp_path).ports() == {"kafka": 9092, "points": 8002}


def test_a_private_file_replaces_a_public_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
