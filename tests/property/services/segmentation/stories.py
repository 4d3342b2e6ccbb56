"""Members' histories without a runtime: facts in any order and batches, and what is published."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from services.segmentation.domain import changes
from services.segmentation.domain.changes import Decision
from services.segmentation.domain.facts import (
    AnyFact,
    Community,
    Interaction,
    Joined,
    ProfileFact,
    Purchase,
    Refund,
    Withdrawal,
)
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Change, Member
from services.segmentation.domain.program import read_program
from services.segmentation.domain.rules import Rules, Versions, compile_program
from shared.clock import DAY, HOUR, Instant, parse_instant
from shared.events import event_key
from shared.orders import Bought, Dated, Withdrawn, counts, fold_history, spread
from shared.runtime.program_file import read_part

MEMBER = UUID("01890000-0000-7000-8000-000000000001")
START = parse_instant("2023-12-20T08:00:00Z")  # a year with a leap day lies ahead
STORES = ("north", "south")
CATEGORIES = ("BAKERY", "DAIRY", "TOYS")
KINDS = ("share", "click", "vote")
WORDS = {"zh": "字", "en": "word"}

SOURCE = "urn:test"

Item = tuple[Instant, str, AnyFact]
"""When, the key that orders facts of one instant, and the fact."""


def document(**parts: Any) -> dict[str, Any]:
    """A small program whose tags and tiers come and go within days."""
    return {
        "comeback_after_days": 20,
        "passive_interactions": ["click"],
        "groups": [
            {
                "id": "history",
                "title": WORDS,
                "exclusive": True,
                "tags": [
                    _tag("gone", {"feature": "last_order_at", "at_least_days_ago": 30}),
                    _tag("back", {"feature": "comeback_at", "within_last_days": 9}),
                    _tag("often", {"feature": "orders_30d", "at_least": 3}),
                    _tag("once", {"feature": "orders", "at_least": 1}),
                    _tag("never", {"all": []}),
                ],
            },
            {
                "id": "free",
                "title": WORDS,
                "tags": [
                    _tag("big", {"feature": "spend_30d", "at_least": 4000}),
                    _tag("quiet", {"not": {"feature": "interactions_7d", "more_than": 1}}),
                    _tag(
                        "odd",
                        {
                            "any": [
                                {"feature": "orders_7d", "one_of": [1, 3]},
                                {"feature": "spend_90d", "between": [1000, 2500]},
                            ]
                        },
                    ),
                ],
            },
            {
                "id": "interest",
                "title": WORDS,
                "each": "category",
                "when": {"feature": "category.orders_30d", "at_least": 2},
            },
            {
                "id": "missed",
                "title": WORDS,
                "each": "category",
                "when": {"feature": "category.last_order_at", "at_least_days_ago": 25},
            },
            {
                "id": "store",
                "title": WORDS,
                "each": "store",
                "when": {
                    "all": [
                        {"feature": "store.recent_orders", "at_least": 2},
                        {"feature": "store.spend_90d", "at_least": 1500},
                    ]
                },
            },
        ],
        "tiers": {
            "keep_days": 20,
            "grace_days": 5,
            "down": "one_step",
            "levels": [
                {"id": "one", "title": WORDS},
                _level("two", {"feature": "orders_30d", "at_least": 2}),
                _level("three", {"feature": "orders_30d", "at_least": 4}),
                _level(
                    "four",
                    {
                        "all": [
                            {"feature": "orders_90d", "at_least": 5},
                            {"feature": "interactions_30d", "at_least": 1},
                        ]
                    },
                ),
                _level("five", {"feature": "orders_90d", "at_least": 8}),
            ],
        },
        **parts,
    }


def _tag(tag: str, when: dict[str, Any]) -> dict[str, Any]:
    return {"tag": tag, "title": WORDS, "when": when}


def _level(name: str, when: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "title": WORDS, "when": when}


def default_document() -> dict[str, Any]:
    """The program that the project comes with."""
    return dict(read_part(Path("deploy/program.yaml"), "segmentation"))


def rules_of(source: dict[str, Any], version: int = 1, since: Instant = 0) -> Rules:
    """A document, compiled."""
    return compile_program(read_program(source), version=version, effective_from=since)


def machine_of(*rules: Rules) -> SegmentationMachine:
    """A machine judging by these versions; by `document()` where none is given."""
    return SegmentationMachine(Versions(rules or (rules_of(document()),)))


def key_of(name: str) -> bytes:
    """The identity of the event that an item's fact is remembered of."""
    return event_key(SOURCE, name)


def taken_back(name: str, i: int) -> Withdrawal:
    """The withdrawal of an item; its id tells the name, for the key does not."""
    return Withdrawal(f"withdrawal-{i}-of-{name}", key_of(name))


@st.composite
def histories(draw: st.DrawFn, least: int = 0, most: int = 14) -> list[Item]:
    """Facts of one member over half a year; several may share an instant.

    Interactions may be taken back, also before they are told, twice, and some that never come.
    """
    at, items = START, list[Item]()
    for i in range(draw(st.integers(least, most))):
        at += draw(
            st.sampled_from((0, 0, 1, HOUR, DAY, 3 * DAY, 7 * DAY, 20 * DAY, 30 * DAY - 1))
            | st.integers(0, 40 * DAY)
        )
        fact = draw(_facts(i))
        name = f"key-{draw(st.integers(0, 9))}-{i}"
        items.append((at, name, fact))
        if isinstance(fact, Interaction):
            gaps = st.sampled_from((-DAY, -1, 0, 0, 1, HOUR, 20 * DAY, 50 * DAY))
            for j, gap in enumerate(draw(st.just([]) | st.lists(gaps, max_size=2))):
                other = draw(st.sampled_from((name, name, name, "never told")))
                back = taken_back(other, 10 * i + j)
                items.append((at + gap, f"key-{draw(st.integers(0, 9))}-{i}-{j}", back))
    return sorted(items, key=_order)


@st.composite
def _facts(draw: st.DrawFn, i: int) -> AnyFact:
    name = f"event-{i}"
    kind = draw(st.sampled_from("ppppppprriijtc"))
    lines = st.lists(
        st.tuples(
            st.sampled_from(("a", "b", "")), st.sampled_from(CATEGORIES), st.integers(0, 3000)
        ),
        max_size=3,
    ).map(tuple)
    if kind == "p":
        total = draw(st.integers(0, 3000))
        return Purchase(
            name, f"order-{i}", draw(st.sampled_from(STORES)), total, spread(total, draw(lines))
        )
    if kind == "r":
        order = f"order-{draw(st.integers(0, 13))}"
        return Refund(name, order, draw(st.sampled_from((0, 500, 9999))), draw(lines))
    if kind == "i":
        return Interaction(name, draw(st.sampled_from(KINDS)))
    if kind == "j":
        return Joined(name, draw(st.sampled_from(STORES)), ProfileFact(name, 2, None, "Wuhan"))
    if kind == "t":
        return ProfileFact(name, draw(st.integers(1, 12)), "other", None, ("tea",))
    return Community(name, "c-1", draw(st.booleans()))


def _order(item: Item) -> tuple[Instant, str]:
    return item[0], item[1]


class Replica:
    """What the runtime and the writer do together, for one member, in memory."""

    def __init__(self, machine: SegmentationMachine) -> None:
        self.machine = machine
        self.facts: list[Item] = []
        self.state: Member | None = None
        self.as_of: tuple[Instant, str] = (-(2**62), "")
        self.until = -(2**62)
        self.posted: dict[UUID, Decision] = {}
        self.published: list[Decision] = []

    def batch(self, items: Sequence[Item], until: Instant | None = None) -> None:
        """Take a batch of facts in; the clock then stands at least at the last of them."""
        known = {item[1] for item in self.facts}
        fresh = {item[1]: item for item in items if item[1] not in known}
        news = sorted(fresh.values(), key=_order)
        self.until = max([self.until, *(item[0] for item in items), until or -(2**62)])
        late = any(_order(item) < self.as_of for item in news) or self._says_more(news)
        self.facts = sorted([*self.facts, *news], key=_order)
        cause = news[-1][2].id if news else "timer"
        if late or self.state is None:
            told = [Dated(at, key_of(name), fact) for at, name, fact in self.facts]
            folded = fold_history(self.machine, MEMBER, told, self.until)
            state, effects = folded.state, folded.effects
            self.as_of = max([self.as_of, *map(_order, self.facts)])
            if folded.fired_at is not None:
                self.as_of = max(self.as_of, (folded.fired_at, ""))
        else:
            state, effects = _copied(self.state), []
            for item in news:
                self._advance(state, item[0], effects)
                self.machine.apply(state, item[0], item[2], effects)
                self.as_of = max(self.as_of, _order(item))
            self._advance(state, self.until, effects)
        self.state = _copied(state)
        self._post(effects, rebuilt=late, cause=cause)

    def _says_more(self, news: Sequence[Item]) -> bool:
        """Whether any of it amends: is of an order that is not new, takes back or is taken back."""
        facts = [*self.facts, *news]
        reports = [(item, self.machine.report(item[2])) for item in facts]
        told = {
            report.order_id
            for item, report in reports
            if report and not isinstance(report, Withdrawn) and item not in news
        }
        awaited = () if self.state is None else self.state.awaited
        more = any(key_of(name) in awaited for _, name, _ in news)
        for _, report in [each for each in reports if each[0] in news]:
            if isinstance(report, Withdrawn):
                more = True
            elif report is not None:
                new = isinstance(report, Bought) and counts(report.content)
                more = more or not new or report.order_id in told
                told.add(report.order_id)
        return more

    def _advance(self, state: Member, until: Instant, effects: list[Change]) -> None:
        while (due := self.machine.due(state)) is not None and due <= until:
            self.machine.fire(state, effects)
            self.as_of = max(self.as_of, (due, ""))
            after = self.machine.due(state)
            assert after is None or after > due, "a timer made no progress"

    def _post(self, effects: list[Change], *, rebuilt: bool, cause: str) -> None:
        found = changes.in_sum(effects)
        rows = list(self.posted.values())
        if rebuilt:
            plan = changes.corrected(MEMBER, found, rows, cause)
        else:
            again = {key: change for key, change in found.items() if change.again}
            mine = [row for row in rows if row.key in again]
            plan = changes.continued(MEMBER, again, mine, cause)
            fresh = {key: change for key, change in found.items() if not change.again}
            plan.publish += changes.first_decisions(MEMBER, fresh)
        for row in plan.supersede:
            row.superseded = True
        for decision in plan.publish:
            assert decision.id not in self.posted, "two decisions have one name"
            self.posted[decision.id] = decision
        self.published += plan.publish

    def names(self) -> set[UUID]:
        """The names of what stands."""
        return {
            row.id
            for row in self.posted.values()
            if not row.superseded and (row.added or row.removed or row.before != row.now)
        }

    def history(self) -> list[tuple[Any, ...]]:
        """What stands, in order of time, without what changes nothing."""
        standing = [row for row in self.posted.values() if not row.superseded]
        return sorted(
            (row.at, row.kind, *row.content)
            for row in standing
            if row.added or row.removed or row.before != row.now
        )

    def reasons(self) -> list[tuple[Any, ...]]:
        """Why, of everything that stands."""
        standing = [row for row in self.posted.values() if not row.superseded]
        return sorted(
            (row.at, row.kind, tuple(msgspec.json.encode(why) for why in row.because))
            for row in standing
            if row.added or row.removed or row.before != row.now
        )


def replayed(machine: SegmentationMachine, items: Sequence[Item], until: Instant) -> Replica:
    """The sorted log in one batch."""
    replica = Replica(machine)
    replica.batch(sorted(items, key=_order), until)
    return replica


def folded(published: Sequence[Decision]) -> tuple[set[str], str | None]:
    """Tags and tier as a consumer has them that leaves superseded decisions out."""
    withdrawn = {decision.supersedes for decision in published}
    tags: set[str] = set()
    tier: str | None = None
    standing = [decision for decision in published if decision.id not in withdrawn]
    for decision in sorted(standing, key=lambda each: (each.at, each.id)):
        if decision.kind == "tags":
            tags = (tags - set(decision.removed)) | set(decision.added)
        else:
            tier = decision.now
    return tags, tier


def _copied(state: Member) -> Member:
    """The state as it comes back from the store."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Member)
