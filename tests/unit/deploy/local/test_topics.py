"""The description of the topics, and that it is the one that the code speaks of."""

from pathlib import Path

from deploy.local.topics import read_topics
from shared.events import topics


def test_every_topic_of_the_code_is_described_and_no_other() -> None:
    assert {topic.name for topic in read_topics(4)} == {topics.INBOUND, topics.DEAD_LETTERS} | set(
        topics.MEMBER_TOPICS
    )


def test_member_topics_have_one_number_of_partitions_and_are_kept_for_ever() -> None:
    described = {topic.name: topic for topic in read_topics(6)}
    for name in topics.MEMBER_TOPICS:
        assert described[name].partitions == 6
        assert described[name].config["retention.ms"] == "-1"


def test_a_topic_may_have_its_own_number_and_configuration(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(
        "config: {cleanup.policy: delete}\n"
        "topics: {small: {partitions: 1, config: {retention.ms: 1000}}}\n"
    )
    [topic] = read_topics(4, path)
    assert (topic.partitions, topic.config) == (
        1,
        {"cleanup.policy": "delete", "retention.ms": "1000"},
    )
