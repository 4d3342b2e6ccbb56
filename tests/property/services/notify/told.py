"""Members' histories as events, of everything that notify listens to."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from shared.clock import DAY, HOUR, MINUTE, SECOND, Instant
from shared.events import Event, added, decisions, event_key, facts, types
from tests.property.services.notify.notify_history import BEGIN, MEMBER, ZONES

STORES = ("north", "south")
LEVELS = ("bronze", "silver", "gold")
_MOSTLY = (True, True, False)
_WHY = decisions.Because(rule="r")
_gaps = st.sampled_from(
    (0, MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 7 * HOUR, DAY, DAY - HOUR, 3 * DAY, 9 * DAY, 31 * DAY)
) | st.integers(0, 3 * DAY // SECOND).map(lambda seconds: seconds * SECOND)


def event(name: str, type_: str, at: Instant, data: Any) -> Event:
    key = event_key("urn:test", name)
    subject = str(MEMBER)
    return Event(id=name, source="urn:test", type=type_, subject=subject, at=at, data=data, key=key)


@st.composite
def told(draw: st.DrawFn, most: int = 16, kinds: str = "pppppppprrvgjzccttttko") -> list[Event]:
    """A history in order of time; several events may share an instant.

    Kinds: purchase (also in parts), refund, reversal (v), change (g), joining, zone and language,
    consent, tags and tier, contacts (k), something else (o), erasure (e).
    """
    at, teller, events = BEGIN + draw(st.integers(0, 40)) * DAY, Teller(draw), list[Event]()
    for i in range(draw(st.integers(most // 2, most))):
        at += draw(_gaps)
        kind = draw(st.sampled_from(kinds))
        type_, data = getattr(teller, f"tell_{kind}")()
        events.append(event(f"event-{i:02d}", type_, at, data))
    return events


class Teller:
    """Draws what happens next to somebody."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._bought: list[dict[str, Any]] = [
            {"order_id": "o0", "store_id": None, "currency": "CNY"}
        ]
        self._refunds: list[tuple[str, str]] = [("o0", "x")]
        self._tags: set[str] = set()
        self._tier: str | None = None

    def _pick(self, *of: Any) -> Any:
        return self._draw(st.sampled_from(of))

    def _order(self) -> dict[str, Any]:
        return {
            "order_id": self._pick("o1", "o2", "o3", "o4", "o5"),
            "store_id": self._pick("north", "north", "north", "south", None),
            "currency": "CNY",
        }

    def tell_p(self) -> tuple[str, Any]:
        part = self._pick(None, None, None, "1", "2")
        self._bought.append(self._order())
        return types.PURCHASE_COMPLETED, facts.PurchaseCompleted(
            **self._bought[-1],
            total=self._pick(0, 500, 1000, 1000, 3000),
            channel="store",
            part=None if part is None else facts.Part(id=part),
        )

    def tell_g(self) -> tuple[str, Any]:
        total = self._pick(0, 500, 3000)
        order = self._pick(*self._bought[-3:])
        return types.PURCHASE_CHANGED, facts.PurchaseChanged(**order, total=total, channel="store")

    def tell_r(self) -> tuple[str, Any]:
        order, refund = self._pick(*self._bought[-3:]), self._pick("x", "y", "z")
        self._refunds.append((order["order_id"], refund))
        return types.PURCHASE_REFUNDED, facts.PurchaseRefunded(
            **order,
            refund_id=refund,
            amount=self._pick(100, 1000, 9000, 9000, 9000),
        )

    def tell_v(self) -> tuple[str, Any]:
        order, refund = self._pick(*self._refunds[-2:])
        return types.PURCHASE_REFUND_REVERSED, facts.PurchaseRefundReversed(
            order_id=order, refund_id=refund
        )

    def tell_j(self) -> tuple[str, Any]:
        channels = st.sampled_from(("wecom", "sms", "app", "all", "care", "sales"))
        return types.MEMBER_JOINED, facts.MemberJoined(
            store_id=self._pick(*STORES),
            via=self._pick("code", "staff"),
            consent=self._draw(st.none() | st.dictionaries(channels, st.booleans(), max_size=3)),
        )

    def tell_z(self) -> tuple[str, Any]:
        attributes = {"time_zone": self._pick(*ZONES, "Europe/Berlin")}
        language = {"language": self._pick("zh-CN", "en")}
        return types.MEMBER_PROFILE_UPDATED, facts.ProfileUpdated(
            by="member",
            profile=facts.Profile(birthday=date(1990, 1, 1)),
            attributes=self._pick(attributes, attributes, language, attributes | language, {}),
        )

    def tell_c(self) -> tuple[str, Any]:
        return types.MEMBER_CONSENT_CHANGED, facts.ConsentChanged(
            channel=self._pick("wecom", "sms", "sms", "app", "all", "care", "sales", "service"),
            granted=self._pick(*_MOSTLY),
            source="desk",
        )

    def tell_t(self) -> tuple[str, Any]:
        return self._tag() if self._draw(st.booleans()) else self._level()

    def _tag(self) -> tuple[str, Any]:
        given = set(self._draw(st.lists(st.sampled_from(("vip", "risk", "back")), max_size=2)))
        given -= self._tags
        gone = set(self._pick((), tuple(self._tags - given)))
        self._tags = (self._tags | given) - gone
        return types.TAGS_CHANGED, decisions.TagsChanged(
            added=sorted(given), removed=sorted(gone), because=[_WHY]
        )

    def _level(self) -> tuple[str, Any]:
        before, self._tier = self._tier, self._pick(*LEVELS)
        named = self._pick(*_MOSTLY)
        return types.TIER_CHANGED, decisions.TierChanged(
            to=self._tier,
            from_=before,
            because=_WHY,
            level=_level_of(self._tier) if named else None,
            level_before=_level_of(before) if named and before else None,
        )

    def tell_k(self) -> tuple[str, Any]:
        data = {"staff_id": self._pick("s1", "s2"), "store_id": self._pick(*STORES)}
        told: tuple[str, Any] = self._pick(
            (types.CONTACT_ADDED, facts.ContactAdded(**data)),
            (types.CONTACT_REMOVED, facts.ContactRemoved(**data)),
            (types.CONTACT_REMOVED, facts.ContactRemoved(**data, via="app")),
            (types.MEMBER_ASSIGNED, facts.MemberAssigned(**data)),
        )
        return told

    def tell_o(self) -> tuple[str, Any]:
        return types.INTERACTION_RECORDED, facts.InteractionRecorded(
            kind=self._pick("share", "vote"),
            campaign_id=self._pick(None, "spring"),
            likes=self._pick(None, 3),
        )

    def tell_e(self) -> tuple[str, Any]:
        return types.MEMBER_ERASED, added.MemberErased()


def _level_of(tier: str) -> decisions.Level:
    return decisions.Level(rank=LEVELS.index(tier), title={"zh": f"{tier} 级", "en": tier.title()})
