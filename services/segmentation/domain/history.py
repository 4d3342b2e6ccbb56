"""A member's history so far: what the facts add up to, and nothing that depends on the present.

`fold` folds one fact in. Orders of the last 365 days are kept one by one, so that every window is
exact to the microsecond; what is older is kept as sums. Facts arrive here in order of time, each
order with what is left of it (`shared.orders`); that an earlier one may turn up later is not this
module's concern.
"""

from bisect import bisect_right
from typing import Final

import msgspec

from services.segmentation.domain.facts import (
    AnyFact,
    Community,
    Interaction,
    Joined,
    OrderMoved,
    ProfileFact,
    Purchase,
    Refund,
    Reversal,
    Withdrawal,
)
from shared.clock import DAY, Instant
from shared.orders import Line

BEGINNING: Final[Instant] = -(2**62)
"""Before every event."""
NEVER: Final[Instant] = 2**62
"""After every event."""
MEMORY: Final[Instant] = 365 * DAY
"""How long single orders and interactions are kept: the longest window."""
RECENT: Final = 10
"""How many of the last orders are kept however old they are, for features over the last ten."""

ONLINE: Final = -1
"""In place of a store: bought from the chain itself."""

# What a fact may move; rules that look at none of it need not be asked again.
ORDERS: Final = 1
ACTIONS: Final = 2
PROFILE: Final = 4
EVERYTHING: Final = 7

_AMOUNT_MAX: Final = 10**15  # keeps sums of thousands of orders inside of 64 bits


class History(msgspec.Struct, array_like=True):
    """What the facts add up to as of `at`.

    The lists named order_… run in parallel, oldest first. `amounts` holds what each category of
    each order came to, one order after the other. `order_sums` has one entry more than there are
    orders: entry i is all that was paid before order i, so that the sum of any stretch is one
    subtraction. Stores, categories and kinds are numbers: places in `names`.

    Attributes:
        at: the instant of the last fact or timer.
        older_order_at: the newest order that is no longer kept one by one.
        comeback_at: the last order that came after a long silence.
        categories: lifetime orders, amount and last order by category.
        stores: lifetime orders and last order by store.
        action_at: interactions of the last 365 days that count as activity.
        kinds: lifetime interactions by kind.
    """

    at: Instant = BEGINNING
    names: list[str] = []
    joined_at: Instant | None = None
    join_store: int | None = None
    birthday_month: int | None = None
    gender: str | None = None
    city: str | None = None
    interests: list[str] = []
    communities: list[str] = []
    order_at: list[Instant] = []
    order_sums: list[int] = msgspec.field(default_factory=lambda: [0])
    order_store: list[int] = []
    order_categories: list[list[int]] = []
    amounts: list[int] = []
    older_order_at: Instant | None = None
    orders: int = 0
    spend: int = 0
    refunds: int = 0
    first_order_at: Instant | None = None
    comeback_at: Instant | None = None
    categories: dict[int, list[int]] = {}
    stores: dict[int, list[int]] = {}
    action_at: list[Instant] = []
    actions: int = 0
    last_action_at: Instant | None = None
    kinds: dict[int, int] = {}

    def place(self, name: str) -> int:
        """The number of a store, category or kind; given out on first sight."""
        try:
            return self.names.index(name)
        except ValueError:
            self.names.append(name)
            return len(self.names) - 1

    def last_order_at(self) -> Instant | None:
        """When the newest order was paid."""
        return self.order_at[-1] if self.order_at else self.older_order_at


class Habits(msgspec.Struct, frozen=True):
    """What of the program the fold itself depends on.

    Attributes:
        silence: an order that comes so long after the one before is a comeback.
        passive: kinds of interaction that are no activity.
    """

    silence: Instant
    passive: frozenset[str]


def fold(history: History, at: Instant, fact: AnyFact, habits: Habits) -> int:
    """Fold one fact in.

    Returns:
        What it may have moved: a sum of ORDERS, ACTIONS and PROFILE.
    """
    _forget(history, at)
    match fact:
        case Purchase():
            _buy(history, at, fact, habits)
            return ORDERS
        case Interaction():
            return _act(history, at, fact, habits)
        case Refund() | Reversal() | OrderMoved():
            history.refunds += isinstance(fact, Refund)
            return ORDERS
        case Withdrawal():
            return 0  # it does nothing by itself: there is an interaction less
        case Joined():
            _join(history, at, fact)
        case ProfileFact():
            _learn(history, fact)
        case Community():
            _move(history, fact)
    return PROFILE


def parts_before(history: History, i: int) -> int:
    """Where the amounts of order i begin."""
    return sum(map(len, history.order_categories[:i]))


def _forget(history: History, at: Instant) -> None:
    """Turn orders and interactions that left the longest window into sums."""
    limit = at - MEMORY
    if len(history.order_at) > RECENT and history.order_at[0] <= limit:
        cut = min(bisect_right(history.order_at, limit), len(history.order_at) - RECENT)
        history.older_order_at = history.order_at[cut - 1]
        del history.order_at[:cut], history.order_sums[:cut], history.order_store[:cut]
        del history.amounts[: sum(map(len, history.order_categories[:cut]))]
        del history.order_categories[:cut]
    if history.action_at and history.action_at[0] <= limit:
        del history.action_at[: bisect_right(history.action_at, limit)]


def _buy(history: History, at: Instant, fact: Purchase, habits: Habits) -> None:
    if fact.total < 0:
        _take_off(history, -fact.total)
        return
    before = history.last_order_at()
    total = min(fact.total, _AMOUNT_MAX)
    parts = _by_category(fact.lines)
    categories = [history.place(category) for category in parts]
    amounts = [min(amount, _AMOUNT_MAX) for amount in parts.values()]
    history.order_at.append(at)
    history.order_sums.append(history.order_sums[-1] + total)
    store = history.place(fact.store_id) if fact.store_id else ONLINE
    history.order_store.append(store)
    history.order_categories.append(categories)
    history.amounts += amounts
    history.orders += 1
    history.spend += total
    for category, amount in zip(categories, amounts, strict=True):
        sums = history.categories.setdefault(category, [0, 0, at])
        sums[0] += 1
        sums[1] += amount
        sums[2] = at
    if store != ONLINE:
        visits = history.stores.setdefault(store, [0, at])
        visits[0] += 1
        visits[1] = at
    if history.first_order_at is None:
        history.first_order_at = at
    if before is not None and at - before >= habits.silence:
        history.comeback_at = at


def _take_off(history: History, amount: int) -> None:
    """Something came back without its receipt: it is taken off the newest orders there are."""
    left = min(amount, history.spend)
    history.spend -= left
    sums = history.order_sums
    left = min(left, sums[-1] - sums[0])  # the rest is of orders that are no longer kept
    for i in range(len(sums) - 1, 0, -1):
        part = min(left, sums[i] - sums[i - 1])
        sums[i] -= left
        left -= part
        if not left:
            break


def _by_category(lines: tuple[Line, ...]) -> dict[str, int]:
    """What was paid for each category, in order of appearance."""
    sums: dict[str, int] = {}
    for _, category, amount in lines:
        if category:
            sums[category] = sums.get(category, 0) + amount
    return sums


def _act(history: History, at: Instant, fact: Interaction, habits: Habits) -> int:
    kind = history.place(fact.kind)
    history.kinds[kind] = history.kinds.get(kind, 0) + 1
    if fact.kind not in habits.passive:
        history.action_at.append(at)
        history.actions += 1
        history.last_action_at = at
    return ACTIONS


def _join(history: History, at: Instant, fact: Joined) -> None:
    if history.joined_at is None:
        history.joined_at = at
        history.join_store = history.place(fact.store_id)
    _learn(history, fact.profile)


def _learn(history: History, profile: ProfileFact) -> None:
    for field in profile.cleared:
        setattr(history, field, [] if field == "interests" else None)
    if profile.birthday_month is not None:
        history.birthday_month = profile.birthday_month
    if profile.gender is not None:
        history.gender = profile.gender
    if profile.city is not None:
        history.city = profile.city
    if profile.interests:
        history.interests = sorted(set(profile.interests))


def _move(history: History, fact: Community) -> None:
    known = set(history.communities)
    if fact.entered:
        known.add(fact.community_id)
    else:
        known.discard(fact.community_id)
    history.communities = sorted(known)
