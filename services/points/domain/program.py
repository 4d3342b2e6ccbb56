"""The points part of the program: what HQ writes, checked.

`read_program` is the way in. Everything wrong is said at once, each with a JSON pointer.

ProgramError(ValueError)   a document that is no points program
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.points.domain.features import catalogue_of
from services.points.domain.ledger import ADJUSTMENT, CHAIN
from shared.conditions import All, Condition, ConditionError, parse

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Points = Annotated[int, Field(ge=1, le=1_000_000)]

ALWAYS: Final = All(())


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (JSON pointer into the document) and what was expected."""

    pointer: str
    message: str


class ProgramError(ValueError):
    """A document that is no points program."""

    def __init__(self, problems: list[Problem]) -> None:
        """Take everything that is wrong, in document order."""
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.message}" for p in problems))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Words(_Part):
    """A text in both languages."""

    zh: Name
    en: Name


class Cap(_Part):
    """How much a rule gives one member in one local day: so often, so many points, or both."""

    times: int | None = Field(default=None, ge=1)
    points: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.times is None and self.points is None:
            raise ValueError("a cap needs times or points")
        return self


class Multiplier(_Part):
    """Points times `factor` where `when` is true.

    Stacking: of the multipliers of one group the best counts; the bonuses of different groups are
    added (twice and 1.5 times together are 2.5 times). One that names no group is its own group.
    """

    id: Slug
    name: Words
    factor: Decimal = Field(gt=0, le=100, decimal_places=2)
    when: object
    group: Slug | None = None

    @field_validator("factor", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        # YAML and JSON write 1.5; through text a float keeps the digits that were written.
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Decimal(str(value))
        return value


class Lines(_Part):
    """Which lines of a purchase: by category, by article, or both."""

    categories: tuple[Name, ...] = Field(default=(), strict=False)
    skus: tuple[Name, ...] = Field(default=(), strict=False)


class Excluded(Lines):
    """What never earns: lines (gift cards), the part paid with certain tenders (points)."""

    tenders: tuple[Name, ...] = Field(default=(), strict=False)


NOTHING_EXCLUDED: Final = Excluded()


class Expiry(_Part):
    """When points end: never, or so many months after the day they were earned."""

    policy: Literal["never", "rolling"] = "never"
    months: int | None = Field(default=None, ge=1, le=1200)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.policy == "rolling") != (self.months is not None):
            raise ValueError("months belong to the policy rolling, and only to it")
        return self


class Adjustments(_Part):
    """How far somebody may go who gives or takes points by hand.

    Attributes:
        overdraft: how far below zero points may be taken; 0: never more than are there.
        store_points_max: the most points at once for a caller of a store; 0: stores may not.
    """

    overdraft: int = Field(default=0, ge=0, le=1_000_000_000)
    store_points_max: int = Field(default=0, ge=0, le=1_000_000_000)


class Rule(_Part):
    """What earns points.

    Attributes:
        source: purchase; interaction, of the `kinds` listed; task, an interaction `task_done` of
            the `tasks` listed; referral, the first purchase of somebody whom the member sent.
        points: given once, or for every full `per_amount` minor units, rounded down per order.
        lines: count only the amounts of these lines.
        when: a condition over the features of `services.points.domain.features`; left out: always.
        cap: per member and local day.
        funder: who pays for the points, for the books.
    """

    id: Slug
    name: Words
    source: Literal["purchase", "interaction", "task", "referral"]
    points: Points
    per_amount: int | None = Field(default=None, ge=1)
    kinds: tuple[Name, ...] = Field(default=(), strict=False)
    tasks: tuple[Name, ...] = Field(default=(), strict=False)
    lines: Lines | None = None
    when: object = None
    multipliers: tuple[Multiplier, ...] = Field(default=(), strict=False)
    cap: Cap | None = None
    funder: Slug = CHAIN

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.source == "interaction") != bool(self.kinds):
            raise ValueError("kinds belong to the source interaction, and only to it")
        if (self.source == "task") != bool(self.tasks):
            raise ValueError("tasks belong to the source task, and only to it")
        if self.source != "purchase" and (self.per_amount or self.lines):
            raise ValueError("per_amount and lines belong to the source purchase")
        if self.lines and not self.per_amount:
            raise ValueError("lines narrow down per_amount, which is missing")
        if self.source == "referral" and (self.when is not None or self.multipliers or self.cap):
            raise ValueError("a referral gives its points as they are: no when, multipliers or cap")
        return self


class PointsProgram(_Part):
    """The points section of the program.

    Attributes:
        time_zone: whose days, months and hours count for caps and conditions. UTC unless told
            otherwise: the log is in UTC, and a chain in one zone names it here.
        unlinked_returns: what comes back without its receipt takes what it would earn now, rounded
            up; or nothing.
    """

    time_zone: str = "UTC"
    expiry: Expiry = Expiry()
    exclude: Excluded = NOTHING_EXCLUDED
    adjustments: Adjustments = Adjustments()
    unlinked_returns: Literal["rate_now", "ignore"] = "rate_now"
    rules: tuple[Rule, ...] = Field(strict=False, max_length=1000)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone is called {value!r}") from None
        return value

    @model_validator(mode="after")
    def _unique(self) -> Self:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id == ADJUSTMENT:
                raise ValueError(f"{ADJUSTMENT!r} stands for points given by hand; no rule has it")
            if rule.id in seen:
                raise ValueError(f"two rules have the id {rule.id!r}")
            seen.add(rule.id)
            multipliers = [multiplier.id for multiplier in rule.multipliers]
            if len(set(multipliers)) < len(multipliers):
                raise ValueError(f"two multipliers of rule {rule.id!r} have the same id")
        return self


def condition_of(tree: object, source: str, pointer: str = "") -> Condition:
    """The condition of a rule or multiplier; none given is always true.

    Raises:
        ConditionError: with every problem found.
    """
    return ALWAYS if tree is None else parse(tree, catalogue_of(source), pointer)


def read_program(document: object) -> PointsProgram:
    """Check a document, as a YAML or JSON loader gave it.

    Raises:
        ProgramError: with everything that is wrong.
    """
    try:
        program = PointsProgram.model_validate(document)
    except ValidationError as error:
        raise ProgramError(
            [Problem(_pointer(found["loc"]), found["msg"]) for found in error.errors()]
        ) from error
    problems = [problem for i, rule in enumerate(program.rules) for problem in _conditions(i, rule)]
    if problems:
        raise ProgramError(problems)
    return program


def _conditions(index: int, rule: Rule) -> list[Problem]:
    trees = [(f"/rules/{index}/when", rule.when)]
    trees += [
        (f"/rules/{index}/multipliers/{i}/when", multiplier.when)
        for i, multiplier in enumerate(rule.multipliers)
    ]
    problems = []
    for pointer, tree in trees:
        try:
            condition_of(tree, rule.source, pointer)
        except ConditionError as error:
            problems += [Problem(found.pointer, found.message) for found in error.problems]
    return problems


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in location)
