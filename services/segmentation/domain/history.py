"""A member's history so far: what the facts add up to, and nothing that depends on the present.

`fold` folds one fact in. Orders of the last 365 days are kept one by one, so that every window is
exact to the microsecond and a refund takes back exactly what its order gave; what is older is kept
as sums. Facts arrive here in order of time; that an earlier one may turn up later is not this
module's concern.
"""

from bisect import bisect_right
from hashlib import blake2b
from typing import Final

import msgspec

from services.segmentation.domain.facts import (
    AnyFact,
    Community,
    Interaction,
    Joined,
    ProfileFact,
    Purchase,
    Refund,
)
from shared.clock import DAY, Instant

BEGINNING: Final[Instant] = -(2**62)
"""Before every event."""
NEVER: Final[Instant] = 2**62
"""After every event."""
MEMORY: Final[Instant] = 365 * DAY
"""How long single orders and interactions are kept: the longest window."""
RECENT: Final = 10
"""How many of the last orders are kept however old they are, for features over the last ten."""

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
        orphans: refunds whose order has not been folded yet: (order, when, how much).
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
    order_ref: list[int] = []
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
    orphans: list[tuple[int, Instant, int]] = []
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
        case Refund():
            return _refund(history, at, fact, habits)
        case Joined():
            if history.joined_at is None:
                history.joined_at = at
                history.join_store = history.place(fact.store_id)
            _learn(history, fact.profile)
        case ProfileFact():
            _learn(history, fact)
        case Community():
            _move(history, fact)
    return PROFILE


def order_ref(order_id: str) -> int:
    """An order's number in the lists: 32 bits fold the orders of one member apart."""
    return int.from_bytes(blake2b(order_id.encode(), digest_size=4).digest())


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
        del history.order_ref[:cut], history.order_categories[:cut]
    if history.action_at and history.action_at[0] <= limit:
        del history.action_at[: bisect_right(history.action_at, limit)]
    if history.orphans:
        history.orphans = [orphan for orphan in history.orphans if orphan[1] > limit]


def _buy(history: History, at: Instant, fact: Purchase, habits: Habits) -> None:
    ref = order_ref(fact.order_id)
    before = history.last_order_at()
    total = min(fact.total, _AMOUNT_MAX)
    categories = [history.place(category) for category, _ in fact.parts]
    amounts = [min(amount, _AMOUNT_MAX) for _, amount in fact.parts]
    history.order_at.append(at)
    history.order_sums.append(history.order_sums[-1] + total)
    store = history.place(fact.store_id)
    history.order_store.append(store)
    history.order_ref.append(ref)
    history.order_categories.append(categories)
    history.amounts += amounts
    history.orders += 1
    history.spend += total
    for category, amount in zip(categories, amounts, strict=True):
        sums = history.categories.setdefault(category, [0, 0, at])
        sums[0] += 1
        sums[1] += amount
        sums[2] = at
    visits = history.stores.setdefault(store, [0, at])
    visits[0] += 1
    visits[1] = at
    if history.first_order_at is None:
        history.first_order_at = at
    if before is not None and at - before >= habits.silence:
        history.comeback_at = at
    if history.orphans:
        _settle_orphans(history, ref, habits)


def _settle_orphans(history: History, ref: int, habits: Habits) -> None:
    """Refunds that were folded before their order, by a till whose clock was ahead of another's."""
    mine = [amount for order, _, amount in history.orphans if order == ref]
    history.orphans = [orphan for orphan in history.orphans if orphan[0] != ref]
    for amount in mine:
        _pay_back(history, ref, amount, (), habits)


def _refund(history: History, at: Instant, fact: Refund, habits: Habits) -> int:
    history.refunds += 1
    ref, amount = order_ref(fact.order_id), min(fact.amount, _AMOUNT_MAX)
    if ref in history.order_ref:
        _pay_back(history, ref, amount, fact.parts, habits)
    elif history.orders > len(history.order_at):
        # one of the orders that are only kept as sums
        history.spend = max(history.spend - amount, 0)
    else:
        history.orphans.append((ref, at, amount))
    return ORDERS


def _pay_back(
    history: History, ref: int, amount: int, parts: tuple[tuple[str, int], ...], habits: Habits
) -> None:
    """Reduce an order by what was paid back; one that is paid back in full was never made."""
    if ref not in history.order_ref:
        return  # an earlier part of the same refund took all of it
    i = history.order_ref.index(ref)
    net = history.order_sums[i + 1] - history.order_sums[i]
    taken = min(amount, net)
    history.spend -= taken
    for j in range(i + 1, len(history.order_sums)):
        history.order_sums[j] -= taken
    if taken == net:
        _unmake(history, i, habits)
        return
    for category, part in parts:
        place = history.place(category)
        if place in history.order_categories[i]:
            k = parts_before(history, i) + history.order_categories[i].index(place)
            less = min(part, history.amounts[k])
            history.amounts[k] -= less
            history.categories[place][1] -= less


def _unmake(history: History, i: int, habits: Habits) -> None:
    all_kept = history.orders == len(history.order_at)
    gone, store = history.order_at[i], history.order_store[i]
    categories, first = history.order_categories[i], parts_before(history, i)
    amounts = history.amounts[first : first + len(categories)]
    del history.amounts[first : first + len(categories)]
    del history.order_at[i], history.order_sums[i + 1], history.order_store[i], history.order_ref[i]
    del history.order_categories[i]
    history.orders -= 1
    for category, amount in zip(categories, amounts, strict=True):
        history.categories[category][1] -= amount
        kept = [
            each
            for each, its in zip(history.order_at, history.order_categories, strict=True)
            if category in its
        ]
        _one_less(history, history.categories, category, kept)
    kept = [
        each
        for each, its in zip(history.order_at, history.order_store, strict=True)
        if its == store
    ]
    _one_less(history, history.stores, store, kept)
    _mend(history, gone, habits, all_kept=all_kept)


def _one_less(
    history: History, counts: dict[int, list[int]], place: int, kept: list[Instant]
) -> None:
    """Take an order from a category's or store's count; its last one is now another."""
    counts[place][0] -= 1
    if not counts[place][0]:
        del counts[place]
    else:
        # of orders that are only kept as sums, the newest one's time is the best that is known
        counts[place][-1] = kept[-1] if kept else history.older_order_at or BEGINNING


def _mend(history: History, gone: Instant, habits: Habits, *, all_kept: bool) -> None:
    """First order and comeback as if the order had never been."""
    if all_kept:
        history.first_order_at = history.order_at[0] if history.order_at else None
    if history.comeback_at is not None and history.comeback_at >= min(
        [gone, *history.order_at[:1]]
    ):
        history.comeback_at = None  # found again below, among the orders that are kept
    before = history.older_order_at
    for at in history.order_at:
        if before is not None and at - before >= habits.silence:
            history.comeback_at = at
        before = at


def _act(history: History, at: Instant, fact: Interaction, habits: Habits) -> int:
    kind = history.place(fact.kind)
    history.kinds[kind] = history.kinds.get(kind, 0) + 1
    if fact.kind not in habits.passive:
        history.action_at.append(at)
        history.actions += 1
        history.last_action_at = at
    return ACTIONS


def _learn(history: History, profile: ProfileFact) -> None:
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
