"""What no type can say of the data: names that must be known, sums that must stay in reach.

Asked at the edge only. What is on the log was good when it came in, and stays readable.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from msgspec import Struct

from shared.events import types
from shared.events.edge import Problem
from shared.events.facts import MemberJoined, ProfileUpdated
from shared.events.scalars import AMOUNT_MAX
from shared.events.standards import (
    UnknownName,
    language,
    nearest,
    time_zone,
)

CHANNELS: Final = frozenset(
    {"wecom", "sms", "email", "app", "mini_program", "official_account", "phone", "mail", "store"}
)
"""Ways to reach a member; a chain's further ones are in the setting `REGULARS_CHANNELS`."""
ALL_CHANNELS: Final = "all"
CATEGORIES: Final = frozenset({"service", "care", "sales"})
"""Kinds of message that a member can allow or forbid, whatever the channel."""

_WITH_NAMES: Final = frozenset(
    {types.MEMBER_CONSENT_CHANGED, types.MEMBER_JOINED, types.MEMBER_PROFILE_UPDATED}
)
"""Types whose data names channels, languages or time zones."""
_AMOUNTS: Final = frozenset({"total", "discount", "amount"})
_SHOWN: Final = 64


class Bounds(Struct, frozen=True, kw_only=True):
    """How large an event and what is in it may be, and which channels there are.

    `amount_max` is in minor units.
    """

    event_bytes_max: int = 512 * 1024
    amount_max: int = AMOUNT_MAX
    channels: frozenset[str] = CHANNELS


def wrong_in(event_type: str, facts: Any, bounds: Bounds) -> list[Problem]:
    """What is wrong with data that is valid by its type; pointers start with `/data`."""
    problems: list[Problem] = []
    if bounds.amount_max == AMOUNT_MAX and event_type not in _WITH_NAMES:
        return problems  # the usual case
    if bounds.amount_max < AMOUNT_MAX:
        problems += _amounts(facts, "/data", bounds.amount_max)
    if event_type == types.MEMBER_CONSENT_CHANGED:
        problems += _channel(facts.channel, "/data/channel", bounds)
    elif isinstance(facts, MemberJoined):
        for channel in facts.consent or {}:
            problems += _channel(channel, f"/data/consent/{channel}", bounds)
    elif isinstance(facts, ProfileUpdated):
        problems += _preferences(facts.attributes or {})
    return problems


def names_in_order(data: Any) -> Any:
    """The data of an event with known names in their one spelling (`PRC`: Asia/Shanghai).

    Takes and gives a tree; what is not known is left as it is, for `wrong_in` to say so.
    """
    attributes = data.get("attributes") if isinstance(data, dict) else None
    if not isinstance(attributes, dict):
        return data
    spelt = dict(attributes)
    for field, spelling in _SPELLINGS.items():
        value = attributes.get(field)
        if isinstance(value, str):
            try:
                spelt[field] = spelling(value)
            except UnknownName:
                continue
    return {**data, "attributes": spelt}


_SPELLINGS: Final = {"language": language, "time_zone": time_zone}


def _amounts(value: Any, pointer: str, most: int) -> Iterator[Problem]:
    """Every amount that is above the bound of this chain."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _amounts(inner, f"{pointer}/{index}", most)
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            if name in _AMOUNTS and inner is not None and abs(inner) > most:
                words = f"an amount may be {most} minor units here (REGULARS_AMOUNT_MAX)"
                yield Problem(pointer=f"{pointer}/{name}", reason=words)
            elif isinstance(inner, list | Struct):
                yield from _amounts(inner, f"{pointer}/{name}", most)


def _channel(channel: str, pointer: str, bounds: Bounds) -> list[Problem]:
    known = bounds.channels | CATEGORIES | {ALL_CHANNELS}
    if channel in known:
        return []
    near = nearest(channel, known)
    meant = f"; did you mean {near!r}?" if near else ""
    words = f"unknown channel {channel[:_SHOWN]!r}{meant}; known: {', '.join(sorted(known))}"
    return [Problem(pointer=pointer, reason=words)]


def _preferences(attributes: Mapping[str, Any]) -> Iterator[Problem]:
    for field, spelling in _SPELLINGS.items():
        value = attributes.get(field)
        if value is None:
            continue
        problem = partial(Problem, pointer=f"/data/attributes/{field}")
        if not isinstance(value, str):
            yield problem(reason="this should be a text")
            continue
        try:
            spelling(value)
        except UnknownName as error:
            yield problem(reason=str(error))
