"""The segmentation part of the program: what HQ writes, checked.

`read_program` is the way in. Everything wrong is said at once, each with a JSON pointer.

ProgramError(ValueError)   a document that is no segmentation program
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.segmentation.domain.features import CATALOGUE, CATALOGUES
from shared.conditions import ConditionError, parse

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Days = Annotated[int, Field(ge=1, le=3650)]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (JSON pointer into the document) and what was expected."""

    pointer: str
    message: str


class ProgramError(ValueError):
    """A document that is no segmentation program."""

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


class TagRule(_Part):
    """A tag and the condition under which a member has it."""

    tag: Slug
    title: Words
    when: object


class Group(_Part):
    """Tags that belong together.

    Attributes:
        exclusive: a member has at most one of them: the first in the list whose condition holds.
        each: one tag for every category, or store, of the member for which `when` holds; it is
            named after the group and the category, as `interest:BAKERY`. Such a group has `when`
            instead of `tags`.
    """

    id: Slug
    title: Words
    exclusive: bool = False
    tags: tuple[TagRule, ...] = Field(default=(), strict=False, max_length=100)
    each: Literal["category", "store"] | None = None
    when: object = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.each is None and not self.tags:
            raise ValueError("a group needs tags, or each with when")
        if self.each is None and self.when is not None:
            raise ValueError("when belongs to a group with each; else every tag has its own")
        if self.each is not None and (self.tags or self.exclusive or self.when is None):
            raise ValueError("a group with each has when, no tags, and is not exclusive")
        return self


class Level(_Part):
    """A tier: the condition for reaching it. The lowest has none: everybody is at least there."""

    id: Slug
    title: Words
    when: object = None


class Tiers(_Part):
    """The tiers, lowest first.

    Attributes:
        keep_days: how long a level is kept once reached or renewed; then its condition is asked
        again.
        grace_days: how long it is kept on when the condition no longer holds; meeting it again
            within this time renews the level.
        down: where to after that: to the level whose condition holds, or one step at a time.
        on_refund: a level whose condition was met until a refund, and no longer is, is taken back
            at once; or it is kept until its period ends.
    """

    keep_days: Days
    grace_days: Annotated[int, Field(ge=0, le=3650)] = 0
    down: Literal["recomputed", "one_step"] = "recomputed"
    on_refund: Literal["take_back", "keep"] = "take_back"
    levels: tuple[Level, ...] = Field(strict=False, min_length=1, max_length=12)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for i, level in enumerate(self.levels):
            if (level.when is None) != (i == 0):
                raise ValueError("every level but the lowest, and only those, needs when")
        repeated = _repeated([level.id for level in self.levels])
        if repeated:
            raise ValueError(f"two levels have the id {repeated!r}")
        return self


class SegmentationProgram(_Part):
    """The segmentation section of the program.

    Attributes:
        comeback_after_days: an order that comes so long after the one before sets `comeback_at`.
        passive_interactions: kinds of interaction that are looking, not taking part: they do not
            count as activity (in `interactions…`), only in `interactions_by_kind`.
    """

    comeback_after_days: Days = 180
    passive_interactions: tuple[Name, ...] = Field(default=(), strict=False)
    groups: tuple[Group, ...] = Field(strict=False, max_length=100)
    tiers: Tiers

    @model_validator(mode="after")
    def _unique(self) -> Self:
        repeated = _repeated([group.id for group in self.groups])
        if repeated:
            raise ValueError(f"two groups have the id {repeated!r}")
        repeated = _repeated([rule.tag for group in self.groups for rule in group.tags])
        if repeated:
            raise ValueError(f"two rules give the tag {repeated!r}")
        return self


def read_program(document: object) -> SegmentationProgram:
    """Check a document, as a YAML or JSON loader gave it.

    Raises:
        ProgramError: with everything that is wrong.
    """
    try:
        program = SegmentationProgram.model_validate(document)
    except ValidationError as error:
        raise ProgramError(
            [Problem(_pointer(found["loc"]), found["msg"]) for found in error.errors()]
        ) from error
    problems: list[Problem] = []
    for pointer, tree, each in _conditions(program):
        try:
            parse(tree, CATALOGUE if each is None else CATALOGUES[each], pointer)
        except ConditionError as error:
            problems += [Problem(found.pointer, found.message) for found in error.problems]
    if problems:
        raise ProgramError(problems)
    return program


def _conditions(
    program: SegmentationProgram,
) -> Iterator[tuple[str, object, Literal["category", "store"] | None]]:
    for i, group in enumerate(program.groups):
        if group.each is not None:
            yield f"/groups/{i}/when", group.when, group.each
        for j, rule in enumerate(group.tags):
            yield f"/groups/{i}/tags/{j}/when", rule.when, None
    for i, level in enumerate(program.tiers.levels[1:], 1):
        yield f"/tiers/levels/{i}/when", level.when, None


def _repeated(names: list[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in location)
