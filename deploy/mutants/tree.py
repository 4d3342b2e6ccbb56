"""Copies of the tree that changes are made in; the tree itself is never touched."""

import hashlib
import shutil
import subprocess
from pathlib import Path


def files_of(root: Path) -> list[str]:
    """What git knows or would take, sorted, from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
    )
    names = sorted(set(listed.stdout.decode().split("\0")) - {""})
    return [name for name in names if (root / name).is_file()]


def copy_tree(root: Path, to: Path) -> None:
    """Copy what belongs to the project, times included."""
    for name in files_of(root):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, to / name)


def digest_of(root: Path) -> str:
    """Names the state of everything that tests can see."""
    digest = hashlib.sha256()
    for name in files_of(root):
        if name.endswith((".py", ".toml", ".yaml", ".json", ".sql")):
            digest.update(name.encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]
