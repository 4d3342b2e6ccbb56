"""The jars of Kafka: fetched by Maven once, cached outside of git, used only when complete."""

import asyncio
import fcntl
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic_settings import BaseSettings

from deploy.local.errors import NoJvmError

_POM = Path(__file__).with_name("kafka") / "pom.xml"
_MANIFEST = "complete.json"
_JAVA_MINIMUM = 17
_DOWNLOAD_SECONDS = 300.0


class _CacheSettings(BaseSettings):
    """Where caches go, by the convention of desktop systems."""

    xdg_cache_home: Path | None = None


@dataclass(frozen=True, slots=True)
class Jars:
    """A complete set of jars and the Java to run them."""

    java: str
    directory: Path

    @property
    def class_path(self) -> str:
        """All jars, for java -cp."""
        return str(self.directory / "*")


async def _output(*argv: str, seconds: float) -> tuple[int, str]:
    """Run a program to its end and answer its exit code and what it wrote."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, f"not done within {seconds:g} s"
    return process.returncode or 0, output.decode(errors="replace")


async def find_java() -> str:
    """The `java` on the path, if it is new enough for Kafka 4.

    Raises:
        NoJvmError: there is none, or it is too old.
    """
    java = shutil.which("java")
    if java is None:
        raise NoJvmError("there is no java here")
    _, words = await _output(java, "-version", seconds=30)
    version = re.search(r'version "(\d+)', words)
    if version is None or int(version[1]) < _JAVA_MINIMUM:
        found = version[1] if version else "of an unknown version"
        raise NoJvmError(f"java is {found}, and Kafka needs {_JAVA_MINIMUM} or later")
    return java


async def provide_jars() -> Jars:
    """Java and the jars, downloaded first where they are not in the cache.

    Raises:
        NoJvmError: java or mvn is missing, or the download failed.
    """
    java = await find_java()
    target = _directory()
    if not is_complete(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.with_suffix(".lock")):
            if not is_complete(target):
                await _download(target)
    return Jars(java, target)


def cached_jars() -> Path | None:
    """The directory of the jars, where they have been fetched."""
    directory = _directory()
    return directory if (directory / _MANIFEST).is_file() else None


def cache_directory() -> Path:
    """Where things belong that are fetched once for all checkouts."""
    return (_CacheSettings().xdg_cache_home or Path.home() / ".cache") / "regulars"


def _directory() -> Path:
    """Where the jars of this pom.xml belong."""
    return cache_directory() / f"kafka-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}"


def is_complete(directory: Path) -> bool:
    """Whether a directory holds exactly what its manifest, written last, says."""
    manifest = directory / _MANIFEST
    if not manifest.is_file():
        return False
    return bool(json.loads(manifest.read_text()) == _checksums(directory))


def _checksums(directory: Path) -> dict[str, str]:
    return {
        jar.name: hashlib.sha256(jar.read_bytes()).hexdigest()
        for jar in sorted(directory.glob("*.jar"))
    }


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, so that two stacks that start at once download once."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _download(target: Path) -> None:
    """Have Maven copy the jars beside their final place, and move the whole there when complete."""
    maven = shutil.which("mvn")
    if maven is None:
        raise NoJvmError("there is no mvn here to fetch Kafka with")
    scratch = Path(tempfile.mkdtemp(prefix="kafka-", dir=target.parent))
    try:
        goal = ("dependency:copy-dependencies", f"-DoutputDirectory={scratch}")
        code, words = await _output(
            maven, "-q", "-B", "-f", str(_POM), *goal, seconds=_DOWNLOAD_SECONDS
        )
        if code != 0:
            reason = next((line for line in words.splitlines() if "ERROR" in line), words.strip())
            raise NoJvmError(f"Maven could not fetch Kafka: {reason[:300]}")
        (scratch / _MANIFEST).write_text(json.dumps(_checksums(scratch), indent=1))
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
