"""Programs of notify, drawn: journeys of any trigger, exits and waits, caps and nights."""

from typing import Any

from hypothesis import strategies as st

from shared.events import types

WORDS = {"zh": "字", "en": "word"}
_MEMBER = (
    {"feature": "orders", "at_least": 2},
    {"feature": "tags", "contains": "vip"},
    {"not": {"feature": "tier", "exists": True}},
    {"any": [{"feature": "tier", "equals": "gold"}, {"feature": "orders", "more_than": 3}]},
    {"feature": "consents", "contains": "sms"},
    {"not": {"feature": "consents", "contains_any": ["wecom", "app"]}},
    {"feature": "last_purchase_at", "at_least_days_ago": 2},
    {"all": [{"feature": "home_store", "equals": "north"}, {"feature": "orders", "at_most": 1}]},
)
_ASKED = {
    types.PURCHASE_COMPLETED: (
        {"feature": "event.total", "at_least": 1000},
        {"feature": "event.store_id", "not_equals": "south"},
    ),
    types.TIER_CHANGED: (
        {"feature": "event.from", "exists": True},
        {"feature": "event.direction", "one_of": ["up", "down"]},
    ),
    types.MEMBER_JOINED: ({"feature": "event.via", "equals": "code"},),
    types.INTERACTION_RECORDED: ({"feature": "event.kind", "equals": "share"},),
}
_TRIGGERS = (
    *({"event": types.PURCHASE_COMPLETED},) * 7,
    {"event": types.PURCHASE_REFUNDED},
    *({"event": types.TIER_CHANGED},) * 3,
    {"event": types.MEMBER_JOINED},
    {"event": types.INTERACTION_RECORDED},
    {"event": types.CONTACT_ADDED},
    *({"tag": "vip"}, {"tag": "risk"}),
)
_EXITS = (
    {"event": types.PURCHASE_COMPLETED},
    {"event": types.TIER_CHANGED},
    {"event": types.INTERACTION_RECORDED},
    {"event": types.MEMBER_CONSENT_CHANGED},
    {"tag": "back"},
)
_MATCHES = {
    types.PURCHASE_COMPLETED: (
        {"event": types.PURCHASE_REFUNDED, "match": ["order_id"]},
        {"event": types.PURCHASE_REFUNDED, "match": ["order_id", "store_id"]},
        {"event": types.PURCHASE_COMPLETED, "match": ["store_id"]},
    ),
    types.INTERACTION_RECORDED: ({"event": types.INTERACTION_RECORDED, "match": ["kind"]},),
}
_CAPS = (
    {"channel": "wecom", "at_most": 2, "per": "day"},
    {"channel": "app", "at_most": 1, "per": "week"},
    {"category": "sales", "at_most": 1, "per": "day"},
    {"at_most": 2, "per": "24h"},
    {"category": "care", "channel": "app", "at_most": 1, "per": "3d"},
    {"at_most": 3, "per": "week"},
)
_NIGHTS = (
    {"start": "22:00", "end": "08:00"},
    {"start": "20:00", "end": "12:00"},
    {"start": "00:30", "end": "03:00"},
    {"start": "12:00", "end": "13:30"},
)


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Any]:
    """A program of up to three journeys."""
    caps = draw(st.lists(st.sampled_from(_CAPS), min_size=1, max_size=3, unique_by=str))
    journeys = {f"j{i}": draw(_journeys()) for i in range(draw(st.integers(2, 3)))}
    steps = [step for journey in journeys.values() for step in journey["steps"]]
    sent = {step["send"]["category"] for step in steps if "send" in step}
    more: dict[str, Any] = {}
    if draw(st.integers(0, 3)):
        more["quiet_hours"] = draw(st.sampled_from(_NIGHTS))
    return more | {
        "time_zone": draw(st.sampled_from(("UTC", "Asia/Shanghai"))),
        "stores": {"south": {"time_zone": "America/New_York"}},
        "caps": [cap for cap in caps if "category" not in cap or cap["category"] in sent],
        "destinations": {"console": {"sender": "console"}},
        "channels": {
            "wecom": _channel(consent="implied", address="adviser"),
            "app": _channel(consent="implied"),
            "sms": _channel(consent="explicit"),
        },
        "templates": {"t": {"title": WORDS, "text": WORDS}},
        "journeys": journeys,
    }


def _channel(**more: str) -> dict[str, Any]:
    return {"title": WORDS, "destination": "console", **more}


@st.composite
def _journeys(draw: st.DrawFn) -> dict[str, Any]:
    trigger = draw(st.sampled_from(_TRIGGERS))
    kind = trigger.get("event", "")
    asked = st.sampled_from(_MEMBER + _ASKED.get(kind, ()))
    journey: dict[str, Any] = {
        "title": WORDS,
        "trigger": trigger,
        "reentry": draw(st.sampled_from(("restart", "restart", "ignore", "once", "parallel"))),
        "steps": draw(_steps()),
    }
    if draw(st.integers(0, 3)) == 0:
        journey["entry"] = draw(asked)
    exits = st.sampled_from(_EXITS + 2 * _MATCHES.get(kind, ()))
    rules = asked.map(lambda each: {"when": each})
    journey["exits"] = draw(st.lists(exits | rules, max_size=2))
    if "tag" in trigger or kind == types.TIER_CHANGED:
        said: tuple[dict[str, str], ...] = ({}, {"repeat_after": "2d"}, {"repeat_after": "20d"})
        journey |= draw(st.sampled_from(said))
    return journey


@st.composite
def _steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    since = 0
    for i in range(draw(st.integers(1, 3))):
        for _ in range(draw(st.integers(0 if steps else 1, 2))):
            wait = draw(st.sampled_from(_WAITS)).copy()
            if "since_entry" in wait:
                since += wait["since_entry"]
                wait["since_entry"] = f"{since}h"
            steps.append({"wait": wait})
        steps.append({"send": draw(_sends(f"s{i}"))})
    return steps


_WAITS: tuple[dict[str, Any], ...] = (
    {"for": "20s"},
    {"for": "2h"},
    {"for": "1d"},
    {"for": "3d"},
    {"for": "72h"},
    {"since_entry": 1},
    {"since_entry": 30},
    {"until": "09:00"},
    {"for": "2d", "until": "02:30"},
    {"since_entry": 24, "until": "00:00"},
)


@st.composite
def _sends(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "channel": draw(st.sampled_from(("wecom", "app", "app", "app", "sms"))),
        "template": "t",
        "category": draw(st.sampled_from(("care", "sales", "value"))),
        "purpose": "test",
        "deadline": draw(st.sampled_from(("30m", "6h", "1d", "3d"))),
    }
