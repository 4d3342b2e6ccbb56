"""Random histories, and the runtime's promise in miniature: facts in any order."""

import copy
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from services.notify.domain import facts
from services.notify.domain.compiling import compile_program
from services.notify.domain.decision import Effect, MessageDecision
from services.notify.domain.facts import AnyFact
from services.notify.domain.job import (
    JobRecord,
    Posted,
    differences,
    in_time,
    record_of,
)
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Program, Programs
from services.notify.domain.state import MemberState
from shared.clock import DAY, HOUR, MINUTE, Instant, parse_instant
from shared.events import types
from shared.orders import Bought, Withdrawn, fold_history
from shared.orders import Dated as Told
from shared.runtime.program_file import read_part

MEMBER = UUID("0190b5a0-0000-7000-8000-00000000002a")
BEGIN = parse_instant("2024-02-20T00:00:00Z")
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")


@cache
def default_document() -> dict[str, object]:
    return dict(read_part(Path("deploy/program.yaml"), "notify"))


@cache
def default_program() -> Program:
    return compile_program(default_document())


@cache
def story_program() -> Program:
    """The default program; an interaction begins a journey, too, and ends the one of an order."""
    document: Any = copy.deepcopy(default_document())
    document["templates"]["answer"] = {
        "title": {"zh": "回复", "en": "Your reply"},
        "text": {"zh": "谢谢您的回复", "en": "Thank you for your reply"},
    }
    send = {
        "channel": "wecom",
        "template": "answer",
        "category": "value",
        "purpose": "relationship",
    }
    document["journeys"]["replied"] = {
        "title": {"zh": "回复之后", "en": "After a reply"},
        "trigger": {"event": types.INTERACTION_RECORDED},
        "reentry": "restart",
        "steps": [
            {"wait": {"since_entry": "3m"}},
            {"send": {"id": "3m", "deadline": "12h", **send}},
            {"wait": {"since_entry": "4d"}},
            {"send": {"id": "4d", "deadline": "12h", **send}},
        ],
    }
    document["journeys"]["after_purchase"]["exits"].append(
        {"event": types.INTERACTION_RECORDED, "match": ["store_id"]}
    )
    return compile_program(document)


def machine() -> NotifyMachine:
    return NotifyMachine(Programs([(0, 1, story_program())]))


class Dated(NamedTuple):
    """A fact at its place in a history."""

    at: Instant
    rank: int
    key: bytes
    fact: AnyFact

    @property
    def order(self) -> tuple[Instant, int, bytes]:
        return self.at, self.rank, self.key


_KINDS = (
    *("purchase",) * 5,
    *("refund", "refund", "reversal", "joined", "zone", "consent", "consent", "tags", "tier"),
    *("reply", "reply", "taken_back"),
)


def reply(event_id: str) -> facts.Occurrence:
    """An interaction that a journey listens to."""
    return facts.Occurrence(
        event_id, types.INTERACTION_RECORDED, {"kind": "topic_reply", "store_id": "store-1"}
    )


def _fact(draw: st.DrawFn, event_id: str) -> AnyFact:
    fact: AnyFact
    match draw(st.sampled_from(_KINDS)):
        case "purchase" | "refund" | "reversal" as kind:
            fact = _of_order(draw, event_id, kind)
        case "joined":
            fact = facts.Joined(event_id, "store-1", "code")
        case "zone":
            fact = facts.Preferences(event_id, None, draw(st.sampled_from(ZONES)))
        case "consent":
            fact = facts.Consent(event_id, "wecom", draw(st.booleans()))
        case "reply":
            fact = reply(event_id)
        case "taken_back":
            fact = facts.Withdrawal(event_id, draw(st.integers(0, 13)).to_bytes(2, "big"))
        case kind:
            fact = _decided(draw, event_id, kind)
    return fact


def _of_order(draw: st.DrawFn, event_id: str, kind: str) -> AnyFact:
    """Something about one of six orders."""
    order = f"order-{draw(st.integers(0, 5))}"
    if kind == "purchase":
        return facts.Purchase(event_id, order, "store-1", "store", 3520, "CNY")
    refund = f"refund-{draw(st.integers(0, 3))}"
    if kind == "reversal":
        return facts.Reversal(event_id, order, refund)
    return facts.Refund(event_id, order, refund, draw(st.sampled_from([3520, 1000])), "CNY")


def _decided(draw: st.DrawFn, event_id: str, kind: str) -> AnyFact:
    """A decision of segmentation."""
    if kind == "tags":
        return facts.Tags(event_id, [draw(st.sampled_from(["vip", "new"]))], [])
    return facts.Tier(event_id, "member", draw(st.sampled_from(["silver", "gold"])))


@st.composite
def histories(draw: st.DrawFn, size_max: int = 14) -> list[Dated]:
    """Facts in the order of a history, over a leap day and changes of the clocks; some coincide."""
    dated = []
    for i in range(draw(st.integers(1, size_max))):
        # a coarse grid makes coincidences; decisions of other services sort after facts
        days, hours = draw(st.integers(0, 130)), draw(st.integers(0, 23))
        minutes = draw(st.sampled_from([0, 3, 10]))
        fact = _fact(draw, f"event-{i}")
        rank = 1 if isinstance(fact, facts.Tags | facts.Tier) else 0
        at = BEGIN + days * DAY + hours * HOUR + minutes * MINUTE
        dated.append(Dated(at, rank, i.to_bytes(2, "big"), fact))
    return sorted(dated, key=lambda each: each.order)


def fold(dated: Sequence[Dated], until: Instant) -> tuple[MemberState, list[Effect]]:
    """The history as the sorted log has it."""
    told = [
        Told(each.at, each.key, each.fact) for each in sorted(dated, key=lambda each: each.order)
    ]
    folded = fold_history(machine(), MEMBER, told, until)
    return folded.state, folded.effects


def records(effects: Sequence[Effect]) -> dict[str, JobRecord]:
    found = [record_of(MEMBER, e) for e in effects if isinstance(e, MessageDecision)]
    by_id = {record.job_id: record for record in found}
    assert len(by_id) == len(found), "one message was decided twice"
    return by_id


class Replica:
    """One member in a service that gets facts in any order, as `shared.runtime.timeline` works."""

    def __init__(self) -> None:
        self._machine = machine()
        self._facts: list[Dated] = []
        self._state = self._machine.initial(MEMBER)
        self._as_of: tuple[Instant, int, bytes] = (-(2**62), -1, b"")
        self.posted: dict[str, Posted] = {}
        self.spoken: list[str] = []

    def take(self, batch: Sequence[Dated], until: Instant, now: Instant | None = None) -> None:
        """One batch: folded on, or anew when something in it is late."""
        items = sorted(batch, key=lambda each: each.order)
        more = self._says_more(items)
        self._facts.extend(items)
        if items and (items[0].order < self._as_of or more):
            self._state, effects = fold(self._facts, until)
            self._settle(effects, items[-1].fact.event_id, now)
        else:
            effects = []
            for each in items:
                _fire(self._machine, self._state, each.at, effects)
                self._machine.apply(self._state, each.at, each.fact, effects)
            _fire(self._machine, self._state, until, effects)
            for record in records(effects).values():
                assert record.job_id not in self.posted, "posted twice"
                self.posted[record.job_id] = Posted(
                    in_time(record, now), delivered=False, revision=0, superseded_by=None
                )
        if items:
            self._as_of = max(self._as_of, items[-1].order)
        self._as_of = max(self._as_of, (until, -1, b""))

    def _says_more(self, items: Sequence[Dated]) -> bool:
        """Whether any of it amends: is of an order that is not new, takes back or is taken back."""
        reports = [report for each in self._facts if (report := facts.report_of(each.fact))]
        told = {each.order_id for each in reports if not isinstance(each, Withdrawn)}
        more = False
        for each in items:
            report = facts.report_of(each.fact)
            if isinstance(report, Withdrawn) or each.key in self._state.awaited:
                more = True
            elif report is not None:
                more = more or not isinstance(report, Bought) or report.order_id in told
                told.add(report.order_id)
        return more

    def deliver(self) -> None:
        """Say everything that is requested and not said."""
        for job_id, posted in self.posted.items():
            if posted.record.decision == "requested" and not posted.delivered:
                self.spoken.append(job_id)
                self.posted[job_id] = posted._replace(delivered=True)

    def _settle(self, effects: Sequence[Effect], cause: str, now: Instant | None) -> None:
        found = records(effects).values()
        for change in differences(found, self.posted, cause, now):
            before = self.posted.get(change.record.job_id)
            flagged = change.cause if change.kind in {"flagged", "withdrawn"} else None
            self.posted[change.record.job_id] = Posted(
                change.record, before is not None and before.delivered, change.revision, flagged
            )


def _fire(
    history: NotifyMachine, state: MemberState, until: Instant, effects: list[Effect]
) -> None:
    while (due := history.due(state)) is not None and due <= until:
        history.fire(state, effects)
