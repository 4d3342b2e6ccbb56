"""A program made ready to run: its conditions parsed and compiled, once per version.

*Slots* are decided together: an exclusive group is one slot, a free tag is one slot. A *spread* is
a group with `each`: one answer for every category or store.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.segmentation.domain.features import CATALOGUE, CATALOGUES
from services.segmentation.domain.history import Habits
from services.segmentation.domain.horizons import Decide, compile_rules, may_rise, moved_by
from services.segmentation.domain.program import Group, SegmentationProgram, Tiers
from services.segmentation.domain.reading import Scope
from shared.clock import DAY, Instant
from shared.conditions import Condition, parse
from shared.events.decisions import Level

_TAG_LENGTH_MAX = 128  # of an identifier on the wire


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition with the tag that it gives and the name under which it is quoted."""

    id: str
    tag: str
    when: Condition


@dataclass(frozen=True, slots=True)
class Slot:
    """Rules of which the first that holds counts."""

    group: str
    rules: tuple[Rule, ...]
    decide: Decide
    moved_by: int


@dataclass(frozen=True, slots=True)
class Spread:
    """A rule that is asked of every category, or store, of a member."""

    group: str
    scope: Scope
    rule: Rule
    decide: Decide

    def tag(self, name: str) -> str:
        """The tag for one category or store; a name too long for the wire is cut."""
        return f"{self.group}:{name}"[:_TAG_LENGTH_MAX]


@dataclass(frozen=True, slots=True)
class Ladder:
    """The tiers: level 0 is the lowest and has no condition.

    Attributes:
        decide: of the conditions from the highest level down, which is the first to hold.
        rises: some condition can become true by time alone.
        levels: what each is to people, as events tell it.
    """

    ids: tuple[str, ...]
    levels: Mapping[str, Level]
    rules: tuple[Rule, ...]
    decide: Decide
    moved_by: int
    rises: bool
    keep: Instant
    grace: Instant
    one_step: bool
    take_back: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of the program, compiled."""

    version: int
    effective_from: Instant
    program: SegmentationProgram
    habits: Habits
    slots: tuple[Slot, ...]
    spreads: tuple[Spread, ...]
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a member's history: what is decided, when, by which rules, and what led to it.

    Attributes:
        rules: the version in force.
        at: the present.
        cause: the id of the event; None for a timer.
        moved: what the event changed; 0 for a timer, which asks only what is due.
        backwards: rules are others, so any category may be touched.
        again: something was folded or fired at this very instant before.
    """

    rules: Rules
    at: Instant
    cause: str | None = None
    moved: int = 0
    backwards: bool = False
    again: bool = False


class Versions:
    """Every version of the program by the time from which it is in force."""

    def __init__(self, versions: Sequence[Rules], withdrawn: Collection[int] = ()) -> None:
        """Take the versions; of those with one effective time the highest counts.

        Args:
            versions: all there are.
            withdrawn: the numbers of those that were never in force.

        Raises:
            ValueError: there is none that stands.
        """
        self._all = {rules.version: rules for rules in versions}
        standing = [self._all[v] for v in sorted(self._all) if v not in withdrawn]
        if not standing:
            raise ValueError("there is no version of the program")
        newest = {rules.effective_from: rules for rules in standing}
        self._from = sorted(newest)
        self._rules = [newest[at] for at in self._from]

    def at(self, at: Instant) -> Rules:
        """The version in force at an instant; before the first one took effect, the first."""
        if len(self._rules) == 1:
            return self._rules[0]
        return self._rules[max(bisect_right(self._from, at) - 1, 0)]

    def get(self, version: int) -> Rules | None:
        """The version of that number, also one that was withdrawn."""
        return self._all.get(version)

    def next_from(self, at: Instant) -> Instant | None:
        """When, after an instant, another version takes effect."""
        if len(self._from) == 1:
            return None
        i = max(bisect_right(self._from, at), 1)
        return self._from[i] if i < len(self._from) else None

    @property
    def newest(self) -> Rules:
        """The version that takes effect last."""
        return self._rules[-1]


def compile_program(
    program: SegmentationProgram, *, version: int, effective_from: Instant
) -> Rules:
    """Make a checked program ready to run."""
    slots: list[Slot] = []
    spreads: list[Spread] = []
    for group in program.groups:
        if group.each is not None:
            spreads.append(_spread(group, group.each))
            continue
        rules = [
            Rule(f"{group.id}.{tag.tag}", tag.tag, parse(tag.when, CATALOGUE)) for tag in group.tags
        ]
        slots += (
            [_slot(group.id, rules)] if group.exclusive else [_slot(group.id, [r]) for r in rules]
        )
    return Rules(
        version=version,
        effective_from=effective_from,
        program=program,
        habits=Habits(program.comeback_after_days * DAY, frozenset(program.passive_interactions)),
        slots=tuple(slots),
        spreads=tuple(spreads),
        ladder=_ladder(program.tiers),
    )


def _slot(group: str, rules: list[Rule]) -> Slot:
    conditions = [rule.when for rule in rules]
    return Slot(group, tuple(rules), compile_rules(conditions), moved_by(conditions))


def _spread(group: Group, scope: Scope) -> Spread:
    condition = parse(group.when, CATALOGUES[scope])
    rule = Rule(group.id, group.id, condition)
    return Spread(group.id, scope, rule, compile_rules([condition], scope))


def _ladder(tiers: Tiers) -> Ladder:
    rules = tuple(
        Rule(f"tiers.{level.id}", level.id, parse(level.when or {"all": []}, CATALOGUE))
        for level in tiers.levels
    )
    from_the_top = [rule.when for rule in reversed(rules)]
    return Ladder(
        ids=tuple(level.id for level in tiers.levels),
        levels={
            level.id: Level(rank=rank, title=level.title.model_dump())
            for rank, level in enumerate(tiers.levels)
        },
        rules=rules,
        decide=compile_rules(from_the_top),
        moved_by=moved_by(from_the_top),
        rises=any(may_rise(condition) for condition in from_the_top),
        keep=tiers.keep_days * DAY,
        grace=tiers.grace_days * DAY,
        one_step=tiers.down == "one_step",
        take_back=tiers.on_refund == "take_back",
    )
