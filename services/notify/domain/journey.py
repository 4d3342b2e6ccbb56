"""A journey, ready to run: who enters, when each step is due, what ends it.

Made from its document by `services.notify.domain.program`. A journey never looks at a clock: it is
told the instant.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from services.notify.domain.facts import Value
from services.notify.domain.local_time import days_later
from services.notify.domain.quiet_hours import next_time_of_day
from shared.clock import Instant
from shared.conditions import Condition, explain
from shared.events import types
from shared.events.decisions import Figure

Reentry = Literal["restart", "ignore", "once", "parallel"]
"""What happens when somebody already on the way meets the trigger again.

restart: the clock starts again; ignore: the first entry goes on; once: nobody enters twice, ever;
parallel: both go on (each about its own order, say).
"""

ENTRIES_PARALLEL_MAX = 20

Values = Mapping[str, Any]


class Rule(msgspec.Struct, frozen=True):
    """A condition with its compiled predicate."""

    condition: Condition
    holds: Callable[[Values], bool]

    def figures(self, values: Values) -> list[Figure]:
        """The comparisons that decided."""
        return [msgspec.convert(leaf, Figure) for leaf in explain(self.condition, values)]


class Wait(msgspec.Struct, frozen=True):
    """A wait: a span since the entry or since the step before, then until a local time of day.

    `days` are days of the member's calendar; the spans are µs, whatever the clocks do.
    """

    since_entry: int | None = None
    span: int | None = None
    days: int | None = None
    until: int | None = None

    def ends_at(self, entered_at: Instant, at: Instant, zone: ZoneInfo) -> Instant:
        """When a wait that began at `at` is over."""
        if self.since_entry is not None:
            at = max(at, entered_at + self.since_entry)
        if self.span is not None:
            at += self.span
        if self.days is not None:
            at = days_later(at, self.days, zone)
        return at if self.until is None else next_time_of_day(at, self.until, zone)


class Send(msgspec.Struct, frozen=True):
    """One message and the waits before it; `deadline` is in µs after its planned instant.

    `rule` is how explanations call it: `journey/step`.
    """

    name: str
    rule: str
    waits: Sequence[Wait]
    channel: str
    template: str
    category: str
    purpose: str
    deadline: int

    def planned(self, entered_at: Instant, at: Instant, zone: ZoneInfo) -> Instant:
        """When the step is to be decided, seen from the step before (or the entry) at `at`."""
        for wait in self.waits:
            at = wait.ends_at(entered_at, at, zone)
        return at


class Trigger(msgspec.Struct, frozen=True):
    """An event type or a tag that was added: what lets members in, or out."""

    event: str | None = None
    tag: str | None = None


class Exit(msgspec.Struct, frozen=True):
    """What ends a journey early.

    Either an event (or tag) whose fields named in `match` equal those of the entry's own event, or
    a rule that is asked again before every message.
    """

    on: Trigger | None
    match: Sequence[str] = ()
    rule: Rule | None = None

    def matches(self, entered_with: Mapping[str, Value], values: Mapping[str, Value]) -> bool:
        """Whether an event with these values speaks of what the entry is about."""
        return all(
            field in entered_with and entered_with[field] == values.get(field)
            for field in self.match
        )


class Journey(msgspec.Struct, frozen=True):
    """One journey of one version of the program.

    `repeat_after` is in µs: how long the same tier or tag is not spoken of again.
    """

    name: str
    title: Mapping[str, str]
    trigger: Trigger
    reentry: Reentry
    entry: Rule | None
    exits: Sequence[Exit]
    exit_rules: Sequence[Rule]
    steps: Sequence[Send]
    repeat_after: int = 0

    @property
    def of_tiers(self) -> bool:
        """Whether it speaks of the member's tier."""
        return self.trigger.event == types.TIER_CHANGED

    def exit_reached(self, values: Values) -> list[Figure] | None:
        """The figures of the first exit rule that holds; None when the journey goes on."""
        for rule in self.exit_rules:
            if rule.holds(values):
                return rule.figures(values)
        return None
