"""What happens in a made-up chain: one maker of data per event type.

A few things refer to earlier ones (refunds, answers, the end of a show); of these only the most
recent are remembered, so memory stays the same however long the stream is.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from deploy.demo.chain import Chain
from shared.events import facts, types

_REMEMBERED: Final = 5_000
_AT_HOME: Final = 0.85
_CONSENTS: Final = 0.8
_WHOLE_REFUNDS: Final = 0.5
_RIGHT_ANSWERS: Final = 0.6
_CLEARS_EVERY: Final = 13
_INTERACTIONS: Final = (
    *("check_in", "topic_reply", "share", "like", "comment", "vote", "quiz_answer", "game"),
    *("live_watch", "message", "content_view", "product_view", "cart_add", "click", "review"),
    *("survey", "suggestion", "ugc_post", "task_done"),
)
_TEXTS: Final = ("好吃!", "明天还有吗?", "très bon 👍", "When do you open?", "包装破了", "謝謝")
_CHANNELS: Final = ("wecom", "sms", "email")
_PLACEMENTS: Final = ("till", "parcel", "badge", "poster", "receipt")
_SALES_CHANNELS: Final[tuple[facts.SalesChannel, ...]] = (
    "store",
    "store",
    "store",
    "mini_program",
    "app",
    "delivery",
    "community",
)
_VIA: Final[tuple[facts.JoinedVia, ...]] = ("code", "receipt", "staff", "mini_program", "referral")

Happening = tuple[str, str, facts.Data]
"""Type, subject and data."""


@dataclass(frozen=True, slots=True)
class _Order:
    member: int
    order_id: str
    store: str
    lines: list[facts.Line]


@dataclass(slots=True)
class Happenings:
    """Makes the data of events; deterministic for a chain and a state of the random numbers."""

    chain: Chain
    chance: random.Random
    _orders: deque[_Order] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _refunds: deque[tuple[int, str, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _interactions: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _asked: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _taken_up: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _complaints: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _live: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def event_id(self, number: int) -> str:
        """The id of the event that the happening of this number becomes."""
        return f"{self.chain.seed}-e{number}"

    def make(self, event_type: str, member: int, number: int) -> Happening:
        """An event of a type; where there is nothing to refer to yet, what comes before it."""
        return _MAKERS[event_type](self, member, number)

    def joined(self, member: int) -> Happening:
        """The member joins at their home store."""
        chance, chain = self.chance, self.chain
        referrer = chain.subject(chance.randrange(chain.members)) if member % 9 == 0 else None
        data = facts.MemberJoined(
            store_id=chain.home_store(member),
            via=chance.choice(_VIA) if referrer is None else "referral",
            placement=chance.choice(_PLACEMENTS),
            referrer=referrer if referrer != chain.subject(member) else None,
            profile=chain.profile(member),
            consent={channel: chance.random() < _CONSENTS for channel in _CHANNELS},
            identities=[chain.further_name(member)],
        )
        return types.MEMBER_JOINED, chain.subject(member), data

    def purchase(self, member: int, number: int) -> Happening:
        """A basket of one to nine goods, mostly at the home store."""
        chance, chain = self.chance, self.chain
        home = chance.random() < _AT_HOME
        store = chain.home_store(member) if home else chain.store(chance.getrandbits(16))
        lines = [self._line() for _ in range(1 + chance.getrandbits(3))]
        order_id = f"o{number}"
        self._orders.append(_Order(member, order_id, store, lines))
        data = facts.PurchaseCompleted(
            order_id=order_id,
            store_id=store,
            currency="CNY",
            total=sum(line.amount for line in lines),
            channel=chance.choice(_SALES_CHANNELS),
            lines=lines,
            staff_id=chain.staff(store, number) if number % 3 == 0 else None,
            tenders=None,
        )
        return types.PURCHASE_COMPLETED, chain.subject(member), data

    def refund(self, member: int, number: int) -> Happening:
        """Part or all of a recent order comes back; each order once."""
        if not self._orders:
            return self.purchase(member, number)
        self._orders.rotate(self.chance.randrange(len(self._orders)))
        order = self._orders.popleft()
        whole = self.chance.random() < _WHOLE_REFUNDS
        lines = order.lines if whole else order.lines[:1]
        data = facts.PurchaseRefunded(
            order_id=order.order_id,
            refund_id=f"r{number}",
            store_id=order.store,
            currency="CNY",
            amount=sum(line.amount for line in lines),
            lines=lines,
            reason=self.chance.choice(_TEXTS),
        )
        self._refunds.append((order.member, order.order_id, f"r{number}"))
        return types.PURCHASE_REFUNDED, self.chain.subject(order.member), data

    def change(self, member: int, number: int) -> Happening:
        """A good was added to a recent order."""
        if not self._orders:
            return self.purchase(member, number)
        order = self._orders.popleft()
        lines = [*order.lines, self._line()]
        data = facts.PurchaseChanged(
            order_id=order.order_id,
            store_id=order.store,
            currency="CNY",
            total=sum(line.amount for line in lines),
            channel=self.chance.choice(_SALES_CHANNELS),
            lines=lines,
        )
        return types.PURCHASE_CHANGED, self.chain.subject(order.member), data

    def reversal(self, member: int, number: int) -> Happening:
        """A refund was undone."""
        if not self._refunds:
            return self.refund(member, number)
        who, order_id, refund_id = self._refunds.popleft()
        data = facts.PurchaseRefundReversed(order_id=order_id, refund_id=refund_id)
        return types.PURCHASE_REFUND_REVERSED, self.chain.subject(who), data

    def claim(self, member: int, number: int) -> Happening:
        """The member scans a receipt on which nobody was named."""
        store = self.chain.home_store(member)
        data = facts.ReceiptClaimed(receipt_code=f"{store}-{number}", store_id=store)
        return types.RECEIPT_CLAIMED, self.chain.subject(member), data

    def _line(self) -> facts.Line:
        good = self.chain.good(int(self.chance.paretovariate(0.5)))
        if good.by_weight:
            quantity = round(0.1 + self.chance.random() * 2, 3)
        else:
            quantity = float(1 + self.chance.getrandbits(2) // 3)
        return facts.Line(
            sku=good.sku,
            category=good.category,
            quantity=quantity,
            amount=round(good.price * quantity),
            name=good.name,
        )

    def interaction(self, member: int, number: int) -> Happening:
        """A check-in, a comment, a share and so on."""
        chance, chain = self.chance, self.chain
        kind = chance.choice(_INTERACTIONS)
        store = chain.home_store(member)
        data = facts.InteractionRecorded(
            kind=kind,
            store_id=store,
            community_id=chain.community(store, member),
            content_id=f"post-{number % 97}" if kind in ("like", "comment", "share") else None,
            task_id=f"task-{number % 5}" if kind == "task_done" else None,
            text=chance.choice(_TEXTS) if kind in ("comment", "review", "message") else None,
            likes=chance.getrandbits(4) if kind == "share" else None,
            score=float(1 + chance.getrandbits(2)) if kind == "review" else None,
            correct=chance.random() < _RIGHT_ANSWERS if kind == "quiz_answer" else None,
        )
        self._interactions.append((member, number))
        return types.INTERACTION_RECORDED, chain.subject(member), data

    def withdrawal(self, member: int, number: int) -> Happening:
        """A recent interaction was spam."""
        if not self._interactions:
            return self.interaction(member, number)
        self._interactions.rotate(self.chance.randrange(len(self._interactions)))
        who, interaction = self._interactions.popleft()
        data = facts.InteractionWithdrawn(id=self.event_id(interaction), reason="spam")
        return types.INTERACTION_WITHDRAWN, self.chain.subject(who), data

    def profile_updated(self, member: int, number: int) -> Happening:
        """The member tells more; now and then, that what was told is nobody's concern."""
        told = self.chain.profile(member)
        profile = told if number % _CLEARS_EVERY else facts.Profile(birthday=None, interests=[])
        data = facts.ProfileUpdated(
            by="member", profile=profile, attributes={"form": f"f{number % 7}"}
        )
        return types.MEMBER_PROFILE_UPDATED, self.chain.subject(member), data

    def consent_changed(self, member: int, _number: int) -> Happening:
        """The member says yes or no to a channel."""
        data = facts.ConsentChanged(
            channel=self.chance.choice(_CHANNELS),
            granted=self.chance.random() < _CONSENTS,
            source="mini_program",
        )
        return types.MEMBER_CONSENT_CHANGED, self.chain.subject(member), data

    def code_viewed(self, _member: int, number: int) -> Happening:
        """Somebody not yet known looks at a store's code."""
        store = self.chain.store(number)
        data = facts.CodeViewed(
            code=f"code-{store}",
            store_id=store,
            visitor=f"v{self.chance.getrandbits(40):x}",
            placement=self.chance.choice(_PLACEMENTS),
        )
        return types.CODE_VIEWED, f"store:{store}", data

    def community_joined(self, member: int, _number: int) -> Happening:
        """The member enters a group of their store."""
        store = self.chain.home_store(member)
        community = self.chain.community(store, member)
        data = facts.CommunityJoined(community_id=community, store_id=store, via="code")
        return types.COMMUNITY_JOINED, self.chain.subject(member), data

    def community_left(self, member: int, _number: int) -> Happening:
        """The member leaves it."""
        store = self.chain.home_store(member)
        community = self.chain.community(store, member)
        data = facts.CommunityLeft(community_id=community, store_id=store, reason="too many posts")
        return types.COMMUNITY_LEFT, self.chain.subject(member), data

    def contact(self, event_type: str, member: int, number: int) -> Happening:
        """The adviser relation of a member begins, ends or changes."""
        store = self.chain.home_store(member)
        staff = self.chain.staff(store, number)
        return (
            event_type,
            self.chain.subject(member),
            _CONTACTS[event_type](staff_id=staff, store_id=store),
        )

    def staff_departed(self, _member: int, number: int) -> Happening:
        """Somebody leaves; a colleague takes over."""
        store = self.chain.store(number)
        staff = self.chain.staff(store, number)
        data = facts.StaffDeparted(
            staff_id=staff, store_id=store, successor_id=self.chain.staff(store, number + 1)
        )
        return types.STAFF_DEPARTED, f"staff:{staff}", data

    def question_asked(self, member: int, number: int) -> Happening:
        """A member asks."""
        self._asked.append((member, f"q{number}"))
        data = facts.QuestionAsked(question_id=f"q{number}", text=self.chance.choice(_TEXTS))
        return types.QUESTION_ASKED, self.chain.subject(member), data

    def question_acknowledged(self, member: int, number: int) -> Happening:
        """Staff take up the oldest question."""
        if not self._asked:
            return self.question_asked(member, number)
        asker, question = self._asked.popleft()
        self._taken_up.append((asker, question))
        data = facts.QuestionAcknowledged(question_id=question)
        return types.QUESTION_ACKNOWLEDGED, self.chain.subject(asker), data

    def question_resolved(self, member: int, number: int) -> Happening:
        """Staff answer the oldest question taken up."""
        if not self._taken_up:
            return self.question_acknowledged(member, number)
        asker, question = self._taken_up.popleft()
        data = facts.QuestionResolved(question_id=question, score=4.5)
        return types.QUESTION_RESOLVED, self.chain.subject(asker), data

    def complaint_opened(self, member: int, number: int) -> Happening:
        """A member complains."""
        self._complaints.append((member, f"k{number}"))
        data = facts.ComplaintOpened(question_id=f"k{number}", text=self.chance.choice(_TEXTS))
        return types.COMPLAINT_OPENED, self.chain.subject(member), data

    def complaint_resolved(self, member: int, number: int) -> Happening:
        """The oldest complaint is settled."""
        if not self._complaints:
            return self.complaint_opened(member, number)
        complainer, complaint = self._complaints.popleft()
        data = facts.ComplaintResolved(question_id=complaint)
        return types.COMPLAINT_RESOLVED, self.chain.subject(complainer), data

    def content_published(self, _member: int, number: int) -> Happening:
        """A store posts."""
        store = self.chain.store(number)
        category = ("value", "interaction", "sales")[number % 3]
        data = facts.ContentPublished(
            content_id=f"post-{number % 97}", category=category, store_id=store
        )
        return types.CONTENT_PUBLISHED, f"store:{store}", data

    def stock_arrived(self, _member: int, number: int) -> Happening:
        """A store gets pieces."""
        store = self.chain.store(number)
        sku = self.chain.good(number).sku
        data = facts.StockArrived(store_id=store, sku=sku, quantity=float(10 + number % 90))
        return types.STOCK_ARRIVED, f"store:{store}", data

    def live_started(self, _member: int, number: int) -> Happening:
        """A live show begins."""
        store = self.chain.store(number)
        self._live.append((store, f"live-{number}"))
        data = facts.LiveStarted(live_id=f"live-{number}", store_id=store, title="周一上新")
        return types.LIVE_STARTED, f"store:{store}", data

    def live_ended(self, member: int, number: int) -> Happening:
        """The oldest live show ends."""
        if not self._live:
            return self.live_started(member, number)
        store, live = self._live.popleft()
        data = facts.LiveEnded(live_id=live, store_id=store, viewers=number % 900)
        return types.LIVE_ENDED, f"store:{store}", data


_CONTACTS: Final[dict[str, Callable[..., facts.Data]]] = {
    types.CONTACT_ADDED: facts.ContactAdded,
    types.CONTACT_REMOVED: facts.ContactRemoved,
    types.MEMBER_ASSIGNED: facts.MemberAssigned,
}

_MAKERS: Final[dict[str, Callable[[Happenings, int, int], Happening]]] = {
    types.PURCHASE_COMPLETED: Happenings.purchase,
    types.PURCHASE_REFUNDED: Happenings.refund,
    types.PURCHASE_CHANGED: Happenings.change,
    types.PURCHASE_REFUND_REVERSED: Happenings.reversal,
    types.RECEIPT_CLAIMED: Happenings.claim,
    types.INTERACTION_RECORDED: Happenings.interaction,
    types.INTERACTION_WITHDRAWN: Happenings.withdrawal,
    types.MEMBER_PROFILE_UPDATED: Happenings.profile_updated,
    types.MEMBER_CONSENT_CHANGED: Happenings.consent_changed,
    types.CODE_VIEWED: Happenings.code_viewed,
    types.COMMUNITY_JOINED: Happenings.community_joined,
    types.COMMUNITY_LEFT: Happenings.community_left,
    types.CONTACT_ADDED: lambda h, m, n: h.contact(types.CONTACT_ADDED, m, n),
    types.CONTACT_REMOVED: lambda h, m, n: h.contact(types.CONTACT_REMOVED, m, n),
    types.MEMBER_ASSIGNED: lambda h, m, n: h.contact(types.MEMBER_ASSIGNED, m, n),
    types.STAFF_DEPARTED: Happenings.staff_departed,
    types.QUESTION_ASKED: Happenings.question_asked,
    types.QUESTION_ACKNOWLEDGED: Happenings.question_acknowledged,
    types.QUESTION_RESOLVED: Happenings.question_resolved,
    types.COMPLAINT_OPENED: Happenings.complaint_opened,
    types.COMPLAINT_RESOLVED: Happenings.complaint_resolved,
    types.CONTENT_PUBLISHED: Happenings.content_published,
    types.STOCK_ARRIVED: Happenings.stock_arrived,
    types.LIVE_STARTED: Happenings.live_started,
    types.LIVE_ENDED: Happenings.live_ended,
}
