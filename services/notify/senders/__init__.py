"""Senders: one file a way to speak. A sender says one message and answers what came of it."""

from typing import Protocol

from services.notify.domain.delivery import Answer, Message


class Sender(Protocol):
    """One way to speak to one destination."""

    async def send(self, message: Message) -> Answer:
        """Say a message; never raises for what the other side does or fails to do."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
