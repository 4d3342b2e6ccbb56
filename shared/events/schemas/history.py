"""The schemas as git holds them."""

import json
import subprocess
from pathlib import Path
from typing import Any

from shared.events.schemas.documents import ASYNCAPI_FILE, FOLDER

Json = dict[str, Any]


class HistoryError(Exception):
    """Git did not answer; the message is what it said."""


def committed(revision: str, folder: Path = FOLDER) -> dict[str, Json]:
    """The schemas (not the AsyncAPI document, which follows from them) at a revision, by file name.

    Raises:
        HistoryError: no such revision.
    """
    listed = _git(folder, "ls-tree", "--name-only", revision, "./").split()
    return {
        name: json.loads(_git(folder, "show", f"{revision}:./{name}"))
        for name in listed
        if name.endswith(".json") and name != ASYNCAPI_FILE
    }


def base(folder: Path = FOLDER) -> str | None:
    """The revision to compare with: the last one whose schemas are not the present ones.

    With changes in the folder that is HEAD. Without, it is the one before the last change of the
    folder, so that a check after the commit (in CI) sees the same as one before it. None where
    there is no such revision yet.

    Raises:
        HistoryError: git is not there, or this is no repository.
    """
    changes = _git(folder, "log", "-n", "2", "--format=%H", "--", "./*.json").split()
    if _git(folder, "status", "--porcelain", "--", "./*.json").strip():
        return changes[0] if changes else None
    return changes[1] if len(changes) > 1 else None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, arguments are ours or the developer's
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - wherever git is installed
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise HistoryError("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise HistoryError(error.stderr.strip()) from error
    return done.stdout
