"""The `notify` part of program.yaml, as it is written: strict models with words for what is wrong.

What stands in one place alone is checked here; what refers to something else (a journey's
template, a cap's channel) is checked by `services.notify.domain.compiling`.
"""

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.notify.domain.journey import Reentry
from services.notify.domain.local_time import Period
from services.notify.domain.program import zone_named
from shared.clock import DAY, HOUR, MINUTE, SECOND

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"([1-9]\d{0,5})([smhd])")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_MINUTES_PER_HOUR = 60

DURATION_MAX = 1000 * DAY
CAP_WINDOW_MAX = 31 * DAY


class Span(NamedTuple):
    """A wait: so many days of the member's calendar, or a span that has elapsed, in µs."""

    days: int | None = None
    elapsed: int | None = None


def _duration(text: object) -> int:
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("expected a span of time as 20s, 3m, 12h or 7d")
    span = int(found[1]) * _UNITS[found[2]]
    if span > DURATION_MAX:
        raise ValueError(f"a span of time is at most {DURATION_MAX // DAY}d")
    return span


def _span(text: object) -> "Span":
    span = _duration(text)
    return Span(days=span // DAY) if str(text).endswith("d") else Span(elapsed=span)


def _period(text: object) -> str | int:
    if text in ("day", "week"):
        return str(text)
    span = _duration(text)
    if span > CAP_WINDOW_MAX:
        raise ValueError(f"a cap looks back at most {CAP_WINDOW_MAX // DAY}d")
    return span


def _time_of_day(text: object) -> int:
    if isinstance(text, int) and not isinstance(text, bool):
        # YAML 1.1 reads an unquoted 22:00 as the sexagesimal number 1320
        if 0 <= text < DAY // MINUTE:
            return text * MINUTE
    elif isinstance(text, str) and (found := _TIME_OF_DAY.fullmatch(text)):
        return (int(found[1]) * _MINUTES_PER_HOUR + int(found[2])) * MINUTE
    raise ValueError('expected a time of day as "22:00"')


def _zone(name: str) -> str:
    if zone_named(name) is None:
        raise ValueError(f"unknown time zone {name!r}; expected one as Asia/Shanghai")
    return name


Duration = Annotated[int, BeforeValidator(_duration)]
WaitSpan = Annotated[Span, BeforeValidator(_span)]
CapPeriod = Annotated[Period | int, BeforeValidator(_period)]
TimeOfDay = Annotated[int, BeforeValidator(_time_of_day)]
Zone = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Language = Literal["zh", "en"]


class Part(BaseModel):
    """A part of the document: nothing but the declared fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Part):
    """Words for people, in both languages."""

    zh: Annotated[str, Field(min_length=1, max_length=4000)]
    en: Annotated[str, Field(min_length=1, max_length=4000)]


class QuietHoursPart(Part):
    """When nobody is disturbed, on the member's clock; may pass midnight."""

    start: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _not_empty(self) -> "QuietHoursPart":
        if self.start == self.end:
            raise ValueError("quiet hours start and end at different times")
        return self


class CapPart(Part):
    """At most so many messages; of one channel, of one category, of both or of all.

    `per` is `day` or `week` on the member's calendar, or a rolling span of time.
    """

    at_most: Annotated[int, Field(ge=0, le=1000)]
    per: CapPeriod
    channel: Name | None = None
    category: Name | None = None


class DestinationPart(Part):
    """Where a channel's messages are handed over; `secrets` name settings and are never in here."""

    sender: Literal["console", "webhook"]
    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)] | None = None
    secrets: Annotated[
        list[Annotated[str, Field(pattern=r"^REGULARS_WEBHOOK_SECRET[A-Z0-9_]{0,40}$")]],
        Field(max_length=3),
    ] = []
    per_second: Annotated[float, Field(gt=0, le=10_000)] = 50.0
    timeout: Duration = 10 * SECOND

    @model_validator(mode="after")
    def _complete(self) -> "DestinationPart":
        if self.sender == "webhook" and (self.url is None or not self.secrets):
            raise ValueError("a webhook needs its url and the name of a secret")
        return self


class ChannelPart(Part):
    """A way to reach a member; consent is `implied` until they say no, or must be `explicit`.

    `address: adviser`: through a member of staff; when the last one who was a contact is none any
    more, the channel leads nowhere.
    """

    title: Words
    destination: Name
    consent: Literal["implied", "explicit"] = "explicit"
    address: Literal["member", "adviser"] = "member"
    bytes_max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class TemplatePart(Part):
    """What a message says.

    `correct_under_way`: also to those who are under way, and in messages that wait for delivery.
    """

    title: Words
    text: Words
    correct_under_way: bool = False


class WaitPart(Part):
    """`since_entry` or `for` a span of time, then `until` a time of day on the member's clock.

    `for: 3d` is three days of the calendar, at the same time of day; `for: 72h` are 72 hours, and
    `since_entry` counts days of 24 hours.
    """

    since_entry: Duration | None = None
    span: Annotated[WaitSpan | None, Field(alias="for")] = None
    until: TimeOfDay | None = None

    @model_validator(mode="after")
    def _one(self) -> "WaitPart":
        if self.since_entry is not None and self.span is not None:
            raise ValueError("a wait is either since_entry or for a span of time")
        if self.since_entry is None and self.span is None and self.until is None:
            raise ValueError("a wait says since_entry, for or until")
        return self


class SendPart(Part):
    """One message; it is worth sending until `deadline` after its planned time."""

    id: Name
    channel: Name
    template: Name
    category: Name
    purpose: Name
    deadline: Duration


class StepPart(Part):
    """One step of a journey: `wait` or `send`."""

    wait: WaitPart | None = None
    send: SendPart | None = None

    @model_validator(mode="after")
    def _one(self) -> "StepPart":
        if (self.wait is None) == (self.send is None):
            raise ValueError("a step is either wait or send")
        return self


class TriggerPart(Part):
    """What lets members in: an event type, or a tag that is added."""

    event: Annotated[str, Field(pattern=r"^regulars\.[a-z_]+\.[a-z_]+\.v\d+$")] | None = None
    tag: Annotated[str, Field(min_length=1, max_length=128)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "TriggerPart":
        if (self.event is None) == (self.tag is None):
            raise ValueError("expected either event or tag")
        return self


class ExitPart(Part):
    """What ends a journey early: an event (`match`: fields equal to the entry's), a tag, a rule."""

    event: Annotated[str, Field(pattern=r"^regulars\.[a-z_]+\.[a-z_]+\.v\d+$")] | None = None
    match: Annotated[list[Name], Field(max_length=5)] = []
    tag: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    when: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one(self) -> "ExitPart":
        if sum(part is not None for part in (self.event, self.tag, self.when)) != 1:
            raise ValueError("expected exactly one of event, tag, when")
        if self.match and self.event is None:
            raise ValueError("match goes with event")
        return self


class JourneyPart(Part):
    """A journey; `repeat_after`: the same tier or tag is not spoken of again within that time."""

    title: Words
    trigger: TriggerPart
    entry: dict[str, Any] | None = None
    reentry: Reentry = "restart"
    repeat_after: Duration | None = None
    exits: Annotated[list[ExitPart], Field(max_length=20)] = []
    steps: Annotated[list[StepPart], Field(min_length=1, max_length=100)]


class StorePart(Part):
    """What notify has to know of a store."""

    time_zone: Zone


class Document(Part):
    """The whole part of notify."""

    language: Language = "zh"
    time_zone: Zone = "UTC"
    stores: dict[str, StorePart] = {}
    quiet_hours: QuietHoursPart | None = None
    caps: Annotated[list[CapPart], Field(max_length=50)] = []
    destinations: Annotated[dict[Name, DestinationPart], Field(min_length=1)]
    channels: Annotated[dict[Name, ChannelPart], Field(min_length=1)]
    templates: dict[Name, TemplatePart] = {}
    journeys: dict[Name, JourneyPart] = {}
