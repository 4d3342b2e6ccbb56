"""What a local stack keeps between runs: one directory, its secrets, its ports, and who uses it.

```
.regulars/
  endpoints.json   where everything is, while it is up
  up.lock          held by the process that runs the stack; holds its process id
  secrets.json     passwords and keys, made on the first start
  ports.json       the ports last used
  log.json         which Kafka log the databases belong to
  postgres/ kafka/ the data
  logs/            one file a process and run
```
"""

import base64
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.local.errors import StateInUseError

DEFAULT_DIRECTORY = Path(".regulars")
_LOCK = "up.lock"
_KEPT_ON_CLEAR = {_LOCK, "logs"}


class Secrets(msgspec.Struct, frozen=True):
    """What nobody else may know; made at random on the first start.

    Attributes:
        postgres_password: of the superuser.
        database_passwords: of each service's role.
        token_key: signs and verifies tokens of the local issuer (base64url, 32 bytes).
        pii_key: encrypts personal data at rest (base64url, 32 bytes).
        source_key: of the development source, which may publish everything.
    """

    postgres_password: str
    database_passwords: dict[str, str]
    token_key: str
    pii_key: str
    source_key: str


def new_key() -> str:
    """32 random bytes as base64url."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place at once and whole, readable by its owner only."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    scratch.replace(path)


class State:
    """The directory of one stack."""

    def __init__(self, directory: Path = DEFAULT_DIRECTORY) -> None:
        """Name the directory; nothing is made yet."""
        self.directory = directory.absolute()
        self.postgres = self.directory / "postgres"
        self.kafka = self.directory / "kafka"
        self.logs = self.directory / "logs"
        self._log_identity = self.directory / "log.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who runs on this state.

        Raises:
            StateInUseError: somebody else does.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        # Others may pass through (PostgreSQL under root is somebody else) but not look around.
        self.directory.chmod(0o711)
        with (self.directory / _LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StateInUseError(
                    f"a stack runs on {self.directory} already (process {self.holder() or '?'}); "
                    "stop it with `.venv/bin/regulars down`"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def holder(self) -> int | None:
        """The process id of whoever runs on this state."""
        try:
            with (self.directory / _LOCK).open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or "0") or None
        except FileNotFoundError:
            return None
        return None

    def clear(self) -> None:
        """Forget everything but the logs; whoever calls this holds the lock."""
        if not self.directory.exists():
            return
        for entry in self.directory.iterdir():
            if entry.name in _KEPT_ON_CLEAR:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def secrets(self, services: tuple[str, ...]) -> Secrets:
        """The secrets, made where there are none."""
        path = self.directory / "secrets.json"
        known = msgspec.json.decode(path.read_bytes(), type=Secrets) if path.exists() else None
        passwords = dict(known.database_passwords) if known else {}
        for service in services:
            passwords.setdefault(service, secrets.token_urlsafe(18))
        if known is not None and passwords == known.database_passwords:
            return known
        made = Secrets(
            postgres_password=known.postgres_password if known else secrets.token_urlsafe(18),
            database_passwords=passwords,
            token_key=known.token_key if known else new_key(),
            pii_key=known.pii_key if known else new_key(),
            source_key=known.source_key if known else secrets.token_urlsafe(24),
        )
        write_private(path, msgspec.json.encode(made))
        return made

    def token_key(self) -> str | None:
        """The key of the local issuer, where there is one."""
        path = self.directory / "secrets.json"
        if not path.exists():
            return None
        return msgspec.json.decode(path.read_bytes(), type=Secrets).token_key

    def ports(self) -> dict[str, int]:
        """The ports of the last run by name."""
        path = self.directory / "ports.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def remember_ports(self, ports: Mapping[str, int]) -> None:
        """Keep the ports for the next run."""
        write_private(self.directory / "ports.json", json.dumps({**self.ports(), **ports}).encode())

    def belongs_to_log(self, identity: str) -> bool:
        """Whether the databases were filled from this log; where that is not known, yes."""
        if not self._log_identity.exists():
            return True
        return bool(json.loads(self._log_identity.read_text()) == identity)

    def remember_log(self, identity: str) -> None:
        """Note which log the databases are filled from."""
        write_private(self._log_identity, json.dumps(identity).encode())
