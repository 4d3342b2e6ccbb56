"""One member's history, told and waited for by hand."""

from services.segmentation.domain.facts import AnyFact, Interaction, Purchase, Refund
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Change, Member
from services.segmentation.domain.tagging import tags_of
from shared.clock import Instant, parse_instant
from shared.orders import Dated, fold_history
from tests.property.services.segmentation.stories import (
    MEMBER,
    default_document,
    machine_of,
    rules_of,
)

START = parse_instant("2024-01-10T12:00:00Z")
DEFAULT = machine_of(rules_of(default_document()))


class Story:
    """One member, folded by hand."""

    def __init__(self, machine: SegmentationMachine = DEFAULT) -> None:
        self.machine = machine
        self.state: Member = machine.initial(MEMBER)
        self.effects: list[Change] = []
        self.fires = 0
        self.orders = 0
        self.told: list[tuple[Instant, AnyFact]] = []

    def wait(self, until: Instant) -> None:
        while (due := self.machine.due(self.state)) is not None and due <= until:
            self.machine.fire(self.state, self.effects)
            self.fires += 1

    def fold(self, at: Instant, fact: AnyFact) -> None:
        self.told.append((at, fact))
        if any(isinstance(each, Refund) for _, each in self.told):
            told = [Dated(at, fact.id.encode(), fact) for at, fact in self.told]
            folded = fold_history(self.machine, MEMBER, told, at)
            self.state, self.effects = folded.state, folded.effects
            return
        self.wait(at)
        self.machine.apply(self.state, at, fact, self.effects)

    def buy(self, at: Instant, total: int = 2000, store: str = "s1") -> str:
        self.orders += 1
        name = f"o{self.orders}"
        self.fold(at, Purchase(f"e-{name}", name, store, total, (("t", "TEA", total),)))
        return name

    def refund(self, at: Instant, order: str, amount: int = 10**9) -> None:
        name = f"r{len(self.told)}-{order}"
        self.fold(at, Refund(name, order, amount))

    def share(self, at: Instant, times: int = 1) -> None:
        for i in range(times):
            self.fold(at, Interaction(f"i-{at}-{i}", "share"))

    @property
    def tags(self) -> set[str]:
        rules = self.machine.versions.get(self.state.version or 0)
        assert rules is not None
        return {tag for tag, _, _ in tags_of(self.state, rules)}

    @property
    def tier(self) -> str | None:
        return self.state.tier.name

    @property
    def grace_until(self) -> Instant | None:
        return self.state.tier.grace_until

    def moments(self, tag: str) -> list[tuple[Instant, bool]]:
        """When a tag came (True) and went."""
        return [
            (change.at, tag in change.added)
            for change in self.effects
            if tag in (*change.added, *change.removed)
        ]

    def climbs(self) -> list[tuple[Instant, str | None, str | None]]:
        return [(c.at, c.before, c.now) for c in self.effects if c.kind == "tier"]
