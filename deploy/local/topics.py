"""Makes the topics that `deploy/kafka/topics.yaml` describes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from deploy.local.errors import TopicsError

TOPICS_FILE = Path(__file__).parents[1] / "kafka" / "topics.yaml"
_TOPIC_EXISTS = 36
_SAFE_COPIES = 3


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be."""

    name: str
    partitions: int
    config: dict[str, str]


def read_topics(partitions: int, path: Path = TOPICS_FILE) -> list[Topic]:
    """The topics of a file, with the number of partitions that member topics have."""
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    shared = document.get("config", {})
    return [
        Topic(
            name,
            partitions if entry["partitions"] == "members" else int(entry["partitions"]),
            {key: str(value) for key, value in {**shared, **entry.get("config", {})}.items()},
        )
        for name, entry in document["topics"].items()
    ]


async def make_topics(address: str, topics: list[Topic]) -> list[str]:
    """Make those topics that are not there yet and answer their names.

    Raises:
        TopicsError: the broker refuses, or a topic has another number of partitions.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    try:
        await admin.start()
        made = await _make(admin, topics)
        await _compare(admin, topics)
    except KafkaError as error:
        raise TopicsError(f"topics could not be made at {address}: {error}") from error
    finally:
        await admin.close()
    return made


async def _make(admin: AIOKafkaAdminClient, topics: list[Topic]) -> list[str]:
    brokers = len((await admin.describe_cluster())["brokers"])
    copies = _SAFE_COPIES if brokers >= _SAFE_COPIES else 1
    safety = {"min.insync.replicas": "2"} if copies == _SAFE_COPIES else {}
    response = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, copies, topic_configs={**safety, **topic.config})
            for topic in topics
        ]
    )
    made = []
    for name, code, *message in response.topic_errors:
        if code == 0:
            made.append(name)
        elif code != _TOPIC_EXISTS:
            raise TopicsError(f"topic {name} could not be made: {message or code}")
    return made


async def _compare(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    """Two services that disagree on partitions would each see half of a member's history."""
    wanted = {topic.name: topic.partitions for topic in topics}
    for found in await admin.describe_topics(list(wanted)):
        name, count = found["topic"], len(found["partitions"])
        if count not in (0, wanted[name]):  # 0: the news has not reached this broker yet
            raise TopicsError(
                f"topic {name} has {count} partitions and REGULARS_PARTITIONS says {wanted[name]}; "
                "set that to the number there is, or begin anew with --fresh"
            )
