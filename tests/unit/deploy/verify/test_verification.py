"""What `regulars verify` answers to the shell and to programs."""

from deploy.verify.run import Verification
from shared.runtime.verifying.findings import Findings


def _found(*, differences: int = 0) -> Findings:
    findings = Findings(listed_max=1)
    for number in range(differences):
        findings.differs("lots", number, "remaining", 1, 2)
    return findings


def test_the_exit_code_tells_clean_from_different_from_not_done() -> None:
    clean = Verification({"points": _found()})
    different = Verification({"points": _found(), "notify": _found(differences=1)})
    failed = Verification({"points": _found(differences=1)}, {"points": "no such database"})
    assert [each.exit_code for each in (clean, different, failed)] == [0, 1, 2]
    assert [each.clean for each in (clean, different, failed)] == [True, False, False]


def test_one_object_says_it_all() -> None:
    told = Verification({"points": _found(differences=3)}, {"points": "the log is away"}).as_json()
    assert told["clean"] is False
    points = told["services"]["points"]
    assert (points["differences"], points["by_table"]) == (3, {"lots": 3})
    assert points["failure"] == "the log is away"
    assert points["listed"] == [
        {"table": "lots", "key": "0", "column": "remaining", "expected": "1", "found": "2"}
    ]
