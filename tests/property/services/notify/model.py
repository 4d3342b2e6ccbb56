"""Messages the slow way: what a history comes to, by the words of the program alone.

A second way to the same answer, to hold the machine against. It knows the program as the YAML says
it (docs/program.md, "Journeys and messages") and nothing of `services.notify`; it keeps everything
that happened in one list, and looks through all of it for every question. In short:

- What is due by an instant comes before what happens at it; of one instant, by name of journey.
- A step is asked: consent, address, deadline, the journey's exits, quiet hours, caps. Only an exit
  ends the journey; quiet hours that end before the deadline are waited for.
- An order is what is left of it (`orders.py`); one of which nothing is left never was. Where an
  event makes an order another one, all is told again from the beginning, as if it had always been
  so, and goes on from there. What was said stays said; whoever is no more on the way has left.
- A message has one name: journey, occasion, step. What was decided under it is not decided again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from shared.clock import DAY, Instant
from shared.events import Event, types
from tests.property.services.asking import holds
from tests.property.services.notify import model_clock as clock
from tests.property.services.notify.model_journey import (
    PARALLEL_MAX,
    Level,
    Said,
    Step,
    Way,
    is_nothing,
    level_before,
    of_tiers,
    steps_of,
    tags_given,
    title_of,
    topic_of,
)
from tests.property.services.notify.model_member import Heard, Member, plain
from tests.property.services.orders import orders_of

Document = Mapping[str, Any]


def messages(
    document: Document,
    events: Sequence[Event],
    until: Instant,
    jobs: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Said]:
    """What is decided about messages, in a history in order of time.

    `jobs` are names of messages by the ids under which receipts speak of them.
    """
    story, before = Story(document, jobs or {}), list[Heard]()
    for i, event in enumerate(events):
        story.wait(event.at)
        stands = list(as_it_stands(events[: i + 1]))
        known = [each for each in stands if each.event is not event]
        if known != before:
            story = story.as_if(known, event)
        for heard in stands[len(known) :]:
            story.hear(heard)
        before = stands
    story.wait(until)
    return story.record


def as_it_stands(events: Sequence[Event]) -> Iterator[Heard]:
    """What is heard of events: each order once, with what is left of it."""
    orders, _ = orders_of(events)
    names = [order.name for order in orders]
    opened = {order.event.id: i for i, order in enumerate(orders)}
    for event in events:
        if event.type not in (types.PURCHASE_COMPLETED, types.PURCHASE_CHANGED):
            yield Heard(event)
        elif event.id in opened:
            i = opened[event.id]
            if orders[i].total > 0:
                yield Heard(event, orders[i].total, again=names[i] in names[:i])


@dataclass
class Story:
    """A member's history as far as it has been told."""

    document: Document
    jobs: Mapping[str, tuple[str, ...]]
    member: Member = field(default_factory=Member)
    ways: list[Way] = field(default_factory=list)
    record: list[Said] = field(default_factory=list)
    journal: list[Heard | Said] = field(default_factory=list)
    came_up: list[str] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)

    # -- what happens ------------------------------------------------------------------------

    def hear(self, heard: Heard) -> None:
        """Take in what happened: who leaves a journey by it, then who enters one."""
        if self.member.erased or is_nothing(heard.event):
            return
        context = self._tell(heard)
        self.member.heard.append(heard)
        self.journal.append(heard)
        if heard.event.type == types.MEMBER_ERASED:
            self.ways.clear()
        for way in list(self.ways):
            if self._leads_out(way, heard, context) or self._is_overtaken(way, heard):
                self.ways.remove(way)
                self._say(way, heard.event.at, "exited", heard.event.id)
        for name, journey in self.document["journeys"].items():
            self._enter(name, journey, heard, context)

    def wait(self, until: Instant) -> None:
        """Let come up what is due."""
        while due := [way for way in self.ways if way.due <= until]:
            way = min(due, key=lambda each: (each.due, each.journey, each.event))
            answer = self._ask(way)
            if isinstance(answer, int):
                way.due = answer
                continue
            self._say(way, way.due, answer)
            if answer == "exited":
                self.ways.remove(way)
            else:
                self._pass(way)

    def as_if(self, heard: Sequence[Heard], event: Event) -> "Story":
        """Go on as if orders had always been what they are now."""
        new = Story(self.document, self.jobs)
        for each in heard:
            new.wait(each.event.at)
            new.hear(each)
        new.wait(event.at)
        new._keep_names_of(self)
        names = [(way.journey, way.about) for way in new.ways]
        for way in self.ways:
            if (way.journey, way.about) not in names:
                self._say(way, event.at, "exited", event.id)
        # what was said stays said, to whoever heard it
        new.record, new.journal = self.record, self.journal
        for topic in set(self.came_up):
            more = self.came_up.count(topic) - new.came_up.count(topic)
            new.came_up += [topic] * more
        new.entered += [said.journey for said in self.record if said.reason is None]
        for way in list(new.ways):
            while way in new.ways and new._was_decided(way):
                new._pass(way)
        return new

    def _keep_names_of(self, real: "Story") -> None:
        """Who really was on the way keeps the name; whoever else has it is named by their event."""
        mine = {(old.journey, old.event): old.about for old in real.ways}
        both = [way for way in self.ways if (way.journey, way.event) in mine]
        for way in both:
            way.about = mine[way.journey, way.event]
        for way in self.ways:
            if way not in both and any(
                (way.journey, way.about) == (other.journey, other.about) for other in both
            ):
                way.about = ("event", way.event)

    # -- steps -------------------------------------------------------------------------------

    def _ask(self, way: Way) -> str | Instant | None:
        """Why a message is not to be said, until when it waits, or None: it is said."""
        send, at = self._step(way).send, way.due
        channel = self.document["channels"][send["channel"]]
        deadline = way.planned + clock.span(send["deadline"])
        exits = self.document["journeys"][way.journey].get("exits", ())
        if not self.member.allows(channel, send["channel"], send["category"]):
            return "no_consent"
        if channel.get("address") == "adviser" and not self.member.has_adviser:
            return "no_address"
        if at > deadline:
            return "past_deadline"
        read = self._reader(way.context)
        if any("when" in each and holds(each["when"], read, at) for each in exits):
            return "exited"
        morning = self._morning(at)
        if morning > at:
            return "quiet_hours" if morning > deadline else morning
        return "capped" if self._is_capped(send, at) else None

    def _morning(self, at: Instant) -> Instant:
        """The first instant from `at` on that is not quiet."""
        hours = self.document.get("quiet_hours")
        if hours is None:
            return at
        start, end = time.fromisoformat(hours["start"]), time.fromisoformat(hours["end"])
        return clock.quiet_end(at, start, end, self._zone)

    def _is_capped(self, send: Mapping[str, Any], at: Instant) -> bool:
        for cap in self.document.get("caps", ()):
            of = {name: cap[name] for name in ("channel", "category") if name in cap}
            if any(send[name] != value for name, value in of.items()):
                continue
            per = cap["per"] if cap["per"] in ("day", "week") else clock.span(cap["per"])
            counted = 0
            for said in self._requested():
                step = self._sending(said)
                mine = all(step[name] == value for name, value in of.items())
                counted += mine and clock.same_period(per, said.at, at, self._zone)
            if counted >= cap["at_most"]:
                return True
        return False

    def _requested(self) -> list[Said]:
        """What was said, but for what is known to have failed."""
        found: list[Said] = []
        for each in self.journal:
            if isinstance(each, Said):
                found += [each] if each.reason is None else []
            elif each.event.type == types.JOB_FAILED:
                name = self.jobs.get(each.event.data.job_id)
                found = [said for said in found if said.name != name]
        return found

    def _pass(self, way: Way) -> None:
        """On to the next message of the journey, or out of it."""
        way.step += 1
        steps = steps_of(self.document["journeys"][way.journey])
        if way.step == len(steps):
            self.ways.remove(way)
            return
        way.planned = self._end_of(steps[way.step].waits, way.at, way.planned)
        way.due = max(way.due, way.planned)

    def _end_of(self, waits: Sequence[Mapping[str, Any]], entered: Instant, at: Instant) -> Instant:
        for wait in waits:
            if "since_entry" in wait:
                at = max(at, entered + clock.span(wait["since_entry"]))
            elif "for" in wait and wait["for"].endswith("d"):
                at = clock.days_later(at, int(wait["for"][:-1]), self._zone)
            elif "for" in wait:
                at += clock.span(wait["for"])
            if "until" in wait:
                at = clock.next_time(at, time.fromisoformat(wait["until"]), self._zone)
        return at

    def _say(self, way: Way, at: Instant, reason: str | None, cause: str | None = None) -> None:
        send = self._step(way).send
        said = Said(
            way.journey,
            send["id"],
            way.about,
            way.event,
            cause or way.event,
            way.planned,
            at,
            way.planned + clock.span(send["deadline"]),
            reason,
            self._words(way, at),
        )
        self.record.append(said)
        self.journal.append(said)

    def _words(self, way: Way, at: Instant) -> dict[str, Any]:
        """What the text may speak of."""
        named = {"to": "tier_after", "from": "tier_before", "direction": "tier_direction"}
        named |= {"to_title": "tier_after_title", "from_title": "tier_before_title"}
        words = {named.get(name, name): value for name, value in way.context.items()}
        words["orders"] = len(self.member.orders)
        if self.member.orders:
            words["days_since_purchase"] = (at - self.member.orders[-1].event.at) // DAY
        if self.member.tier is not None:
            words |= {"tier": self.member.tier.to, "tier_title": title_of(self.member.tier, "to")}
        return words

    def _was_decided(self, way: Way) -> bool:
        name = way.journey, self._step(way).send["id"], *way.about
        return any(said.name == name for said in self.record)

    def _step(self, way: Way) -> Step:
        return steps_of(self.document["journeys"][way.journey])[way.step]

    def _sending(self, said: Said) -> Mapping[str, Any]:
        steps = steps_of(self.document["journeys"][said.journey])
        return next(step.send for step in steps if step.send["id"] == said.step)

    @property
    def _zone(self) -> ZoneInfo:
        store = self.document.get("stores", {}).get(self.member.store or "", {})
        default = self.document.get("time_zone", "UTC")
        return ZoneInfo(self.member.time_zone or store.get("time_zone") or default)

    def _reader(self, context: Mapping[str, Any]) -> Any:
        def read(feature: str) -> Any:
            if feature.startswith("event."):
                return context.get(feature.removeprefix("event."))
            return self.member.figure(feature)

        return read

    # -- in and out --------------------------------------------------------------------------

    def _tell(self, heard: Heard) -> dict[str, Any]:
        """What journeys see of an event; of a tier, from the one that the member knows of."""
        if heard.event.type != types.TIER_CHANGED:
            return plain(heard)
        data, told = heard.event.data, self._believed() or level_before(heard.event)
        seen = {"to": data.to, "to_title": title_of(data, "to")}
        if told is None:
            return seen | {"direction": "first"}
        rank = None if data.level is None else data.level.rank
        way = "changed"
        if told.rank is not None and rank is not None and told.rank != rank:
            way = "up" if rank > told.rank else "down"
        return seen | {"from": told.tier, "from_title": told.title, "direction": way}

    def _believed(self) -> Level | None:
        """The tier that a member was last told of, where it is not theirs any more."""
        journeys = self.document["journeys"]
        speaking = {name for name, each in journeys.items() if of_tiers(each)}
        told: Level | None = None
        for each in self.journal:
            if isinstance(each, Said):
                told = None if each.reason is None and each.journey in speaking else told
            elif each.event.type == types.TIER_CHANGED:
                told = told or level_before(each.event)
                told = told if speaking and told and told.tier != each.event.data.to else None
        return told

    def _leads_out(self, way: Way, heard: Heard, context: Mapping[str, Any]) -> bool:
        for each in self.document["journeys"][way.journey].get("exits", ()):
            match = each.get("match", ())
            if each.get("event") == heard.type and all(
                name in way.context and way.context[name] == context.get(name) for name in match
            ):
                return True
            if "tag" in each and each["tag"] in tags_given(heard.event):
                return True
        return False

    def _is_overtaken(self, way: Way, heard: Heard) -> bool:
        """Whether it waits to speak of a tier that is not the member's any more."""
        spoken_of = of_tiers(self.document["journeys"][way.journey])
        return spoken_of and way.step == 0 and heard.event.type == types.TIER_CHANGED

    def _enter(
        self, name: str, journey: Mapping[str, Any], heard: Heard, context: dict[str, Any]
    ) -> None:
        event, trigger = heard.event, journey["trigger"]
        if "tag" in trigger:
            if trigger["tag"] not in tags_given(event):
                return
            context = context | {"tag": trigger["tag"]}
        elif trigger["event"] != heard.type or context.get("from", "") == context.get("to"):
            return
        if not holds(journey.get("entry"), self._reader(context), event.at):
            return
        topic = topic_of(name, journey, context)
        if topic is not None and self._was_said_lately(topic, journey, event.at):
            return
        if not self._makes_room(name, journey.get("reentry", "restart")):
            return
        about = self._about(name, journey, topic, heard)
        first = steps_of(journey)[0]
        planned = self._end_of(first.waits, event.at, event.at)
        self.ways.append(Way(name, event.id, about, event.at, context, planned, planned))

    def _makes_room(self, name: str, reentry: str) -> bool:
        under_way = [way for way in self.ways if way.journey == name]
        if reentry == "restart":
            self.ways = [way for way in self.ways if way.journey != name]
            return True
        if reentry == "once":
            first = name not in self.entered
            self.entered.append(name)
            return first
        return len(under_way) < (1 if reentry == "ignore" else PARALLEL_MAX)

    def _about(
        self, name: str, journey: Mapping[str, Any], topic: str | None, heard: Heard
    ) -> tuple[str, ...]:
        """The occasion."""
        if journey.get("reentry") == "once":
            # who entered by an order that is no more, and was told nothing, enters anew
            before = {said.about for said in self.record if said.journey == name}
            return ("once", str(len(before)))
        if heard.left is not None:
            data = heard.event.data
            mine = ("event", heard.event.id)
            return mine if heard.again else ("order", data.store_id or "", data.order_id)
        if topic is None:
            return ("event", heard.event.id)
        self.came_up.append(topic)
        return ("topic", topic, str(self.came_up.count(topic)))

    def _was_said_lately(self, topic: str, journey: Mapping[str, Any], at: Instant) -> bool:
        default = "30d" if of_tiers(journey) else None
        within = journey.get("repeat_after", default)
        return within is not None and any(
            said.reason is None
            and said.about[:2] == ("topic", topic)
            and at - said.at < clock.span(within)
            for said in self.record
        )
