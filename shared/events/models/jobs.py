"""Messages: requested, suppressed, and what became of them."""

from pydantic import JsonValue

from shared.events.models.decisions import Because, Decision
from shared.events.models.scalars import EventModel, Identifier, Moment, Text


class Job(Decision):
    """What a requested and a suppressed message share."""

    job_id: Identifier
    member_id: Identifier
    channel: Identifier
    template: Identifier
    category: Identifier
    """Value, interaction, sales or service; what balances and caps are kept over."""
    purpose: Identifier
    not_before: Moment
    deadline: Moment
    """After it the message is of no use and is not sent."""
    because: Because
    journey: Identifier | None = None
    step: Identifier | None = None
    store_id: Identifier | None = None


class JobRequested(Job):
    """A message is to be delivered between `not_before` and `deadline`."""

    content: dict[str, JsonValue]


class JobSuppressed(Job):
    """A message that will not be sent, and why."""

    reason: Identifier
    content: dict[str, JsonValue] | None = None
    detail: Text | None = None


class Receipt(EventModel):
    """What became of a message."""

    job_id: Identifier
    channel: Identifier | None = None
    provider_id: Identifier | None = None
    """The id that the channel gave it."""
    error: Text | None = None
    text: Text | None = None


class JobSent(Receipt):
    """The channel took it."""


class JobDelivered(Receipt):
    """It arrived."""


class JobOpened(Receipt):
    """It was opened."""


class JobClicked(Receipt):
    """A link in it was followed."""


class JobReplied(Receipt):
    """The member answered; `text` is the answer."""


class JobFailed(Receipt):
    """It did not arrive; `error` says why."""
