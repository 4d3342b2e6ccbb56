"""A fact that stands otherwise than the log tells: which columns are named."""

from typing import Any

import msgspec
import pytest

from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.log import EARLIER_RELEASE, hold_fact

_FACT = [1, "id", 300, ["a"], "new"]


def _row(told: list[Any], found: bytes, **more: Any) -> dict[str, Any]:
    row = {"at": 1, "rank": 0, "supersedes": None, "about": b"o", "body": found}
    row |= {f"told_{name}": value for name, value in row.items()}
    named = {"member_id": "ann", "named": "purchase till 1"}
    return row | named | {"told_body": msgspec.msgpack.encode(told)} | more


@pytest.mark.parametrize(
    ("found", "more", "columns"),
    [
        (_FACT, {}, []),
        (_FACT, {"at": 2}, ["at"]),
        (_FACT, {"rank": 1, "about": None}, ["rank", "about"]),
        (_FACT, {"supersedes": b"s"}, ["supersedes"]),
        ([1, "id", 301, ["a"], "new"], {}, ["body"]),
        ([1, "id", 301], {}, ["body"]),
        ([*_FACT, 7], {}, ["body"]),
        (5, {}, ["body"]),
    ],
)
def test_what_differs_is_named(found: Any, more: dict[str, Any], columns: list[str]) -> None:
    findings = Findings()
    hold_fact(_row(_FACT, msgspec.msgpack.encode(found), **more), findings)
    assert [each.column for each in findings.listed] == columns
    assert findings.total == len(columns)


def test_a_fact_with_fewer_fields_was_kept_by_an_earlier_release() -> None:
    findings = Findings()
    hold_fact(_row(_FACT, msgspec.msgpack.encode(_FACT[:3])), findings)
    assert findings.total == 0
    assert dict(findings.accounted) == {EARLIER_RELEASE: 1}


def test_bytes_that_are_no_fact_are_a_difference() -> None:
    findings = Findings()
    hold_fact(_row(_FACT, b"\xc1"), findings)
    assert [each.column for each in findings.listed] == ["body"]
