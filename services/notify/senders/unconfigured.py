"""A destination that lacks a setting: its messages wait until somebody provides it."""

import logging

from services.notify.domain.delivery import Answer, Away, Message

log = logging.getLogger(__name__)


class UnconfiguredSender:
    """Says nothing; every attempt fails with what is missing."""

    def __init__(self, missing: str) -> None:
        """Say once in the log what is missing."""
        self._missing = missing
        log.error("messages cannot be delivered: %s", missing)

    async def send(self, message: Message) -> Answer:  # noqa: ARG002 - a sender
        """Nothing is said."""
        return Away(self._missing)

    async def close(self) -> None:
        """Nothing to let go of."""
