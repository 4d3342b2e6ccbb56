"""What no publisher should send, and some do: broken events for Kafka and bodies for HTTP."""

import json
import random
from collections.abc import Callable, Iterator

from tests.e2e.outside import as_json

Header = tuple[str, str | bytes | None]
Garbage = tuple[bytes | None, list[Header]]

_TYPES = (
    "regulars.purchase.completed.v1",
    "regulars.purchase.refunded.v1",
    "regulars.member.joined.v1",
    "regulars.points.moved.v1",
    "regulars.tags.changed.v1",
    "regulars.job.requested.v1",
    "regulars.job.sent.v1",
    "nobody.knows.this.v1",
)
_VALUES = (
    "null", '"\\u0000"', '"\\ud800"', "1e400", "-1", "99999999999999999999", '""', "[]", "{}",
    "true", "0.1000000000000000055", '"' + "x" * 400 + '"', '"\\u202e"', "[[[[[[[[]]]]]]]]",
)  # fmt: skip


def _random_bytes(chance: random.Random) -> Garbage:
    return chance.randbytes(chance.choice((0, 1, 40, 3_000))), []


def _nothing(chance: random.Random) -> Garbage:
    return chance.choice((None, b"", b"null", b"[]", b"{}", b"\xef\xbb\xbf{}", b"[" * 30_000)), []


def _strange_headers(chance: random.Random) -> Garbage:
    headers: list[Header] = [
        ("ce_specversion", chance.choice((b"1.0", b"\xff", None, b""))),
        ("ce_id", chance.choice((b"a\0b", None, b"\xff\xfe"))),
        ("ce_id", b"twice"),
        ("n\0l", b"\0" * 9),
        ("content-type", chance.choice((b"application/cloudevents+json", b"\xff", None))),
    ]
    return as_json(f"g{chance.random()}"), chance.sample(headers, chance.randint(1, len(headers)))


def _half_an_event(chance: random.Random) -> Garbage:
    """An event of a type of ours in which some fields say what they must not."""
    event = json.loads(as_json(f"h{chance.random()}"))
    event["type"] = chance.choice(_TYPES)
    event["subject"] = chance.choice(("0192e0a0-0000-7000-8000-000000000002", "card:1", "", "\0"))
    text = json.dumps(event)
    for _ in range(chance.randint(1, 3)):
        at = chance.choice([i for i, letter in enumerate(text) if letter == ":"])
        text = f"{text[: at + 1]}{chance.choice(_VALUES)},{text[at + 1 :]}"
    return text.encode(), []


def _mutated(chance: random.Random) -> Garbage:
    return mutated(as_json(f"m{chance.random()}"), chance), []


_KINDS: tuple[Callable[[random.Random], Garbage], ...] = (
    _random_bytes,
    _nothing,
    _strange_headers,
    _half_an_event,
    _mutated,
)


def records(count: int, seed: int) -> Iterator[Garbage]:
    """So many records, of every kind, the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        yield chance.choice(_KINDS)(chance)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The same bytes with a few cut out, doubled, put elsewhere or changed."""
    raw = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(raw) + 1)
        end = min(len(raw), at + chance.choice((1, 1, 2, 8, 60)))
        what = chance.randrange(5)
        if what == 0:
            del raw[at:end]
        elif what == 1:
            raw[at:at] = raw[at:end]
        elif what == 2:
            raw[at:at] = chance.choice(_VALUES).encode()
        elif what == 3:
            raw[at:end] = chance.randbytes(end - at)
        elif at < len(raw):
            raw[at] ^= 1 << chance.randrange(8)
    return bytes(raw)
