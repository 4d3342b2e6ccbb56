"""News of a tier: what a member was told of, and what is news to them.

A member who rises and falls back before a word was said has nothing to hear of, and one who rises
twice hears of both at once: a change that nobody spoke of and the next one are one in sum.
"""

from collections.abc import Mapping

from services.notify.domain.facts import Tier, Value
from services.notify.domain.state import MemberState, Told


def take(state: MemberState, fact: Tier, *, spoken_of: bool) -> dict[str, Value]:
    """Take in another tier; returns what journeys see of it, from the tier last told of.

    Args:
        state: of the member; changed.
        fact: the change.
        spoken_of: whether a journey of the program speaks of tiers at all. Where none does,
            members know their tier from elsewhere.
    """
    before = state.told
    if before is None and fact.before is not None:
        before = Told(fact.before, fact.rank_before, fact.title_before)
    state.tier, state.tier_title = fact.now, fact.title or _as_is(fact.now)
    state.told = before if spoken_of and before is not None and before.tier != fact.now else None
    seen: dict[str, Value] = {"to": fact.now, "to_title": state.tier_title}
    if before is not None:
        seen |= {"from": before.tier, "from_title": before.title or _as_is(before.tier)}
    return seen | {"direction": _direction(before, fact)}


def is_news(seen: Mapping[str, Value]) -> bool:
    """Whether a tier is another one than the member was told of."""
    return seen.get("from") != seen["to"]


def _direction(before: Told | None, fact: Tier) -> str:
    if before is None:
        return "first"
    if before.rank is None or fact.rank is None or before.rank == fact.rank:
        return "changed"
    return "up" if fact.rank > before.rank else "down"


def _as_is(tier: str) -> dict[str, str]:
    return {"zh": tier, "en": tier}
