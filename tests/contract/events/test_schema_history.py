"""The check against git, in a repository of its own."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.events import types
from shared.events.schemas import documents, history
from shared.events.schemas.__main__ import main

FILE = documents.file_of(types.CODE_VIEWED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository whose schemas are the present ones."""
    for path in documents.FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    _git(tmp_path, "init", "-q")
    _commit(tmp_path)
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)  # noqa: S603, S607 - a test's own repository


def _commit(folder: Path) -> None:
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "schemas")


def _add_field(folder: Path, name: str) -> None:
    schema = json.loads((folder / FILE).read_text())
    schema["properties"][name] = {"type": "string"}
    schema["required"].append(name)
    (folder / FILE).write_text(documents.render(schema))


def test_nothing_changed(folder: Path) -> None:
    assert main(["check", "--folder", str(folder)]) == 0


def test_a_file_edited_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _add_field(folder, "extra")
    assert main(["check", "--folder", str(folder)]) == 1
    assert f"{FILE} is not what the models say" in capsys.readouterr().err
    assert main(["export", "--folder", str(folder)]) == 0
    assert "1 files changed" in capsys.readouterr().out
    assert main(["check", "--folder", str(folder)]) == 0


def test_a_break_is_seen_before_and_after_its_commit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The models took away a field that git still has."""
    _add_field(folder, "gone")
    _commit(folder)
    main(["export", "--folder", str(folder)])
    for _ in range(2):
        assert main(["check", "--folder", str(folder)]) == 1
        assert f"{FILE} /gone: removed; consumers may need it" in capsys.readouterr().err
        if history.base(folder) is not None:
            _git(folder, "commit", "-q", "-a", "--allow-empty", "-m", "take the field away")


def test_a_type_taken_away(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "regulars.thing.done.v1.json").write_text("{}")
    _commit(folder)
    main(["export", "--folder", str(folder)])
    assert main(["check", "--folder", str(folder), "--against", "HEAD"]) == 1
    assert "regulars.thing.done.v1.json: the type was removed" in capsys.readouterr().err


def test_no_such_revision(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--folder", str(folder), "--against", "nowhere"]) == 2
    assert "cannot compare with git" in capsys.readouterr().err
