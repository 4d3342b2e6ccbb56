"""A member as HQ sees one: figures as of now, tags and tier with their ends, what comes next."""

from collections.abc import Iterable
from typing import Any, Final

from services.segmentation.domain.features import FIGURES, values_of
from services.segmentation.domain.history import NEVER
from services.segmentation.domain.member import Member
from services.segmentation.domain.rules import Rules
from services.segmentation.domain.tagging import figures_of, tags_of
from services.segmentation.domain.tiers import qualified
from shared.clock import Instant, format_instant
from shared.events.decisions import Because, Figure

TIMER: Final = "timer"
"""The cause of what only time brought about."""


def features_view(member: Member, now: Instant) -> dict[str, Any]:
    """Every feature, ready for JSON."""
    values = values_of(member.history, now, FIGURES)
    del values["now"]
    return {
        name: format_instant(value)
        if value is not None and FIGURES[name].feature.type == "instant"
        else value
        for name, value in values.items()
    }


def tags_view(member: Member, rules: Rules) -> list[dict[str, Any]]:
    """Every tag with its group and the instant at which it ends with no further event."""
    return [
        {"tag": tag, "group": group, "until": None if until >= NEVER else until}
        for tag, group, until in sorted(tags_of(member, rules))
    ]


def lifecycle_of(member: Member, rules: Rules) -> str | None:
    """The tag of the group named lifecycle."""
    stages = (tag for tag, group, _ in tags_of(member, rules) if group == "lifecycle")
    return next(stages, None)


def progress_view(member: Member, rules: Rules, now: Instant) -> dict[str, Any]:
    """What is missing to the next level, and what to staying at this one."""
    ladder, tier = rules.ladder, member.tier
    following = tier.level + 1
    return {
        "next": None
        if following >= len(ladder.rules)
        else {"level": ladder.ids[following], **_missing(member, rules, following, now)},
        "stay": None if tier.level <= 0 else _missing(member, rules, tier.level, now),
        "projected": ladder.ids[qualified(member.history, ladder, now)],
    }


def _missing(member: Member, rules: Rules, level: int, now: Instant) -> dict[str, Any]:
    condition = rules.ladder.rules[level].when
    holds = qualified(member.history, rules.ladder, now) >= level
    figures = figures_of(condition, member.history, now)
    return {"met": holds, "figures": [figure_view(figure) for figure in figures]}


def figure_view(figure: Figure) -> dict[str, Any]:
    """One comparison with its figure."""
    return {
        "feature": figure.feature,
        "op": figure.op,
        "value": figure.value,
        "actual": figure.actual,
    }


def reasons_view(because: Iterable[Because]) -> list[dict[str, Any]]:
    """Reasons, with the word timer where only time passed."""
    return [
        {
            "cause": each.event_id or TIMER,
            "rule": each.rule,
            "program_version": each.program_version,
            "tag": each.tag,
            "figures": [figure_view(figure) for figure in each.figures or ()],
        }
        for each in because
    ]
