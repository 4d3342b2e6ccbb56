"""What an audience may ask: every feature, and what was decided (tags and tier)."""

from typing import Any, Final

from services.segmentation.domain.features import FIGURES, WINDOWS, fixed_row, values_of, window_row
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Member
from services.segmentation.domain.tagging import tags_of
from shared.clock import Instant
from shared.conditions import Catalogue, Condition, Feature, features_of

_DECIDED: Final = (
    Feature("tags", "set", {"zh": "标签", "en": "tags"}),
    Feature("tier", "text", {"zh": "会员等级", "en": "tier"}),
    Feature("tier_since", "instant", {"zh": "等级获得时间", "en": "tier held since"}),
)

AUDIENCE: Final = Catalogue([*(figure.feature for figure in FIGURES.values()), *_DECIDED])
"""What conditions of audiences may look at."""


def caught_up(machine: SegmentationMachine, member: Member, now: Instant) -> Member:
    """The member with everything fired that is due by an instant; the state given is used up."""
    while (due := machine.due(member)) is not None and due <= now:
        machine.fire(member, [])
    return member


def row_of(machine: SegmentationMachine, member: Member, now: Instant) -> dict[str, Any]:
    """Every value that an audience may look at, as of an instant, with the present as "now"."""
    rules = machine.versions.get(member.version or 0) or machine.versions.newest
    return values_of(member.history, now, FIGURES) | {
        "tags": sorted(tag for tag, _, _ in tags_of(member, rules)),
        "tier": member.tier.name,
        "tier_since": member.tier.since,
    }


def stored_row(
    machine: SegmentationMachine, member: Member
) -> tuple[list[Any], list[Instant | None]]:
    """Every value of AUDIENCE, in its order, as of the member's last fact or timer.

    Returns:
        The values, and for each window until when they are right.
    """
    rules = machine.versions.get(member.version or 0) or machine.versions.newest
    windows, ends = window_row(member.history, member.history.at)
    tags = sorted(tag for tag, _, _ in tags_of(member, rules))
    decided = (tags, member.tier.name, member.tier.since)
    return [*fixed_row(member.history), *windows, *decided], ends


def windows_of(condition: Condition) -> list[int]:
    """The windows that the condition looks at: places in WINDOWS."""
    days = {FIGURES[name].days for name in features_of(condition) if name in FIGURES}
    return [i for i, each in enumerate(WINDOWS) if each in days]


def asks_decisions(condition: Condition) -> bool:
    """Whether the condition looks at tags or tier."""
    return not features_of(condition).isdisjoint(feature.name for feature in _DECIDED)
