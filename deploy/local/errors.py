"""What can be wrong with the local stack; each message is made for the person who started it.

LocalStackError
├── BrokerUnavailableError     neither Kafka nor its replacement can run here
├── ChildFailedError           a process ended or did not become ready
├── NoFreePortError            all ports of the range are taken
├── NoJvmError                 Kafka's jars or Java are not to be had (leads to the replacement)
├── PostgresUnavailableError   there is no PostgreSQL to run here
├── StateInUseError            another stack uses the same state, or it would be overwritten
├── StateMissingError          there is nothing that this could be done with
└── TopicsError                topics could not be made as described
"""


class LocalStackError(RuntimeError):
    """The local stack cannot do what was asked."""


class BrokerUnavailableError(LocalStackError):
    """No broker can run here; the message says what to do."""


class NoFreePortError(LocalStackError):
    """Every port of the range is taken."""


class NoJvmError(LocalStackError):
    """Kafka cannot run here; the message says what is missing."""


class PostgresUnavailableError(LocalStackError):
    """There is no PostgreSQL to run here; the message says what to do."""


class StateInUseError(LocalStackError):
    """Another stack runs on the same state."""


class StateMissingError(LocalStackError):
    """No stack was up here yet."""


class TopicsError(LocalStackError):
    """Topics could not be made, or differ from their description."""


class ChildFailedError(LocalStackError):
    """A child ended, or did not become ready in time.

    Attributes:
        name: which one.
        tail: the last lines that it wrote.
    """

    def __init__(self, name: str, what: str, tail: list[str]) -> None:
        """Say which child did what, with its last lines."""
        super().__init__(f"{name} {what}")
        self.name = name
        self.tail = tail
