"""Whatever is sent is an answer, never an accident; and what passes is passed on unchanged."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.candidate import Candidate, Named
from services.ingest.domain.lines import TOO_LONG, LineCutter
from services.ingest.domain.names import NotAName, parse_name
from services.ingest.domain.reading import NoBatch, read_batch, read_binary, read_event
from services.ingest.domain.splice import spliced
from shared.events import decode
from shared.events.meaning import Bounds

BOUNDS = Bounds()
LI = "01a201e8-5e0a-728f-a7e2-f95200043e72"
NAMED = Named(LI, LI.encode(), 2, "card", LI)
NOW = datetime(2026, 1, 2, tzinfo=UTC)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),  # these are no JSON: see below
    st.text(max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
sound_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
sound_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        sound_text,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(sound_text, inner, max_size=3)
    ),
    max_leaves=10,
)


def good() -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "pos/1",
        "type": "regulars.purchase.completed.v1",
        "subject": "card:1",
        "time": "2017-01-01T11:53:26Z",
        "data": {
            "order_id": "o1",
            "store_id": "s1",
            "currency": "CNY",
            "total": 3520,
            "channel": "store",
            "lines": [{"sku": "x", "category": "soup", "quantity": 1.5, "amount": 3520}],
        },
    }


def verdict(candidate: Candidate) -> None:
    """Either it can be published, or the refusal says why, with pointers."""
    if candidate.refusal is None:
        assert candidate.is_read
        decode(
            spliced(
                candidate.envelope,
                candidate.data,
                NAMED,
                recorded=NOW,
                traceparent=None,
                extensions=candidate.extensions,
            )
        )
    else:
        assert candidate.refusal.status in (413, 422)
        assert candidate.refusal.detail


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A good event with one member of the envelope or the data replaced, added or removed."""
    event = good()
    place = draw(st.sampled_from([event, event["data"], event["data"]["lines"][0]]))
    name = draw(st.one_of(st.sampled_from(sorted(place)), st.text(max_size=12)))
    if draw(st.booleans()):
        place.pop(name, None)
    else:
        place[name] = draw(values)
    return json.dumps(event, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@given(mutations())
@settings(max_examples=300)
def test_any_mutation_of_an_event_has_a_verdict(raw: bytes) -> None:
    verdict(read_event(raw, BOUNDS))


@given(st.lists(mutations(), max_size=4))
@settings(max_examples=100)
def test_in_a_batch_each_item_has_the_verdict_it_has_alone(items: list[bytes]) -> None:
    candidates = read_batch(b"[" + b",".join(items) + b"]", BOUNDS)
    assert len(candidates) == len(items)
    for candidate, item in zip(candidates, items, strict=True):
        verdict(candidate)
        alone = read_event(item, BOUNDS)
        assert (candidate.refusal is None) == (alone.refusal is None)


@pytest.mark.parametrize("bad", [b"Infinity", b"NaN", b"01", b"'x'"])
def test_an_array_that_is_no_json_has_no_items_to_answer_for(bad: bytes) -> None:
    event = json.dumps(good()).encode()
    with pytest.raises(NoBatch):
        read_batch(b"[" + event + b"," + bad + b"]", BOUNDS)
    verdict(read_event(event.replace(b"3520", bad, 1), BOUNDS))


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 100))
@settings(max_examples=200)
def test_broken_bytes_have_a_verdict(noise: bytes, at: int, gone: int) -> None:
    raw = json.dumps(good()).encode()
    broken = raw[:at] + noise + raw[at + gone :]
    verdict(read_event(broken, BOUNDS))
    attributes = {name: str(value) for name, value in good().items() if name != "data"}
    verdict(read_binary(attributes, broken, BOUNDS))
    try:
        for candidate in read_batch(b"[" + broken + b"]", BOUNDS):
            verdict(candidate)
    except NoBatch as error:
        assert str(error)  # noqa: PT017 - either verdict is right; this one has its reason


@given(st.dictionaries(sound_text.filter(lambda name: name not in good()["data"]), sound_values))
@settings(max_examples=200)
def test_the_data_is_passed_on_as_it_was_published(more: dict[str, Any]) -> None:
    event = good()
    optional = {"discount", "points_paid", "staff_id", "voucher_codes", "group_buy", "attribution"}
    kept = {
        name: value
        for name, value in more.items()
        if name not in optional | {"receipt_code", "tenders"}
    }
    event["data"] |= kept
    for escaped in (True, False):
        raw = json.dumps(event, ensure_ascii=escaped).encode()
        candidate = read_event(raw, BOUNDS)
        assert candidate.refusal is None
        value = spliced(
            candidate.envelope,
            candidate.data,
            NAMED,
            recorded=NOW,
            traceparent=None,
            extensions=None,
        )
        assert json.loads(value)["data"] == event["data"]


@given(st.lists(st.binary(max_size=12)), st.integers(1, 8))
def test_lines_do_not_depend_on_the_pieces(pieces: list[bytes], bytes_max: int) -> None:
    whole = b"".join(pieces)
    at_once, by_pieces = LineCutter(bytes_max), LineCutter(bytes_max)
    expected = at_once.feed(whole) + at_once.finish()
    found = [line for piece in pieces for line in by_pieces.feed(piece)] + by_pieces.finish()
    assert found == expected
    assert all(line is TOO_LONG or (line and b"\n" not in line) for line in found)


@given(st.text(max_size=60))
def test_a_name_is_one_name_or_none(text: str) -> None:
    for told in (text, f"phone:+{text}", f"email:{text}@b.c", f"card:{text}"):
        try:
            name = parse_name(told)
        except NotAName:
            continue
        assert parse_name(name.text) == name
