"""The tier of a member: up at once, kept for a period, down by policy after a grace."""

from services.segmentation.domain.history import NEVER, History
from services.segmentation.domain.member import Change, Member, TierHeld
from services.segmentation.domain.rules import Ladder, Step
from services.segmentation.domain.tagging import figures_of
from shared.clock import Instant
from shared.events.decisions import Because


def qualified(history: History, ladder: Ladder, at: Instant) -> int:
    """The highest level whose condition holds."""
    return len(ladder.rules) - 1 - ladder.decide(history, at)[0]


def due_of(tier: TierHeld) -> Instant:
    """When the tier next changes, or is renewed, with no further event."""
    return min(_end(tier), tier.rises_at)


def regrade(member: Member, step: Step) -> Change | None:
    """Ask again which level the member has.

    Args:
        member: whose state is updated.
        step: the present, and what led to it.

    Returns:
        A change of tier, or the word that its period moved; None when all stays.
    """
    tier, ladder, at = member.tier, step.rules.ladder, step.at
    name, left = tier.name, _relocated(tier, ladder)
    level, lost, moved = qualified(member.history, ladder, at), False, True
    if level > left:
        _hold(tier, level, at, at + ladder.keep)
    elif tier.level > 0 and level >= left and at >= tier.until:
        # at the end of its period, or in its grace: a new period starts
        tier.until, tier.grace_until = at + ladder.keep, None
    elif _end(tier) <= at:
        lost = _end_of_period(tier, level, at, ladder)
    else:
        moved = False
    tier.name = ladder.ids[tier.level]
    _foresee(tier, member.history, ladder, at)
    if tier.name != name:
        return _note(member, step, name, left if lost else tier.level)
    return Change(kind="kept", at=at, until=_or_none(tier.until)) if moved else None


def settle_tier(before: Member, now: Member, step: Step) -> Change | None:
    """The past is another one now: what that says of the tier, from the present on.

    Args:
        before: as it was held.
        now: as it would be held had that always been so; it goes on from here.
        step: the present, and what led to it.
    """
    ladder = step.rules.ladder
    now.tier_at, now.tier_before = before.tier_at, before.tier_before
    held, would = _relocated(before.tier, ladder), _relocated(now.tier, ladder)
    if would < held and not ladder.take_back:
        now.tier = before.tier
    if now.tier.name != before.tier.name:
        return _note(now, step, before.tier.name, max(held, would))
    moved = _end(now.tier) != _end(before.tier)
    return Change(kind="kept", at=step.at, until=_or_none(now.tier.until)) if moved else None


def _end(tier: TierHeld) -> Instant:
    return tier.until if tier.grace_until is None else tier.grace_until


def _relocated(tier: TierHeld, ladder: Ladder) -> int:
    """The place of the member's level, also where another version has other levels."""
    if tier.name is not None and (
        tier.level >= len(ladder.ids) or ladder.ids[tier.level] != tier.name
    ):
        known = tier.name in ladder.ids
        tier.level = ladder.ids.index(tier.name) if known else min(tier.level, len(ladder.ids) - 1)
        if tier.level == 0:
            _hold(tier, 0, tier.since, NEVER)
    return tier.level


def _hold(tier: TierHeld, level: int, since: Instant, until: Instant) -> None:
    tier.level, tier.since, tier.grace_until = level, since, None
    tier.until = until if level > 0 else NEVER


def _end_of_period(tier: TierHeld, level: int, at: Instant, ladder: Ladder) -> bool:
    """The condition no longer holds: the grace begins, or the level is lost.

    Returns:
        Whether it is lost.
    """
    if tier.grace_until is None and tier.until + ladder.grace > at:
        tier.grace_until = tier.until + ladder.grace
        return False
    down = tier.level - 1 if ladder.one_step else level
    _hold(tier, down, at, at + ladder.keep)
    return True


def _foresee(tier: TierHeld, history: History, ladder: Ladder, at: Instant) -> None:
    """When time alone lifts the member: to a higher level, or over the bar during the grace."""
    tier.rises_at = NEVER
    if not ladder.rises:
        return
    enough = tier.level if tier.grace_until is not None else tier.level + 1
    t, limit = at, _end(tier)
    while True:
        t = ladder.decide(history, t)[1]
        if t >= limit:
            return
        if qualified(history, ladder, t) >= enough:
            tier.rises_at = t
            return


def _note(member: Member, step: Step, before: str | None, level: int) -> Change:
    """Sum up with what changed before at the same instant; `level` is the one that explains."""
    if member.tier_at != step.at:
        member.tier_at, member.tier_before = step.at, before
    rule = step.rules.ladder.rules[level]
    because = Because(
        rule=rule.id,
        event_id=step.cause,
        program_version=step.rules.version,
        figures=figures_of(rule.when, member.history, step.at),
    )
    return Change(
        kind="tier",
        at=step.at,
        again=step.again,
        cause=step.cause,
        before=member.tier_before,
        now=member.tier.name,
        until=_or_none(member.tier.until),
        because=(because,),
    )


def _or_none(at: Instant) -> Instant | None:
    return None if at >= NEVER else at
