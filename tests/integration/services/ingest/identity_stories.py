"""Stories of identities: what publishers send, drawn, and how they write it."""

import json
import random
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.integration.services.ingest.events import JOINED, PURCHASE
from tests.integration.services.ingest.identity_model import (
    BLOCKED,
    NOBODY,
    STRANGER,
    Rights,
    Sent,
)

SOURCES = (
    Rights("dev", frozenset({"pos/1", "pos/2"})),
    Rights("till", frozenset({"till/1"}), joins=False, stores=frozenset({"s1"})),
    Rights("strict", frozenset({"strict/1"}), strict=True),
)
NAMES = (
    *(f"card:{i}" for i in range(7)),
    *(f"phone:{i}" for i in range(5)),
    *("wecom:0", "unionid:0", "unionid:1"),
)
_FULL_WIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}


class Request(NamedTuple):
    """What is sent at once: over HTTP by a source, or over Kafka."""

    by: Rights | None
    events: list[Sent]
    alone: bool


_few = st.sampled_from(NAMES[:3] + NAMES[7:9])
_names = _few | st.sampled_from(NAMES)


@st.composite
def _sent(draw: st.DrawFn) -> Sent:
    joins = draw(st.booleans())
    odd = draw(st.integers(0, 15))
    subject = draw(_names if odd else st.sampled_from((BLOCKED, NOBODY, STRANGER, "of:card:0")))
    further = draw(st.lists(_names, max_size=3, unique=True)) if joins else []
    if odd == 1 and further:
        further[0] = draw(st.sampled_from((BLOCKED, NOBODY)))
    referrer = None
    if draw(st.integers(0, 4)) == 0:
        referrer = draw(_names if odd != 2 else st.sampled_from((BLOCKED, NOBODY, STRANGER)))
        referrer = None if referrer in further else referrer
    places = ("/data/store_id",) if joins else ("/data/total", "/data/channel")
    wrong = draw(st.lists(st.sampled_from(places), min_size=1, unique=True)) if odd == 3 else []
    return Sent(
        id=draw(st.sampled_from("abcdef")),
        origin=draw(st.sampled_from(("pos/1", "pos/1", "pos/2", "till/1", "strict/1", "else"))),
        joins=joins,
        subject=subject,
        further=tuple(further),
        referrer=referrer,
        store=draw(st.sampled_from(("s1", "s1", "s2"))),
        content=draw(st.sampled_from((0, 0, 1))),
        wrong=tuple(wrong),
        ahead=odd == 4,
    )


@st.composite
def stories(draw: st.DrawFn, *, kafka: bool = False) -> list[Request]:
    """Requests in order of time; an event may come again, as it was or otherwise."""
    sent, story = list[Sent](), list[Request]()
    for _ in range(draw(st.integers(1, 3 if kafka else 5))):
        events = list[Sent]()
        for _ in range(draw(st.integers(1, 5))):
            again = sent and draw(st.integers(0, 3)) == 0
            each = draw(st.sampled_from(sent)) if again else draw(_sent())
            if again and draw(st.booleans()):
                each = each._replace(content=1 - each.content)
            sent.append(each)
            events.append(each)
        if kafka and draw(st.booleans()):
            story.append(Request(None, events, alone=False))
        else:
            by = draw(st.sampled_from((SOURCES[0], SOURCES[0], SOURCES[1], SOURCES[2])))
            story.append(Request(by, events, alone=draw(st.booleans())))
    return story


class Writer:
    """Writes events as publishers do: names are spelt, and fields ordered, in many ways."""

    def __init__(self, number: int) -> None:
        """Write a story whose names and ids are nobody else's."""
        self.number = number
        self._chance = random.Random(number)

    def id_of(self, sent: Sent) -> str:
        """The id of an event."""
        return f"{self.number}-{sent.id}"

    def name(self, name: str, spelling: int = 0) -> str:
        """A name in one of its spellings."""
        kind, _, value = name.partition(":")
        number = f"{self.number:06d}{value}"
        first, rest = f"13{number[:5]}", f"{number[5:]:0>4}"
        spellings = {
            "phone": (
                f"+86{first}{rest}",
                f"+86 {first[:3]}-{first[3:]} {rest}",
                f"0086{first}{rest}",
            ),
            "card": (number, number.translate(_FULL_WIDTH), f" {number} "),
        }.get(kind, (number, number, f"{number} "))
        return f"{kind}:{spellings[spelling % 3]}"

    def write(self, sent: Sent, ids: Mapping[str, str]) -> bytes:
        """An event as JSON; `ids` are those of members, by their names."""
        spelling = zlib.crc32(f"{sent.id} {sent.origin} {sent.subject}".encode())

        def told(name: str) -> str:
            if name.startswith("of:"):
                return f"member:{ids[name.removeprefix('of:')]}"
            return _ODD.get(name) or self.name(name, spelling)

        data: dict[str, Any] = {"store_id": sent.store}
        named = {} if sent.referrer is None else {"referrer": told(sent.referrer)}
        if sent.joins:
            data |= {"via": "staff" if sent.content else "code", **named}
            data |= {"identities": [told(each) for each in sent.further]}
        else:
            data |= {"order_id": self.id_of(sent), "currency": "CNY", "channel": "store"}
            data |= {"total": 100 + sent.content, **({"attribution": named} if named else {})}
        data |= {place.removeprefix("/data/"): -1 for place in sent.wrong}
        event = {
            "specversion": "1.0",
            "id": self.id_of(sent),
            "source": sent.origin,
            "type": JOINED if sent.joins else PURCHASE,
            "subject": told(sent.subject),
            "time": "2199-01-01T00:00:00Z" if sent.ahead else "2024-01-01T08:00:00+08:00",
            "data": self._shuffled(data),
        }
        indent = self._chance.choice((None, None, 1))
        return json.dumps(self._shuffled(event), ensure_ascii=False, indent=indent).encode()

    def _shuffled(self, tree: dict[str, Any]) -> dict[str, Any]:
        fields = list(tree.items())
        self._chance.shuffle(fields)
        return dict(fields)


_ODD = {
    BLOCKED: "phone:+8600000000000",
    NOBODY: "moon:1",
    STRANGER: "member:01a201e8-5e0a-728f-a7e2-f95200043e72",
}
