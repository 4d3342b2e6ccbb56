"""From the document to the program that runs: every reference checked, every condition compiled.

DocumentError(ValueError)   carries one Problem (JSON pointer, words) for each thing that is wrong
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.notify.domain import journey as ready
from services.notify.domain.caps import Cap
from services.notify.domain.document import (
    CapPart,
    Document,
    ExitPart,
    JourneyPart,
    SendPart,
    TriggerPart,
    WaitPart,
)
from services.notify.domain.features import CATALOGUE, EVENT_FIELDS, catalogue_for
from services.notify.domain.program import Channel, Destination, Program
from services.notify.domain.quiet_hours import QuietHours
from services.notify.domain.template import Template, problems_with
from services.notify.domain.vocabulary import LISTENED, fields_of, variables_known
from shared.clock import DAY, HOUR, MINUTE, SECOND
from shared.conditions import ConditionError, Problem, compile_predicate, parse
from shared.events import types
from shared.events.registry import STRUCTS
from shared.events.standards import unknown

_TIER_REPEAT_AFTER = 30 * DAY
_ANY_FIELD = frozenset(EVENT_FIELDS)


class DocumentError(ValueError):
    """A document that is no program."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Take every problem found."""
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.message}" for p in problems))


def compile_program(document: object) -> Program:
    """Check a document and make it ready to run.

    Args:
        document: the `notify` part, as `json.loads` or a YAML loader gave it.

    Raises:
        DocumentError: with every problem found.
    """
    try:
        checked = Document.model_validate(document)
    except ValidationError as error:
        raise DocumentError([_problem(e["loc"], e["msg"]) for e in error.errors()]) from error
    return _Compiler(checked).program()


def _problem(location: Sequence[int | str], message: str) -> Problem:
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in location]
    # pydantic names the key of a mapping that is wrong itself with a trailing "[key]"
    pointer = "".join(f"/{step}" for step in steps if step != "[key]")
    return Problem(pointer, message.removeprefix("Value error, "))


class _Compiler:
    """One pass over one document, gathering problems."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems: list[Problem] = []

    def program(self) -> Program:
        document = self._document
        self._check_channels()
        journeys = {
            name: self._journey(name, part, f"/journeys/{name}")
            for name, part in document.journeys.items()
        }
        self._check_caps()
        self._check_templates(journeys)
        if self._problems:
            raise DocumentError(self._problems)
        caps = tuple(_cap(part) for part in document.caps)
        return Program(
            language=document.language,
            zone=ZoneInfo(document.time_zone),
            zones_of_stores={s: ZoneInfo(part.time_zone) for s, part in document.stores.items()},
            quiet_hours=_quiet_hours(document),
            caps=caps,
            channels={
                name: Channel(
                    name=name,
                    title=part.title.model_dump(),
                    consent_implied=part.consent == "implied",
                    by_adviser=part.address == "adviser",
                    destination=part.destination,
                    bytes_max=part.bytes_max,
                )
                for name, part in document.channels.items()
            },
            destinations=_destinations(document),
            templates=_templates(document),
            journeys=journeys,
            triggers=_triggers(journeys),
            exits=frozenset(
                way_out.on.event
                for journey in journeys.values()
                for way_out in journey.exits
                if way_out.on is not None and way_out.on.event is not None
            ),
            sent_window=max((cap.longest for cap in caps), default=0),
        )

    def _check_channels(self) -> None:
        known = self._document.destinations
        for name, channel in self._document.channels.items():
            self._known(channel.destination, known, f"/channels/{name}/destination", "destination")

    def _check_caps(self) -> None:
        categories = {
            step.send.category: step
            for journey in self._document.journeys.values()
            for step in journey.steps
            if step.send is not None
        }
        for i, cap in enumerate(self._document.caps):
            if cap.channel is not None:
                channels = self._document.channels
                self._known(cap.channel, channels, f"/caps/{i}/channel", "channel")
            if cap.category is not None:
                self._known(cap.category, categories, f"/caps/{i}/category", "category")

    def _check_templates(self, journeys: Mapping[str, ready.Journey]) -> None:
        """Each template in each language, for each journey and channel that it is sent through."""
        known: dict[str, dict[str, frozenset[str]]] = {}
        limits: dict[str, int] = {}
        for name, ready_journey in journeys.items():
            for send in ready_journey.steps:
                known.setdefault(send.template, {})[name] = variables_known(ready_journey.trigger)
                channel = self._document.channels.get(send.channel)
                if channel and channel.bytes_max is not None:
                    least = limits.get(send.template, channel.bytes_max)
                    limits[send.template] = min(least, channel.bytes_max)
        for name, template in self._document.templates.items():
            used_in, most = known.get(name, {}), limits.get(name)
            for language, source in template.text.model_dump().items():
                for wrong in problems_with(source, language, used_in, most):
                    self._refuse(f"/templates/{name}/text/{language}", wrong)

    def _journey(self, name: str, part: JourneyPart, pointer: str) -> ready.Journey:
        told = self._trigger(part.trigger, f"{pointer}/trigger")
        exits = tuple(
            self._exit(way_out, told, f"{pointer}/exits/{i}")
            for i, way_out in enumerate(part.exits)
        )
        of_tiers = part.trigger.event == types.TIER_CHANGED
        if part.repeat_after is not None and not (of_tiers or part.trigger.tag):
            self._refuse(f"{pointer}/repeat_after", "goes with a trigger that is a tag or a tier")
        return ready.Journey(
            name=name,
            title=part.title.model_dump(),
            trigger=ready.Trigger(event=part.trigger.event, tag=part.trigger.tag),
            reentry=part.reentry,
            entry=self._rule(part.entry, told, f"{pointer}/entry"),
            exits=exits,
            exit_rules=tuple(each.rule for each in exits if each.rule is not None),
            steps=tuple(self._steps(name, part, f"{pointer}/steps")),
            repeat_after=part.repeat_after or (_TIER_REPEAT_AFTER if of_tiers else 0),
        )

    def _trigger(self, part: TriggerPart | ExitPart, pointer: str) -> frozenset[str]:
        """The fields that such an event may tell."""
        if part.event is None:
            return frozenset({"tag"})
        if part.event in LISTENED:
            return fields_of(part.event).possible
        if part.event in STRUCTS:
            words = f"{part.event} begins and ends no journey"
        else:
            words = unknown("event type", part.event, LISTENED)
        self._refuse(f"{pointer}/event", words)
        return _ANY_FIELD

    def _exit(self, part: ExitPart, told: frozenset[str], pointer: str) -> ready.Exit:
        if part.when is not None:
            return ready.Exit(on=None, rule=self._rule(part.when, told, f"{pointer}/when"))
        both = told & self._trigger(part, pointer)
        for i, field in enumerate(part.match):
            if field not in both:
                words = unknown("field", field, both)
                listed = ", ".join(sorted(both)) or "none"
                self._refuse(f"{pointer}/match/{i}", f"{words} (both events tell: {listed})")
        on = ready.Trigger(event=part.event, tag=part.tag)
        return ready.Exit(on=on, match=tuple(part.match))

    def _rule(self, tree: object, told: frozenset[str], pointer: str) -> ready.Rule | None:
        if tree is None:
            return None
        try:
            condition = parse(tree, catalogue_for(told), pointer)
        except ConditionError as error:
            self._problems.extend(error.problems)
            return None
        return ready.Rule(condition, compile_predicate(condition, CATALOGUE))

    def _steps(self, journey: str, part: JourneyPart, pointer: str) -> list[ready.Send]:
        steps: list[ready.Send] = []
        waits: list[ready.Wait] = []
        names: dict[str, int] = {}
        since_entry = 0
        for i, step in enumerate(part.steps):
            if step.wait is not None:
                waits.append(_wait(step.wait))
                if step.wait.since_entry is not None:
                    if step.wait.since_entry <= since_entry:
                        self._refuse(
                            f"{pointer}/{i}/wait/since_entry", "later than the wait before it"
                        )
                    since_entry = step.wait.since_entry
            elif step.send is not None:
                if not waits and not steps:
                    self._refuse(f"{pointer}/{i}", "a journey starts with a wait, of 1s or more")
                self._check_send(step.send, f"{pointer}/{i}/send", names)
                steps.append(_send(journey, step.send, waits))
                waits = []
        if waits or not steps:
            self._refuse(pointer, "a journey ends with a send")
        return steps

    def _check_send(self, send: SendPart, pointer: str, names: dict[str, int]) -> None:
        if send.id in names:
            self._refuse(f"{pointer}/id", f"another step is called {send.id!r}")
        names[send.id] = 1
        self._known(send.channel, self._document.channels, f"{pointer}/channel", "channel")
        self._known(send.template, self._document.templates, f"{pointer}/template", "template")

    def _known(self, name: str, known: Mapping[str, object], pointer: str, what: str) -> None:
        if name not in known:
            listed = ", ".join(known) or "none"
            self._refuse(pointer, f"{unknown(what, name, known)} (known: {listed})")

    def _refuse(self, pointer: str, message: str) -> None:
        self._problems.append(Problem(pointer, message))


def _send(journey: str, part: SendPart, waits: list[ready.Wait]) -> ready.Send:
    return ready.Send(
        name=part.id,
        rule=f"{journey}/{part.id}",
        waits=tuple(waits),
        channel=part.channel,
        template=part.template,
        category=part.category,
        purpose=part.purpose,
        deadline=part.deadline,
    )


def _wait(part: WaitPart) -> ready.Wait:
    days, span = part.span or (None, None)
    return ready.Wait(since_entry=part.since_entry, span=span, days=days, until=part.until)


def _triggers(journeys: Mapping[str, ready.Journey]) -> dict[str, list[ready.Journey]]:
    triggers: dict[str, list[ready.Journey]] = {}
    for journey in journeys.values():
        triggers.setdefault(journey.trigger.event or types.TAGS_CHANGED, []).append(journey)
    return triggers


def _quiet_hours(document: Document) -> QuietHours | None:
    part = document.quiet_hours
    return None if part is None else QuietHours(start=part.start, end=part.end)


def _destinations(document: Document) -> dict[str, Destination]:
    return {
        name: Destination(
            name=name,
            sender=part.sender,
            url=part.url,
            secrets=tuple(part.secrets),
            per_second=part.per_second,
            timeout_seconds=part.timeout / SECOND,
        )
        for name, part in document.destinations.items()
    }


def _templates(document: Document) -> dict[str, Template]:
    return {
        name: Template(
            name=name,
            title=part.title.model_dump(),
            text=part.text.model_dump(),
            correct_under_way=part.correct_under_way,
        )
        for name, part in document.templates.items()
    }


def _cap(part: CapPart) -> Cap:
    scope = [name for name in (part.channel, part.category) if name is not None]
    per = part.per if isinstance(part.per, str) else _span(part.per)
    return Cap(
        feature=".".join(["sent", *scope, per]),
        period=part.per,
        at_most=part.at_most,
        channel=part.channel,
        category=part.category,
    )


def _span(duration: int) -> str:
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if duration % size == 0:
            return f"{duration // size}{unit}"
    return f"{duration // SECOND}s"
