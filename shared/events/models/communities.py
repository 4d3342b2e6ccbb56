"""Communities, interactions, staff and service: what happens beside buying."""

from shared.events.models.scalars import (
    Count,
    EventModel,
    Identifier,
    Label,
    Quantity,
    Score,
    Source,
    Text,
)


class CodeViewed(EventModel):
    """Somebody not yet known looked at a code. `subject` is the store."""

    code: Identifier
    store_id: Identifier
    visitor: Identifier
    """An anonymous mark of the visitor, to count each once."""
    placement: Identifier | None = None
    community_id: Identifier | None = None


class CommunityJoined(EventModel):
    """A member entered a community."""

    community_id: Identifier
    store_id: Identifier
    via: Identifier | None = None
    reason: Text | None = None


class CommunityLeft(EventModel):
    """A member left a community."""

    community_id: Identifier
    store_id: Identifier
    via: Identifier | None = None
    reason: Text | None = None


class InteractionRecorded(EventModel):
    """A member did something other than buying."""

    kind: Identifier
    """An open list: check_in, topic_reply, share, like, review, task_done …"""
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    content_id: Identifier | None = None
    campaign_id: Identifier | None = None
    job_id: Identifier | None = None
    task_id: Identifier | None = None
    sku: Identifier | None = None
    category: Identifier | None = None
    text: Text | None = None
    likes: Count | None = None
    """How many likes it has gathered so far."""
    parent_id: Identifier | None = None
    staff_id: Identifier | None = None
    score: Score | None = None
    duration_s: Quantity | None = None
    correct: bool | None = None


class InteractionWithdrawn(EventModel):
    """An interaction is taken back, as if it had never been: a reply deleted as spam, say."""

    id: Identifier
    """The `id` of the interaction's event; its member is the `subject` here, too."""
    source: Source | None = None
    """The `source` of the interaction's event, where that is another one than here."""
    reason: Text | None = None


class StaffDeparted(EventModel):
    """A member of staff left. `subject` is `staff:<id>`."""

    staff_id: Identifier
    store_id: Identifier
    successor_id: Identifier | None = None
    """Without one, their members go to the company's pool."""


class ContactAdded(EventModel):
    """A member and a member of staff became contacts."""

    staff_id: Identifier
    store_id: Identifier
    via: Identifier | None = None


class ContactRemoved(EventModel):
    """A member and a member of staff are contacts no more."""

    staff_id: Identifier
    store_id: Identifier
    via: Identifier | None = None


class Question(EventModel):
    """What the events of a question or complaint share."""

    question_id: Identifier
    community_id: Identifier | None = None
    staff_id: Identifier | None = None
    text: Text | None = None
    score: Score | None = None
    """How satisfied the member was, or the mood of the text."""


class QuestionAsked(Question):
    """A member asked something."""


class QuestionAcknowledged(Question):
    """Somebody took the question up, which is not yet an answer."""


class QuestionResolved(Question):
    """The question was answered."""


class ComplaintOpened(Question):
    """A member complained."""


class ComplaintResolved(Question):
    """The complaint was settled."""


class ContentPublished(EventModel):
    """A post went out. `subject` is the store or the community."""

    content_id: Identifier
    kind: Identifier | None = None
    category: Identifier | None = None
    """Value, interaction or sales; what balances are kept over."""
    title: Label | None = None
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    campaign_id: Identifier | None = None
    staff_id: Identifier | None = None


class StockArrived(EventModel):
    """A store has pieces to give or sell. `subject` is the store."""

    store_id: Identifier
    sku: Identifier
    quantity: Quantity
    campaign_id: Identifier | None = None


class LiveStarted(EventModel):
    """A live show began. `subject` is the store or the community."""

    live_id: Identifier
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    campaign_id: Identifier | None = None
    title: Label | None = None


class LiveEnded(EventModel):
    """A live show ended. `subject` is the store or the community."""

    live_id: Identifier
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    campaign_id: Identifier | None = None
    viewers: Count | None = None
    duration_s: Quantity | None = None
