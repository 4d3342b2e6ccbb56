"""Programs of Debian that a test uses: those on the path, else fetched without root into the cache.

Only where there is `apt-get` and its lists name the package; elsewhere the test is skipped and says
what it misses.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from deploy.local.jars import cache_directory

_FETCH_SECONDS = 120


def program(name: str, *packages: str) -> Path:
    """The path of a program that these packages bring, the first of them its own.

    Skips the test where it is neither here nor to be had.
    """
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    target = cache_directory() / f"debian-{name}"
    wrapper = target / name
    if not wrapper.exists():
        try:
            _fetch(target, name, packages)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"{name} is not installed and Debian's package cannot be fetched: {error}")
    return wrapper


def _fetch(target: Path, name: str, packages: tuple[str, ...]) -> None:
    """Unpack the packages beside their final place, and move the whole there when complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=target.parent))
    try:
        _run(scratch, "apt-get", "download", *packages)
        for package in scratch.glob("*.deb"):
            _run(scratch, "dpkg", "-x", str(package), ".")
            package.unlink()
        libraries = {path.parent for path in scratch.rglob("*.so.*")}
        places = ":".join(str(target / path.relative_to(scratch)) for path in sorted(libraries))
        wrapper = scratch / name
        wrapper.write_text(
            f'#!/bin/sh\nLD_LIBRARY_PATH="{places}" exec "{target}/usr/bin/{name}" "$@"\n'
        )
        wrapper.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        scratch.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run(directory: Path, *argv: str) -> None:
    subprocess.run(  # noqa: S603 - names of packages that we write ourselves
        argv, cwd=directory, check=True, capture_output=True, timeout=_FETCH_SECONDS
    )


def kcat() -> Path:
    """The command line client of librdkafka."""
    return program("kcat", "kcat", "librdkafka1", "libyajl2")
