"""One version of the program as one generated function.

A chain has dozens of rules and millions of events, and walking a tree of rules for each costs more
than all the rest of rating. So a version is compiled once: conditions become expressions
(shared.conditions), caps and multipliers a few lines each, and interactions branch on their kind
first. Every name and number in the source was checked before (ids are slugs, the rest goes in by
`repr`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from services.points.domain.facts import Action, Purchase
from services.points.domain.features import EXPRESSIONS, LINE_FEATURES
from services.points.domain.ledger import Member, Usage
from services.points.domain.local_time import LocalTime, Moment, plus_months
from services.points.domain.program import (
    NOTHING_EXCLUDED,
    Lines,
    PointsProgram,
    Rule,
    condition_of,
)
from shared.clock import Instant
from shared.conditions import Condition, compile_source, features_of

TASK_KIND: Final = "task_done"
WHOLE: Final = 100  # factors are kept in hundredths


Grant = tuple[int, int, dict[str, Any]]
"""What one rule gives for one fact: the rule's position, points, the figures that decided.

Points are above zero, and below where something came back without its receipt.
"""


Rate = Callable[[Purchase | Action, Member, Moment, Mapping[str, Usage], list[Grant]], None]


@dataclass(frozen=True, slots=True)
class Earning:
    """A version of the program, ready to rate.

    Attributes:
        number: of the version, from 1.
        program: the document it was made of.
        rate: appends the grants of a fact; reads but does not count usage.
        source: of `rate`, for people.
        capped: for each rule whether it has a cap.
        kinds: interactions that some rule lists; `tasks` likewise.
        referrals: rules for whoever sent a newcomer.
        needs_lines, needs_tenders: whether any rule looks at those of a purchase.
    """

    number: int
    program: PointsProgram
    rate: Rate
    source: str
    capped: tuple[bool, ...]
    caps_purchases: bool
    kinds: frozenset[str]
    tasks: frozenset[str]
    referrals: tuple[Rule, ...]
    needs_lines: bool
    needs_tenders: bool
    time: LocalTime

    def expires_on(self, at: Instant) -> date | None:
        """The last day of points earned at an instant; None: they never end."""
        months = self.program.expiry.months
        return None if months is None else plus_months(self.time.date(at), months)


def compile_program(number: int, program: PointsProgram) -> Earning:
    """Make the rating function of a version. The program must have come through `read_program`."""
    rules = program.rules
    source = "\n".join(_function(program))
    namespace: dict[str, Any] = {"Purchase": Purchase}
    exec(compile(source, f"<points program {number}>", "exec"), namespace)  # noqa: S102 - of checked parts
    return Earning(
        number=number,
        program=program,
        rate=namespace["rate"],
        source=source,
        capped=tuple(rule.cap is not None for rule in rules),
        caps_purchases=any(rule.cap and rule.source == "purchase" for rule in rules),
        kinds=frozenset(kind for rule in rules for kind in rule.kinds),
        tasks=frozenset(task for rule in rules for task in rule.tasks),
        referrals=tuple(rule for rule in rules if rule.source == "referral"),
        needs_lines=_needs_lines(program),
        needs_tenders=bool(program.exclude.tenders),
        time=LocalTime(program.time_zone),
    )


def _needs_lines(program: PointsProgram) -> bool:
    if program.exclude.categories or program.exclude.skus:
        return True
    purchases = [rule for rule in program.rules if rule.source == "purchase"]
    return any(rule.lines or _features(rule) & LINE_FEATURES for rule in purchases)


def _features(rule: Rule) -> frozenset[str]:
    conditions = [condition for _, condition in _conditions(rule)]
    return frozenset().union(*(features_of(condition) for condition in conditions))


def _conditions(rule: Rule) -> Iterator[tuple[str, Condition]]:
    yield "", condition_of(rule.when, rule.source)
    for multiplier in rule.multipliers:
        yield multiplier.id, condition_of(multiplier.when, rule.source)


def _function(program: PointsProgram) -> Iterator[str]:
    yield "def rate(fact, member, moment, used, grants):"
    yield "    _, month, weekday, hour = moment"
    yield "    if type(fact) is Purchase:"
    yield from _indented(_purchase(program), 2)
    yield "        return"
    yield "    kind = fact.kind"
    yield from _indented(_actions(program.rules), 1)


def _purchase(program: PointsProgram) -> Iterator[str]:
    yield "total = amount = fact.total"
    if program.exclude.tenders:
        kinds = set(program.exclude.tenders)
        yield f"amount -= sum(paid for kind, paid in fact.tenders if kind in {_set(kinds)})"
    if _needs_lines(program):
        yield "categories = {line[1] for line in fact.lines}"
        yield "skus = {line[0] for line in fact.lines}"
        yield "lines = fact.lines"
    if program.exclude.categories or program.exclude.skus:
        dull = _belongs(program.exclude)
        yield f"lines = [line for line in fact.lines if not ({dull})]"
        yield f"amount -= sum(line[2] for line in fact.lines if {dull})"
    excludes = program.exclude != NOTHING_EXCLUDED
    purchases = [(i, rule) for i, rule in enumerate(program.rules) if rule.source == "purchase"]
    yield "if total < 0:"
    for index, rule in purchases:
        if rule.per_amount:
            yield from _indented(list(_returned(index, rule, excludes=excludes)), 1)
    yield "    return"
    for index, rule in purchases:
        yield from _rule(index, rule, excludes=excludes)


def _actions(rules: Sequence[Rule]) -> Iterator[str]:
    """Rules by the kinds they list, so that an interaction meets only its own."""
    listed: dict[tuple[str, ...], list[int]] = {}
    for index, rule in enumerate(rules):
        if rule.source in ("interaction", "task"):
            listed.setdefault(rule.kinds or rule.tasks, []).append(index)
    for names, indexes in listed.items():
        is_task = rules[indexes[0]].source == "task"
        test = f"kind == {TASK_KIND!r} and fact.task_id" if is_task else "kind"
        yield f"if {test} in {_set(set(names))}:"
        for index in indexes:
            yield from _indented(_rule(index, rules[index]), 1)


def _returned(index: int, rule: Rule, *, excludes: bool) -> Iterator[str]:
    """What comes back without its receipt: what it would earn, rounded up; no cap counts it."""
    yield f"counted = {_counted(rule.lines, exclusions=excludes, returned=True)}"
    yield f"points = counted // {rule.per_amount} * {rule.points}"
    yield f"if points < 0 and {compile_source(condition_of(rule.when, rule.source), _read)}:"
    figures = [
        "'returned': counted",
        f"'per_amount': {rule.per_amount}",
        f"'each': {rule.points}",
        *(f"{name!r}: {_shown(name)}" for name in sorted(_features(rule))),
    ]
    body = ["figures = {" + ", ".join(figures) + "}", *_multiplied(rule)]
    body.append(f"grants.append(({index}, points, figures))")
    yield from _indented(body, 1)


def _rule(index: int, rule: Rule, *, excludes: bool = False) -> Iterator[str]:
    base = str(rule.points)
    figures = []
    if rule.per_amount:
        yield f"counted = {_counted(rule.lines, exclusions=excludes)}"
        base = f"counted // {rule.per_amount} * {rule.points}"
        figures = ["'amount': counted", f"'per_amount': {rule.per_amount}"]
    figures.append(f"'each': {rule.points}")
    yield f"points = {base}"
    when = compile_source(condition_of(rule.when, rule.source), _read)
    yield f"if points > 0 and {when}:" if rule.per_amount else f"if {when}:"
    figures += [f"{name!r}: {_shown(name)}" for name in sorted(_features(rule))]
    body = ["figures = {" + ", ".join(figures) + "}", *_multiplied(rule), *_capped(rule)]
    body += ["if points > 0:", f"    grants.append(({index}, points, figures))"]
    yield from _indented(body, 1)


def _counted(lines: Lines | None, *, exclusions: bool, returned: bool = False) -> str:
    """The amount that a rule counts; what comes back is below zero, and counts no further."""
    inner, outer = ("max", "min") if returned else ("min", "max")
    if lines is None:
        return f"{outer}(0, amount)" if exclusions else "amount"
    return f"{outer}(0, {inner}(amount, sum(line[2] for line in lines if {_belongs(lines)})))"


def _belongs(lines: Lines) -> str:
    tests = []
    if lines.categories:
        tests.append(f"line[1] in {_set(set(lines.categories))}")
    if lines.skus:
        tests.append(f"line[0] in {_set(set(lines.skus))}")
    return " or ".join(tests) or "False"


def _multiplied(rule: Rule) -> Iterator[str]:
    """The best of each group counts; the bonuses of the groups are added."""
    if not rule.multipliers:
        return
    yield f"factor = {WHOLE}"
    yield "applied = []"
    groups: dict[str, list[tuple[Decimal, str, Condition]]] = {}
    conditions = dict(_conditions(rule))
    for multiplier in rule.multipliers:
        entry = (multiplier.factor, multiplier.id, conditions[multiplier.id])
        # a colon is in no slug, so a multiplier without a group never meets a group of its name
        groups.setdefault(multiplier.group or f":{multiplier.id}", []).append(entry)
    for group in groups.values():
        word = "if"
        for factor, name, condition in sorted(group, key=lambda entry: -entry[0]):
            yield f"{word} {compile_source(condition, _read)}:"
            yield f"    factor += {int(factor * WHOLE) - WHOLE}"
            yield f"    applied.append({name!r})"
            word = "elif"
    yield f"if factor != {WHOLE}:"
    yield f"    points = points * max(0, factor) // {WHOLE}"
    yield f"    figures['factor'] = factor / {WHOLE}"
    yield "    figures['multipliers'] = applied"


def _capped(rule: Rule) -> Iterator[str]:
    if rule.cap is None:
        return
    yield f"given, times = used.get({rule.id!r}, (0, 0))"
    if rule.cap.times is not None:
        yield f"if times >= {rule.cap.times}:"
        yield "    points = 0"
    if rule.cap.points is not None:
        yield f"if points > {rule.cap.points} - given:"
        yield "    figures['uncapped'] = points"
        yield f"    points = {rule.cap.points} - given"


def _read(name: str, /, *of: str) -> str:
    if of:
        raise ValueError(f"{name} is kept by key, which no feature of points is")
    return EXPRESSIONS[name]


def _shown(name: str) -> str:
    return f"sorted({EXPRESSIONS[name]})" if name in LINE_FEATURES else EXPRESSIONS[name]


def _set(names: set[str]) -> str:
    return "{" + ", ".join(repr(name) for name in sorted(names)) + "}"


def _indented(lines: Iterator[str] | Sequence[str], levels: int) -> Iterator[str]:
    for line in lines:
        yield "    " * levels + line
