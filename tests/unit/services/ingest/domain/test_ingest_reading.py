"""What the edge makes of what was meant: text, names, numbers; and what it says where it cannot."""

import json
from typing import Any

import pytest
from msgspec import Raw

from services.ingest.domain.candidate import Candidate
from services.ingest.domain.reading import read_batch, read_binary, read_event
from shared.events.meaning import Bounds

BOUNDS = Bounds()
PURCHASE = "regulars.purchase.completed.v1"
UPDATED = "regulars.member.profile_updated.v1"
JOINED = "regulars.member.joined.v1"
CONSENT = "regulars.member.consent_changed.v1"
INTERACTION = "regulars.interaction.recorded.v1"
BOUGHT: dict[str, Any] = {
    "order_id": "o1",
    "store_id": "s1",
    "currency": "CNY",
    "total": 3520,
    "channel": "store",
    "lines": [{"sku": "x", "category": "soup", "quantity": 1.5, "amount": 3520}],
}


def event(data: Any = None, event_type: str = PURCHASE, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "pos/1",
        "type": event_type,
        "subject": "card:1",
        "time": "2017-01-01T11:53:26Z",
        "data": BOUGHT if data is None else data,
        **more,
    }


def written(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode()


def both_ways(raw: bytes) -> list[Candidate]:
    """Alone, and in a batch with two good neighbours who are not touched by it."""
    neighbour = written(event(id="n"))
    first, inside, last = read_batch(b"[" + b",".join((neighbour, raw, neighbour)) + b"]", BOUNDS)
    assert first.refusal is None
    assert last.refusal is None
    return [read_event(raw, BOUNDS), inside]


def taken(raw: bytes) -> list[Any]:
    """The data that goes on the log; both ways the same."""
    found = both_ways(raw)
    assert [each.refusal for each in found] == [None, None]
    return [json.loads(bytes(each.data)) for each in found]


def refused(raw: bytes) -> dict[str, str]:
    """What is wrong, by pointer; both ways the same."""
    alone, inside = both_ways(raw)
    assert alone.refusal is not None
    assert inside.refusal is not None
    assert inside.refusal.errors == alone.refusal.errors
    assert alone.refusal.status == 422
    return {wrong.pointer: wrong.detail for wrong in alone.refusal.errors}


@pytest.mark.parametrize(
    ("once", "twice", "pointer"),
    [
        ('"id": "e1"', '"id": "e0", "id": "e1"', "/id"),
        ('"id": "e1"', '"id": "e1", "id" : "e1"', "/id"),
        ('"source": "pos/1"', '"source": "pos/1", "source": "pos/1"', "/source"),
        ('"specversion"', '"data": {}, "specversion"', "/data"),
        ('"total": 3520', '"total": 3520, "total": 1', "/data/total"),
        ('"total": 3520', '"total"\n : 1, "total": 3520', "/data/total"),
        ('"quantity": 1.5', '"quantity": 1.5, "quantity": 2', "/data/lines/0/quantity"),
        ('"total": 3520', '"total": 3520, "x": [{"a": 1, "a": 1}]', "/data/x/0/a"),
        ('"total": 3520', '"total": 3520, "tot\\u0061l": 1', "/data/total"),
        ('"total": 3520', '"total": 3520, "x": "\\u0022\\u003a", "total": 3520', "/data/total"),
        ('"id": "e1"', '"id": "\\u0022\\u0022\\u0022\\u0022", "id": "e1"', "/id"),
    ],
)
def test_i25_a_name_that_stands_twice_is_refused_where_it_stands(
    once: str, twice: str, pointer: str
) -> None:
    text = json.dumps(event(time="2017-01-01T11:53:26+0800"))
    assert once in text
    told = refused(text.replace(once, twice, 1).encode())
    assert "stands twice" in told[pointer]


def test_i25_marks_in_texts_are_no_names() -> None:
    for mark in ('say "hi": done', '\\": "', "a:b", '"', "\\\\"):
        [alone, inside] = taken(written(event({**BOUGHT, "staff_id": mark, "note": mark})))
        assert alone["note"] == alone["staff_id"] == mark
        assert inside == alone


@pytest.mark.parametrize("event_type", [PURCHASE, JOINED])
@pytest.mark.parametrize("number", ["0.1000000000000000055", "1" + "0" * 40, "-0", "1e2", "1E-9"])
def test_numbers_in_unknown_fields_come_through_as_written(number: str, event_type: str) -> None:
    data = {"store_id": "s1", "via": "code"} if event_type == JOINED else BOUGHT
    raw = written(event({**data, "depth": 77}, event_type)).replace(b"77", number.encode())
    for candidate in both_ways(raw):
        assert candidate.refusal is None
        assert f'"depth": {number}'.encode() in bytes(candidate.data)


@pytest.mark.parametrize("place", ["data", "envelope"])
def test_a_number_that_no_reader_can_hold_is_refused_where_it_stands(place: str) -> None:
    told = event({**BOUGHT, "depth": 77}) if place == "data" else event(depth=77)
    found = refused(written(told).replace(b"77", b"1e400"))
    pointer = "/data/depth" if place == "data" else "/depth"
    assert "out of range" in found[pointer]


@pytest.mark.parametrize(
    ("number", "is_taken"),
    [
        ("3520", True),
        ("-0", True),
        ("3520.0", False),
        ("3.52e3", False),
        ("35.2", False),
        ('"3520"', False),
        ("9223372036854775808", False),
        ("100000000001", False),
    ],
)
def test_i26_totals_are_whole_numbers_within_reach(number: str, is_taken: bool) -> None:  # noqa: FBT001 - a case
    raw = written(event()).replace(b'"total": 3520', b'"total": ' + number.encode())
    if is_taken:
        taken(raw)
    else:
        assert "/data/total" in refused(raw)


def test_i28_characters_that_cannot_be_kept_are_refused_where_they_stand() -> None:
    assert "NUL" in refused(written(event({**BOUGHT, "note": {"a": ["x\0"]}})))["/data/note/a/0"]
    assert "NUL" in refused(written(event(id="a\0")))["/id"]
    halves = written(event({**BOUGHT, "note": "77"})).replace(b"77", b"\\ud800")
    assert "surrogate" in refused(halves)["/data/note"]
    latin = written(event({**BOUGHT, "note": "77"})).replace(b"77", b"caf\xe9")
    assert "utf-8" in refused(latin)[""]
    assert "U+0007" in refused(written(event(id="a\x07")))["/id"]
    assert "U+007F" in refused(written(event({**BOUGHT, "order_id": "a\x7fb"})))["/data/order_id"]
    assert "U+0085" in refused(written(event({**BOUGHT, "store_id": "a\x85b"})))["/data/store_id"]
    assert len(refused(written(event({**BOUGHT, "store_id": "a\nb", "total": -1})))) == 2
    taken(written(event({**BOUGHT, "order_id": "\ufdd0\U0001fffe"})))  # noncharacters


def test_text_that_is_no_id_may_have_lines() -> None:
    said = {"kind": "comment", "text": " first\nsecond \n"}
    assert taken(written(event(said, INTERACTION)))[0]["text"] == "first\nsecond"


@pytest.mark.parametrize("blank", [" ", "\t", "\u3000", "\u00a0", "\n"])
def test_m3_white_space_around_is_cut_from_what_a_type_declares(blank: str) -> None:
    line = {**BOUGHT["lines"][0], "category": f"{blank}soup{blank}", "name": f"a b{blank}"}
    sent = event(
        {**BOUGHT, "store_id": f"{blank}s1", "lines": [line], "note": f" {blank}as it is "},
        id=f"e1{blank}",
        source=f"{blank}pos/1",
    )
    for candidate in both_ways(written(sent)):
        assert candidate.refusal is None
        assert (candidate.envelope.id, candidate.envelope.source) == ("e1", "pos/1")
        assert candidate.store_id == "s1"
        data = json.loads(bytes(candidate.data))
        assert (data["store_id"], data["lines"][0]["category"]) == ("s1", "soup")
        assert (data["lines"][0]["name"], data["note"]) == ("a b", f" {blank}as it is ")


def test_an_id_of_nothing_but_white_space_is_none() -> None:
    assert "/data/store_id" in refused(written(event({**BOUGHT, "store_id": "  "})))
    long = event({**BOUGHT, "order_id": "o" * 200 + "  "}, source="s" * 256)
    assert taken(written(long))[0]["order_id"] == "o" * 200
    assert "/data/order_id" in refused(written(event({**BOUGHT, "order_id": "o" * 201})))
    assert "/source" in refused(written(event(source="s" * 257)))


@pytest.mark.parametrize("escaped", [True, False])
def test_m4_letters_have_one_form_where_a_type_declares_them(escaped: bool) -> None:  # noqa: FBT001 - a case
    profile = {"city": "Zu\u0308rich Cafe\u0301", "interests": ["te\u0301"]}
    sent = event(
        {"by": "staff", "profile": profile, "attributes": {"a": ["e\u0301"]}, "raw": "e\u0301"},
        UPDATED,
    )
    [data, again] = taken(json.dumps(sent, ensure_ascii=escaped).encode())
    assert data["profile"] == {"city": "Zürich Café", "interests": ["té"]}
    assert data["attributes"] == {"a": ["é"]}
    assert data["raw"] == "e\u0301"  # what is not ours comes through as it is
    assert again == data


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [
        ("time_zone", "PRC", "Asia/Shanghai"),
        ("time_zone", "asia/shanghai", "Asia/Shanghai"),
        ("time_zone", "Europe/Amsterdam", "Europe/Amsterdam"),
        ("time_zone", "Etc/UTC", "UTC"),
        ("language", "zh_cn", "zh-CN"),
        ("language", "EN", "en"),
        ("language", "zh-hans-cn", "zh-Hans-CN"),
    ],
)
def test_names_become_their_one_spelling(field: str, value: str, meant: str) -> None:
    sent = event({"by": "member", "profile": {}, "attributes": {field: value}}, UPDATED)
    assert taken(written(sent))[0]["attributes"] == {field: meant}


@pytest.mark.parametrize(
    ("told", "pointer", "words"),
    [
        ({"attributes": {"time_zone": "Asia/Shangai"}}, "time_zone", "'Asia/Shanghai'"),
        ({"attributes": {"language": "klingon"}}, "language", "BCP 47"),
        ({"attributes": {"language": 5}}, "language", "a text"),
        ({"profile": {"gender": "femal"}}, "gender", "did you mean 'female'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    told: dict[str, Any], pointer: str, words: str
) -> None:
    found = refused(written(event({"by": "member", "profile": {}, **told}, UPDATED)))
    [(where, said)] = found.items()
    assert where.endswith(f"/{pointer}")
    assert words in said


def test_unknown_channels_currencies_and_types_are_refused_with_the_nearest() -> None:
    change = {"channel": "wecom", "granted": False, "source": "till"}
    for known in ("wecom", "sms", "all", "sales", "care", "service"):
        taken(written(event({**change, "channel": known}, CONSENT)))
    found = refused(written(event({**change, "channel": "wecomm"}, CONSENT)))
    assert "did you mean 'wecom'" in found["/data/channel"]
    consent = {"store_id": "s1", "via": "code", "consent": {"sms": True, "smss": True}}
    assert "'smss'" in refused(written(event(consent, JOINED)))["/data/consent/smss"]
    further = Bounds(channels=frozenset({"pigeon"}))
    pigeon = written(event({**change, "channel": "pigeon"}, CONSENT))
    assert read_event(pigeon, further).refusal is None
    assert "CNY" in refused(written(event({**BOUGHT, "currency": "RMB"})))["/data/currency"]
    near = refused(written(event(event_type="regulars.purchase.complete.v1")))["/type"]
    assert f"did you mean '{PURCHASE}'" in near


def test_a_chain_may_lower_the_bound_of_amounts() -> None:
    low = Bounds(amount_max=3_000)
    refusal = read_event(written(event()), low).refusal
    assert refusal is not None
    assert [wrong.pointer for wrong in refusal.errors] == ["/data/total", "/data/lines/0/amount"]
    assert read_event(written(event()), Bounds(amount_max=3_520)).refusal is None


@pytest.mark.parametrize("data", ["[]", "1", '"{}"', "null"])
def test_i8_data_that_is_no_object_is_refused(data: str) -> None:
    raw = written(event({"a": 77})).replace(b'{"a": 77}', data.encode())
    assert "/data" in refused(raw)


def test_i29_depth_is_taken_or_refused_in_words() -> None:
    for depth in (100, 1_000, 20_000):
        raw = written(event({**BOUGHT, "deep": 77})).replace(b"77", b"[" * depth + b"]" * depth)
        for candidate in both_ways(raw):
            assert candidate.refusal is None or candidate.refusal.status == 422


def test_i10_extensions_hold_what_cloudevents_allows() -> None:
    taken(written(event(tenant="a", count=2**31 - 1, flag=True, none=None)))
    for odd in (2**31, 10**30, 0.5, {"a": 1}):
        assert refused(written(event(tenant=odd)))


def test_what_cannot_be_read_is_called_by_its_id_and_type() -> None:
    spoilt = written(event({**BOUGHT, "total": 77})).replace(b"77", b"1e400")
    for candidate in both_ways(spoilt):
        assert (candidate.event_id, candidate.event_type) == ("e1", PURCHASE)
    binary = read_binary({"id": "e2", "type": PURCHASE}, b"{", BOUNDS)
    assert (binary.event_id, binary.event_type) == ("e2", PURCHASE)


def test_equal_content_has_one_digest_however_it_is_written() -> None:
    told = event()
    turned = dict(reversed(told.items())) | {"data": dict(reversed(told["data"].items()))}
    spaced = json.dumps(turned, indent=2).encode()
    assert read_event(written(told), BOUNDS).digest == read_event(spaced, BOUNDS).digest
    blank = event({**BOUGHT, "store_id": "s1 "})
    assert read_event(written(blank), BOUNDS).digest == read_event(written(told), BOUNDS).digest
    other = event({**BOUGHT, "total": 1})
    assert read_event(written(other), BOUNDS).digest != read_event(written(told), BOUNDS).digest


def test_one_unknown_type_in_a_batch_is_one_refused_item() -> None:
    kinds = [PURCHASE, "regulars.nothing.v1", 5, None, PURCHASE]
    body = b"[" + b",".join(written(event(event_type=kind)) for kind in kinds) + b"]"  # type: ignore[arg-type]
    found = read_batch(body, BOUNDS)
    assert [each.refusal is None for each in found] == [True, False, False, False, True]
    only = read_batch(written(event(event_type=kinds[1])).join([b"[", b"]"]), BOUNDS)  # type: ignore[arg-type]
    assert only[0].refusal is not None
    assert only[0].refusal.slug == "unknown-event-type"


def test_unknown_data_stays_what_it_was() -> None:
    candidate = read_event(b'{"a":1}', BOUNDS)
    assert candidate.refusal is not None
    assert isinstance(read_event(written(event()), BOUNDS).data, Raw)
