"""A warm process in a copy of the tree: runs tests of one changed file at a time, each in a fork.

It is started with the copy as its directory, reads one job a line (JSON) and answers each with one
line. Third-party modules are imported once, before the first fork; the project's own are imported
in the fork, so that they are the changed ones.
"""

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import coverage
import msgspec
import pytest

from deploy.mutants.covering import Covered, read_lines
from deploy.mutants.plugins import Notes, Selection

_WARM = (
    "aiokafka.admin", "alembic.command", "asyncpg", "cryptography.fernet", "fastapi",
    "httpx", "hypothesis.strategies", "jinja2", "joserfc.jwt", "jsonschema", "prometheus_client",
    "pydantic_settings", "pytest_asyncio", "pytest_socket", "pytest_timeout", "rich.console",
    "schemathesis", "sqlalchemy.dialects.postgresql", "sqlalchemy.ext.asyncio", "typer", "uvicorn",
    "yaml",
)  # fmt: skip
_PYTEST = (
    "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not long", "--hypothesis-seed=0",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
_COVERAGE_FILE = ".coverage.mutants"


class Job(msgspec.Struct):
    """Tests to run.

    Attributes:
        paths: files whose lines are noted (without a change), or the one that is changed.
        source: the changed file; empty for the run without a change.
        tests: node ids in the order to run them, or the paths to look for tests in.
        test_seconds: after which a test hangs.
        seconds: after which everything hangs.
    """

    paths: list[str]
    source: str
    tests: list[str]
    test_seconds: float
    seconds: float


class Answer(msgspec.Struct):
    """What came of it.

    Attributes:
        code: pytest's exit code; -1 where everything hung.
        seconds: that it took.
        said: the end of what pytest said.
        covered: lines and seconds, of the run without a change.
    """

    code: int
    seconds: float
    said: str
    covered: Covered | None = None


def main() -> None:
    """Answer jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for name in _WARM:
        importlib.import_module(name)
    for line in sys.stdin.buffer:
        job = msgspec.json.decode(line, type=Job)
        answer = _changed(job) if job.source else _unchanged(job)
        answers.write(msgspec.json.encode(answer) + b"\n")
        answers.flush()


def _unchanged(job: Job) -> Answer:
    told = Path("mutants-covered.json")
    answer = _in_fork(lambda: _note(job, told), job.seconds)
    if told.exists():
        answer.covered = msgspec.json.decode(told.read_bytes(), type=Covered)
        told.unlink()
    return answer


def _note(job: Job, told: Path) -> int:
    noted = coverage.Coverage(
        data_file=_COVERAGE_FILE,
        config_file=False,
        concurrency=["thread", "greenlet"],
        include=job.paths,
    )
    notes = Notes(noted)
    noted.start()
    code = int(pytest.main([*job.tests, *_PYTEST], plugins=[notes]))
    noted.stop()
    noted.save()
    lines = read_lines(Path(_COVERAGE_FILE), Path.cwd(), job.paths)
    told.write_bytes(msgspec.json.encode(Covered(notes.seconds, lines, notes.failed)))
    return code


def _changed(job: Job) -> Answer:
    path = Path(job.paths[0])
    original, stamp = path.read_bytes(), path.stat()
    path.write_text(job.source, encoding="utf-8")
    try:
        return _in_fork(lambda: _notice(job), job.seconds)
    finally:
        path.write_bytes(original)
        # Compiled files are taken by the time of their source: the next fork may use them again.
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def _notice(job: Job) -> int:
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # noqa: TID251 - for processes that tests start
    files = dict.fromkeys(test.partition("::")[0] for test in job.tests)
    options = ("-x", f"--timeout={job.test_seconds}", "--tb=line")
    return int(pytest.main([*files, *options, *_PYTEST], plugins=[Selection(job.tests)]))


def _in_fork(work: Callable[[], int], seconds: float) -> Answer:
    """Do it in a process of its own, with all that it starts; nothing of it is left after."""
    said = Path("mutants-said.txt")
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_forked(work, said)
    code = _wait(pid, start + seconds)
    _kill_group(pid)
    return Answer(code, time.monotonic() - start, said.read_text(errors="replace")[-3000:])


def _be_forked(work: Callable[[], int], said: Path) -> None:
    code = 3
    try:
        os.setsid()
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = work()
        sys.stdout.flush()
    finally:
        os._exit(code)


def _wait(pid: int, deadline: float) -> int:
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _kill_group(pid)
    os.waitpid(pid, 0)
    return -1


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main()
