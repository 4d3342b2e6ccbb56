"""The console: a log line for each message. For development, and for seeing what would be said."""

import logging

from services.notify.domain.delivery import Answer, Message, Spoken

log = logging.getLogger("services.notify.console")


class ConsoleSender:
    """Says messages into the log."""

    async def send(self, message: Message) -> Answer:
        """Write one line."""
        log.info(
            "to %s by %s: %s",
            message.member_id,
            message.channel,
            message.text,
            extra={"job_id": message.job_id, "purpose": message.purpose},
        )
        return Spoken()

    async def close(self) -> None:
        """Nothing to let go of."""
