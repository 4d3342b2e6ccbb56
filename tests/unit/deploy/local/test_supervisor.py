"""The parts of supervision that are only arithmetic and files."""

from pathlib import Path

import pytest

from deploy.local.child import describe_exit
from deploy.local.services import parts_of
from deploy.local.supervisor import backoff_seconds, rotate_logs


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 6.4), (8, 10.0), (1000, 10.0)]
)
def test_pauses_double_up_to_ten_seconds(failures: int, seconds: float) -> None:
    assert backoff_seconds(failures) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-250, "signal 250")],
)
def test_an_exit_code_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words


def test_five_runs_of_logs_are_kept(tmp_path: Path) -> None:
    for run in range(8):
        rotate_logs(tmp_path)
        (tmp_path / "points.log").write_text(f"run {run}")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {
        "points.log": "run 7",
        **{f"points.{number}.log": f"run {7 - number}" for number in range(1, 6)},
    }


def test_split_roles_are_processes_of_their_own() -> None:
    names = [part.name for part in parts_of("points", split_roles=True, clock="wall")]
    assert names[0] == "points"
    assert "points-consume" in names
    assert [part.name for part in parts_of("points", split_roles=False, clock="wall")] == ["points"]


def test_a_replay_delivers_nothing() -> None:
    roles = {part.role for part in parts_of("notify", split_roles=True, clock="stream")}
    assert "deliver" not in roles
    assert "deliver" in {part.role for part in parts_of("notify", split_roles=True, clock="wall")}
