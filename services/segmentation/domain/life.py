"""A member's life so far: what the facts add up to, and nothing that depends on the present.

`tell` folds one fact in. Orders of the last 365 days are kept one by one, so that every window is
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
    Purchase,
    Refund,
    Told,
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


class Life(msgspec.Struct, array_like=True):
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
        orphans: refunds whose order has not been told yet: (order, when, how much).
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


def tell(life: Life, at: Instant, fact: AnyFact, habits: Habits) -> int:
    """Fold one fact in.

    Returns:
        What it may have moved: a sum of ORDERS, ACTIONS and PROFILE.
    """
    _forget(life, at)
    match fact:
        case Purchase():
            _buy(life, at, fact, habits)
            return ORDERS
        case Interaction():
            return _act(life, at, fact, habits)
        case Refund():
            return _refund(life, at, fact, habits)
        case Joined():
            if life.joined_at is None:
                life.joined_at = at
                life.join_store = life.place(fact.store_id)
            _learn(life, fact.told)
        case Told():
            _learn(life, fact)
        case Community():
            _move(life, fact)
    return PROFILE


def order_ref(order_id: str) -> int:
    """An order's number in the lists: 32 bits tell the orders of one member apart."""
    return int.from_bytes(blake2b(order_id.encode(), digest_size=4).digest())


def parts_before(life: Life, i: int) -> int:
    """Where the amounts of order i begin."""
    return sum(map(len, life.order_categories[:i]))


def _forget(life: Life, at: Instant) -> None:
    """Turn orders and interactions that left the longest window into sums."""
    limit = at - MEMORY
    if len(life.order_at) > RECENT and life.order_at[0] <= limit:
        cut = min(bisect_right(life.order_at, limit), len(life.order_at) - RECENT)
        life.older_order_at = life.order_at[cut - 1]
        del life.order_at[:cut], life.order_sums[:cut], life.order_store[:cut]
        del life.amounts[: sum(map(len, life.order_categories[:cut]))]
        del life.order_ref[:cut], life.order_categories[:cut]
    if life.action_at and life.action_at[0] <= limit:
        del life.action_at[: bisect_right(life.action_at, limit)]
    if life.orphans:
        life.orphans = [orphan for orphan in life.orphans if orphan[1] > limit]


def _buy(life: Life, at: Instant, fact: Purchase, habits: Habits) -> None:
    ref = order_ref(fact.order_id)
    before = life.last_order_at()
    total = min(fact.total, _AMOUNT_MAX)
    categories = [life.place(category) for category, _ in fact.parts]
    amounts = [min(amount, _AMOUNT_MAX) for _, amount in fact.parts]
    life.order_at.append(at)
    life.order_sums.append(life.order_sums[-1] + total)
    store = life.place(fact.store_id)
    life.order_store.append(store)
    life.order_ref.append(ref)
    life.order_categories.append(categories)
    life.amounts += amounts
    life.orders += 1
    life.spend += total
    for category, amount in zip(categories, amounts, strict=True):
        sums = life.categories.setdefault(category, [0, 0, at])
        sums[0] += 1
        sums[1] += amount
        sums[2] = at
    visits = life.stores.setdefault(store, [0, at])
    visits[0] += 1
    visits[1] = at
    if life.first_order_at is None:
        life.first_order_at = at
    if before is not None and at - before >= habits.silence:
        life.comeback_at = at
    if life.orphans:
        _settle_orphans(life, ref, habits)


def _settle_orphans(life: Life, ref: int, habits: Habits) -> None:
    """Refunds that were told before their order, by a till whose clock was ahead of another's."""
    mine = [amount for order, _, amount in life.orphans if order == ref]
    life.orphans = [orphan for orphan in life.orphans if orphan[0] != ref]
    for amount in mine:
        _pay_back(life, ref, amount, (), habits)


def _refund(life: Life, at: Instant, fact: Refund, habits: Habits) -> int:
    life.refunds += 1
    ref, amount = order_ref(fact.order_id), min(fact.amount, _AMOUNT_MAX)
    if ref in life.order_ref:
        _pay_back(life, ref, amount, fact.parts, habits)
    elif life.orders > len(life.order_at):
        # one of the orders that are only kept as sums
        life.spend = max(life.spend - amount, 0)
    else:
        life.orphans.append((ref, at, amount))
    return ORDERS


def _pay_back(
    life: Life, ref: int, amount: int, parts: tuple[tuple[str, int], ...], habits: Habits
) -> None:
    """Reduce an order by what was paid back; one that is paid back in full was never made."""
    if ref not in life.order_ref:
        return  # an earlier part of the same refund took all of it
    i = life.order_ref.index(ref)
    net = life.order_sums[i + 1] - life.order_sums[i]
    taken = min(amount, net)
    life.spend -= taken
    for j in range(i + 1, len(life.order_sums)):
        life.order_sums[j] -= taken
    if taken == net:
        _unmake(life, i, habits)
        return
    for category, part in parts:
        place = life.place(category)
        if place in life.order_categories[i]:
            k = parts_before(life, i) + life.order_categories[i].index(place)
            less = min(part, life.amounts[k])
            life.amounts[k] -= less
            life.categories[place][1] -= less


def _unmake(life: Life, i: int, habits: Habits) -> None:
    all_kept = life.orders == len(life.order_at)
    gone, store = life.order_at[i], life.order_store[i]
    categories, first = life.order_categories[i], parts_before(life, i)
    amounts = life.amounts[first : first + len(categories)]
    del life.amounts[first : first + len(categories)]
    del life.order_at[i], life.order_sums[i + 1], life.order_store[i], life.order_ref[i]
    del life.order_categories[i]
    life.orders -= 1
    for category, amount in zip(categories, amounts, strict=True):
        life.categories[category][1] -= amount
        kept = [
            each
            for each, its in zip(life.order_at, life.order_categories, strict=True)
            if category in its
        ]
        _one_less(life, life.categories, category, kept)
    kept = [each for each, its in zip(life.order_at, life.order_store, strict=True) if its == store]
    _one_less(life, life.stores, store, kept)
    _mend(life, gone, habits, all_kept=all_kept)


def _one_less(life: Life, counts: dict[int, list[int]], place: int, kept: list[Instant]) -> None:
    """Take an order from a category's or store's count; its last one is now another."""
    counts[place][0] -= 1
    if not counts[place][0]:
        del counts[place]
    else:
        # of orders that are only kept as sums, the newest one's time is the best that is known
        counts[place][-1] = kept[-1] if kept else life.older_order_at or BEGINNING


def _mend(life: Life, gone: Instant, habits: Habits, *, all_kept: bool) -> None:
    """First order and comeback as if the order had never been."""
    if all_kept:
        life.first_order_at = life.order_at[0] if life.order_at else None
    if life.comeback_at is not None and life.comeback_at >= min([gone, *life.order_at[:1]]):
        life.comeback_at = None  # found again below, among the orders that are kept
    before = life.older_order_at
    for at in life.order_at:
        if before is not None and at - before >= habits.silence:
            life.comeback_at = at
        before = at


def _act(life: Life, at: Instant, fact: Interaction, habits: Habits) -> int:
    kind = life.place(fact.kind)
    life.kinds[kind] = life.kinds.get(kind, 0) + 1
    if fact.kind not in habits.passive:
        life.action_at.append(at)
        life.actions += 1
        life.last_action_at = at
    return ACTIONS


def _learn(life: Life, told: Told) -> None:
    if told.birthday_month is not None:
        life.birthday_month = told.birthday_month
    if told.gender is not None:
        life.gender = told.gender
    if told.city is not None:
        life.city = told.city
    if told.interests:
        life.interests = sorted(set(told.interests))


def _move(life: Life, fact: Community) -> None:
    known = set(life.communities)
    if fact.entered:
        known.add(fact.community_id)
    else:
        known.discard(fact.community_id)
    life.communities = sorted(known)
