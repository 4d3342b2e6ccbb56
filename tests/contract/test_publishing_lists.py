"""The lists and limits of docs/publishing-events.md are those of the code."""

import re
from pathlib import Path
from typing import get_args

import pytest

from services.ingest.api.events import EventLimits
from services.ingest.settings import IngestSettings
from shared.events import facts, scalars
from shared.events.currencies import MINOR_DIGITS
from shared.events.meaning import ALL_CHANNELS, CATEGORIES, CHANNELS, Bounds

TEXT = (Path(__file__).parents[2] / "docs" / "publishing-events.md").read_text()


def listed(row: str) -> list[str]:
    """The words in code marks in the second column of a row."""
    [found] = re.findall(rf"^\| {re.escape(row)} \| (.*) \|$", TEXT, re.MULTILINE)
    return re.findall(r"`([^`]+)`", found)


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ("`channel` of a purchase", get_args(facts.SalesChannel)),
        ("`via` of `member.joined`", get_args(facts.JoinedVia)),
        ("`gender`", get_args(facts.Gender)),
        ("`by` of `member.profile_updated`", get_args(facts.UpdatedBy)),
        ("`role` of a `group_buy`", get_args(facts.GroupBuyRole)),
        ("channels of consent (`REGULARS_CHANNELS` names others)", CHANNELS),
        ("in `channel` of `member.consent_changed` also", {ALL_CHANNELS} | CATEGORIES),
    ],
)
def test_closed_lists(row: str, values: frozenset[str]) -> None:
    assert sorted(listed(row)) == sorted(values)


@pytest.mark.parametrize(
    ("row", "digits"),
    [("currencies without minor units", 0), ("with three decimals", 3), ("with four", 4)],
)
def test_currencies_whose_minor_unit_is_not_a_hundredth(row: str, digits: int) -> None:
    codes = [code for code, known in MINOR_DIGITS.items() if known == digits]
    assert sorted(listed(row)) == sorted(codes)


def test_limits() -> None:
    fields = IngestSettings.model_fields
    kibibytes = fields["event_bytes_max"].default // 1024
    events, mebibytes = EventLimits().batch_events_max, EventLimits().batch_bytes_max // 2**20
    assert Bounds().event_bytes_max == fields["event_bytes_max"].default
    assert f"| {kibibytes} KiB; {events:,} events or {mebibytes} MiB; none |" in TEXT
    lengths = (
        scalars.SOURCE_LENGTH_MAX,
        scalars.SUBJECT_LENGTH_MAX,
        scalars.IDENTIFIER_LENGTH_MAX,
    )
    assert "| {}; {}; {} characters |".format(*lengths) in TEXT
    assert f"| {scalars.LABEL_LENGTH_MAX}; {scalars.TEXT_LENGTH_MAX:,} characters |" in TEXT
    assert f"| 0 to {scalars.AMOUNT_MAX:,}; of a line also below zero |" in TEXT
    assert f"| 0 to {scalars.QUANTITY_MAX:,.0f}; whole numbers up to 2^53 \u2212 1 |" in TEXT
    assert scalars.COUNT_MAX == 2**53 - 1
    assert f"| {scalars.TRACE_LENGTH_MAX} characters; a longer one is dropped" in TEXT
    assert fields["amount_max"].default == scalars.AMOUNT_MAX
