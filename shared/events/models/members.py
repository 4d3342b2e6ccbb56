"""Members: joining, profile, consent, and what ingest finds out about who is who."""

from typing import Literal

from pydantic import Field, JsonValue

from shared.events.models.scalars import Day, EventModel, Identifier, Label, Subject, Text


class Profile(EventModel):
    """Who a member is, as far as told; in an update only what changed: null and [] clear a field.

    Of somebody who joins, null says nothing.
    """

    name: Label | None = None
    phone: Label | None = None
    birthday: Day | None = None
    """Where the year is not known, 1604 (a leap year nobody was born in)."""
    gender: Literal["female", "male", "other", "unknown"] | None = None
    city: Label | None = None
    interests: list[Label] | None = None


class MemberJoined(EventModel):
    """Somebody became a member of the chain, or joined through one more door."""

    store_id: Identifier
    via: Literal[
        "code",
        "nearby",
        "referral",
        "receipt",
        "staff",
        "campaign",
        "partner",
        "live",
        "mini_program",
        "parcel",
        "ad",
        "event",
    ]
    community_id: Identifier | None = None
    code: Identifier | None = None
    placement: Identifier | None = None
    """Where the code was seen: till, parcel, badge, poster, live, partner, receipt."""
    referrer: Subject | None = None
    staff_id: Identifier | None = None
    profile: Profile | None = None
    consent: dict[str, bool] | None = None
    """Channel → whether it may be used."""
    identities: list[Subject] | None = None
    """Further names of the same person, to be linked."""


class ProfileUpdated(EventModel):
    """Facts about a member changed."""

    by: Literal["member", "staff", "system"]
    profile: Profile
    attributes: dict[str, JsonValue] | None = None
    """Anything else the source knows; null clears."""
    identities: list[Subject] | None = None
    """Further names of the same person, to be linked."""


class ConsentChanged(EventModel):
    """A member allowed or forbade a channel."""

    channel: Identifier
    granted: bool
    source: Identifier
    """Where the member said so."""


class MemberAssigned(EventModel):
    """A member has a new adviser."""

    staff_id: Identifier
    store_id: Identifier
    via: Identifier | None = None


class MemberCreated(EventModel):
    """Ingest met somebody new: a guest until they join."""

    identities: list[Subject]
    store_id: Identifier | None = None
    cause: Identifier | None = None
    """Id of the event that named them."""


class MemberIdentified(EventModel):
    """A known member has further names."""

    identities: list[Subject]
    cause: Identifier | None = None
    """Id of the event that named them."""


class OrderMoved(EventModel):
    """An order turned out to be the one's and not the other's; both are told."""

    order_id: Identifier
    store_id: Identifier | None = None
    from_: Identifier = Field(alias="from")
    to: Identifier
    """Member id of the buyer."""
    cause: Identifier
    """Id of the event that named them."""


class MemberMerged(EventModel):
    """Two members were found to be one: everything of `from` goes to `into`."""

    into: Identifier
    from_: Identifier = Field(alias="from")
    because: Text | None = None
    cause: Identifier | None = None


class MemberUnmerged(EventModel):
    """A merge was undone."""

    into: Identifier
    from_: Identifier = Field(alias="from")
    because: Text | None = None
    cause: Identifier | None = None


class MemberErased(EventModel):
    """A member is to be forgotten; the books stay."""

    reason: Text | None = None
