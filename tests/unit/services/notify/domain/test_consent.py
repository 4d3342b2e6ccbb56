"""Consent by channel, for all channels, by category: the last word counts."""

import pytest

from services.notify.domain import facts
from services.notify.domain.consent import after, channels_granted, consent_to
from shared.clock import HOUR
from tests.unit.services.notify.domain.test_notify_machine import NOON, History, journey, purchase


@pytest.mark.parametrize(
    ("said", "channel", "category", "granted"),
    [
        ([], "sms", "sales", None),
        ([{"sms": True}], "sms", "sales", True),
        ([{"sms": True}], "wecom", "sales", None),
        ([{"sms": True}, {"all": False}], "sms", "sales", False),
        ([{"all": False}], "wecom", "value", False),
        ([{"all": False}, {"sms": True}], "sms", "care", True),
        ([{"all": False}, {"sms": True}], "wecom", "care", False),
        ([{"all": True}], "sms", "care", True),
        ([{"all": True, "sms": False}], "sms", "care", False),
        ([{"sms": True, "sales": False}], "sms", "sales", False),
        ([{"sms": True, "sales": False}], "sms", "care", True),
        ([{"sales": False}, {"all": True}], "sms", "sales", False),
        ([{"sales": False}, {"sales": True}], "sms", "sales", None),
    ],
)
def test_the_last_word_counts(
    said: list[dict[str, bool]], channel: str, category: str, *, granted: bool | None
) -> None:
    consent: dict[str, bool] = {}
    for words in said:
        consent = after(consent, words)
    assert consent_to(consent, channel, category) is granted


def test_a_no_to_all_is_heard_by_every_journey() -> None:
    history = History((0, journey())).fold(NOON, purchase(1))
    history.fold(NOON, facts.Consent("no", "all", granted=False)).until(NOON + 8 * HOUR)
    assert [reason for _, _, reason in history.said()] == ["no_consent"]


def test_a_condition_on_consents_hears_of_a_yes_to_all() -> None:
    """Seen by the model: who had said yes to all had said yes to no channel."""
    assert channels_granted({}) == frozenset()
    assert channels_granted({"sms": True, "email": False, "sales": True}) == {"sms"}
    granted = channels_granted({"all": True, "email": False, "pager": True, "care": False})
    assert {"sms", "wecom", "pager"} <= granted
    assert not granted & {"email", "all", "care"}
    document = journey(entry={"feature": "consents", "contains": "wecom"})
    history = History((0, document)).fold(NOON, facts.Consent("yes", "all", granted=True))
    history.fold(NOON, purchase(1)).until(NOON + 8 * HOUR)
    assert [reason for _, _, reason in history.said()] == [None]
