"""What is counted, what is named, and how it is worded."""

from shared.runtime.verifying.findings import Difference, Findings, worded


def test_only_the_columns_that_are_expected_are_compared() -> None:
    findings = Findings()
    findings.hold(
        "lots", "a", {"granted": 5, "remaining": 3}, {"granted": 5, "remaining": 2, "x": 1}
    )
    assert findings.listed == [Difference("lots", "a", "remaining", "3", "2")]


def test_rows_that_are_missing_one_too_many_or_otherwise_are_told_apart() -> None:
    findings = Findings()
    findings.hold_rows(
        "lots",
        "ann",
        {("x",): {"n": 1}, ("y",): {"n": 1}, ("z",): {"n": 1}},
        {("y",): {"n": 2}, ("z",): {"n": 1}, ("w",): {"n": 1}},
    )
    assert findings.listed == [
        Difference("lots", "ann w", "row", "missing", "present"),
        Difference("lots", "ann x", "row", "present", "missing"),
        Difference("lots", "ann y", "n", "1", "2"),
    ]
    assert (findings.total, dict(findings.counts)) == (3, {"lots": 3})


def test_of_each_table_so_many_are_named_and_all_are_counted() -> None:
    findings = Findings(listed_max=2)
    for number in range(5):
        findings.missing("lots", number)
    findings.missing("accounts", 1)
    findings.more("accounts", 7)
    findings.more("accounts", 0)
    assert [each.table for each in findings.listed] == ["lots", "lots", "accounts"]
    assert dict(findings.counts) == {"lots": 5, "accounts": 8}
    assert findings.total == 13


def test_what_is_accounted_for_is_no_difference() -> None:
    findings = Findings()
    findings.account("letters", 3)
    findings.account("letters")
    findings.account("nothing", 0)
    assert dict(findings.accounted) == {"letters": 4}
    assert findings.total == 0


def test_values_are_worded_for_people() -> None:
    assert worded(None) == "null"
    assert worded(b"\x00\xff") == "00ff"
    assert worded(("ann", b"\x01", 2)) == "ann 01 2"
    assert worded("x" * 500) == "x" * 200 + "…"
