"""What can go wrong with a demo.

DemoError
├── DataMissingError      the year's data is not installed
├── StackInUseError       somebody else's stack is up
├── RefusedError          ingest would not take an event
└── ServiceTroubleError   a service answered something else than it should
"""

from deploy.local.errors import LocalStackError


class DemoError(LocalStackError):
    """Trouble that is told in one line."""


class DataMissingError(DemoError):
    """The year's data is not installed."""


class StackInUseError(DemoError):
    """A stack is up that is not a demo's; it is not ours to replace."""


class RefusedError(DemoError):
    """Ingest refused an event, so the publisher is wrong; the message is its problem."""


class ServiceTroubleError(DemoError):
    """A service answered something else than it should."""
