"""The document: what is refused, with its place; what the default says."""

import copy
from typing import Any

import pytest

from services.notify.domain.compiling import DocumentError, compile_program
from shared.clock import DAY, HOUR, MINUTE, SECOND
from tests.property.services.notify.notify_history import default_document


def changed(path: str, value: object) -> dict[str, Any]:
    document: Any = copy.deepcopy(default_document())
    *way, last = path.strip("/").split("/")
    place = document
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    result: dict[str, Any] = document
    return result


def test_the_default_says_what_the_chain_does_after_a_purchase() -> None:
    program = compile_program(default_document())
    steps = {step.name: step for step in program.journeys["after_purchase"].steps}
    assert [step.waits[0].since_entry for step in steps.values()] == [
        3 * MINUTE,
        *(days * DAY for days in (1, 7, 15, 30, 45, 60, 90, 120)),
    ]
    purposes = [step.purpose for step in steps.values()]
    assert purposes == ["relationship"] * 4 + ["lead_back"] * 2 + ["invite_back"] * 3
    assert program.journeys["welcome"].steps[0].waits[0].since_entry == 20 * SECOND
    assert program.quiet_hours is not None
    assert (program.quiet_hours.start, program.quiet_hours.end) == (22 * HOUR, 8 * HOUR)


AFTER = "/journeys/after_purchase"


@pytest.mark.parametrize(
    ("path", "value", "pointer", "words"),
    [
        ("/time_zone", "Mars/Olympus", "/time_zone", "unknown time zone"),
        ("/caps/0/channel", "fax", "/caps/0/channel", "unknown channel 'fax'"),
        ("/caps/0/per", "year", "/caps/0/per", "span of time"),
        ("/caps/0/per", "60d", "/caps/0/per", "at most 31d"),
        ("/channels/sms/destination", "x", "/channels/sms/destination", "unknown destination"),
        (f"{AFTER}/steps/1/send/template", "x", f"{AFTER}/steps/1/send/template", "unknown"),
        (f"{AFTER}/steps/3/send/id", "3m", f"{AFTER}/steps/3/send/id", "another step"),
        (f"{AFTER}/steps/2/wait/since_entry", "1m", f"{AFTER}/steps/2/wait/since_entry", "later"),
        (f"{AFTER}/steps/0", {"send": {}}, f"{AFTER}/steps/0/send/id", "required"),
        (f"{AFTER}/entry", {"feature": "ordrs", "at_least": 1}, f"{AFTER}/entry/feature", "orders"),
        (f"{AFTER}/exits/0/when", {"all": []}, f"{AFTER}/exits/0", "exactly one"),
        (f"{AFTER}/reentry", "maybe", f"{AFTER}/reentry", "restart"),
        (f"{AFTER}/colour", "red", f"{AFTER}/colour", "not permitted"),
        ("/templates/thanks/text/zh", "{{ totl }}", "/templates/thanks/text/zh", "totl"),
        ("/templates/thanks/text/en", "{{ total ", "/templates/thanks/text/en", "expected"),
        ("/templates/thanks/text/en", "x" * 4001, "/templates/thanks/text/en", "4000"),
        ("/quiet_hours/end", "22:00", "/quiet_hours", "different times"),
        ("/quiet_hours/end", "25:00", "/quiet_hours/end", "time of day"),
        (
            f"{AFTER}/trigger/event",
            "regulars.purchase.complete.v1",
            f"{AFTER}/trigger/event",
            "did you mean 'regulars.purchase.completed.v1'?",
        ),
        (
            f"{AFTER}/trigger/event",
            "regulars.points.moved.v1",
            f"{AFTER}/trigger/event",
            "regulars.points.moved.v1 begins and ends no journey",
        ),
        (
            f"{AFTER}/trigger/event",
            "regulars.order.moved.v1",
            f"{AFTER}/trigger/event",
            "regulars.order.moved.v1 begins and ends no journey",
        ),
        (
            f"{AFTER}/exits/0/event",
            "regulars.purchase.refund.v1",
            f"{AFTER}/exits/0/event",
            "did you mean 'regulars.purchase.refunded.v1'?",
        ),
        (
            f"{AFTER}/exits/0/match/0",
            "orderid",
            f"{AFTER}/exits/0/match/0",
            "did you mean 'order_id'? (both events tell: currency",
        ),
        (
            f"{AFTER}/exits/0/match/0",
            "total",
            f"{AFTER}/exits/0/match/0",
            "unknown field 'total' (both events tell: currency, order_id, store_id)",
        ),
        (f"{AFTER}/repeat_after", "3d", f"{AFTER}/repeat_after", "a tag or a tier"),
        (
            "/journeys/welcome/entry",
            {"feature": "event.total", "at_least": 1},
            "/journeys/welcome/entry/feature",
            "event.total",
        ),
        ("/caps/0/channel", "wecon", "/caps/0/channel", "did you mean 'wecom'?"),
        ("/channels/wecom/address", "staff", "/channels/wecom/address", "adviser"),
        (
            "/templates/welcome/text/en",
            "{{ order_id }}",
            "/templates/welcome/text/en",
            "'order_id' can be missing in journey 'welcome'",
        ),
        ("/destinations/console/sender", "webhook", "/destinations/console", "url"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    path: str, value: object, pointer: str, words: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_program(changed(path, value))
    found = {problem.pointer: problem.message for problem in caught.value.problems}
    assert pointer in found, found
    assert words in found[pointer]


def test_a_text_longer_than_its_channel_takes_is_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        compile_program(changed("/channels/wecom/bytes_max", 50))
    places = {problem.pointer for problem in caught.value.problems}
    assert "/templates/welcome/text/zh" in places


def test_a_secret_cannot_be_named_that_is_not_a_webhooks() -> None:
    hook = {"sender": "webhook", "url": "https://x.example/", "secrets": ["REGULARS_TOKEN_KEY"]}
    with pytest.raises(DocumentError) as caught:
        compile_program(changed("/destinations/console", hook))
    assert caught.value.problems[0].pointer == "/destinations/console/secrets/0"


def test_all_mistakes_are_named_at_once() -> None:
    document = changed("/caps/0/channel", "fax")
    document["journeys"]["welcome"]["steps"][1]["send"]["channel"] = "pigeon"
    with pytest.raises(DocumentError) as caught:
        compile_program(document)
    assert len(caught.value.problems) == 2
